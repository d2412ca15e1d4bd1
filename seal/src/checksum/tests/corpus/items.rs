//! Corpus: items inside a body, types, and attributes.

#[migration(version = 201)]
async fn with_imports(tx: &mut Transaction<'_>) -> Result {
    use std::collections::{HashMap, BTreeMap, hash_map::{Entry, self}};
    use futures::StreamExt as _;
    use std::fmt::Write;
    use {alloc::vec::Vec as V, core::mem::{swap}};
    use self::{helpers::*};
    use crate::a as a;

    use std::io;
    let mut counts: HashMap<String, u64> = HashMap::new();
    if let Entry::Vacant(slot) = counts.entry("x".into()) { slot.insert(1); }
    tx.say(counts.len()).await
}

#[migration(version = 202)]
async fn with_local_types(tx: &mut Transaction<'_>) -> Result {
    /// One row.
    #[derive(Debug, Clone, Serialize)]
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields,)]
    struct Row<'a, T: Clone + Default = u8, const N: usize = 3>
    where
        T: Send,
    {
        /// The key.
        #[serde(rename = "_id")]
        pub(in crate) id: ObjectId,
        pub name: &'a str,
        values: [T; N],
    }
    struct Unit;
    struct Pair(u8, pub(crate) Vec<u8>,);
    #[repr(u8)]
    enum State { New = 1, Old { since: i64, }, Gone(String), }
    union Either { int: u32, float: f32 }
    type Rows<'a> = Vec<Row<'a>>;
    const LIMIT: usize = 100;
    static GREETING: &str = "hello";
    tx.say((LIMIT, GREETING)).await
}

#[migration(version = 203)]
async fn with_local_functions(tx: &mut Transaction<'_>) -> Result {
    fn lower(text: &str) -> String { text.trim().to_lowercase() }
    #[inline]
    fn unit<T>(_: T) -> () where T: Copy, { }
    extern fn called_from_c(value: i32,) -> i32 { value }
    unsafe extern "C" { fn abs(value: i32) -> i32; }
    const fn constant<const N: usize>() -> usize { N }
    async fn helper<'a, F, Fut>(value: &'a str, f: F) -> Result<String, BoxError> where F: FnOnce(&'a str) -> Fut + Send + 'a, Fut: Future<Output = String> { Ok(f(value).await) }
    unit(1);
    tx.say(helper(&lower("ABC"), |x| async { x.to_owned() }).await?).await
}

#[migration(version = 204)]
async fn with_traits(tx: &mut Transaction<'_>) -> Result {
    trait Shape: Debug + Send { type Unit: Copy; const SIDES: u32 = 0; fn area(&self,) -> f64; fn name(&self) -> String { "shape".into() } }
    #[derive(Debug)]
    struct Circle { r: f64 }
    impl Shape for Circle {
        type Unit = u8;
        const SIDES: u32 = 1;
        fn area(&self) -> f64 { std::f64::consts::PI * self.r.powi(2) }
    }
    impl<T> Marker for Box<T> where T: ?Sized + (Shape) {}
    impl Circle { fn new(r: f64) -> Self { Self { r: r } } fn boxed(self: Box<Self>, mut extra: u8) -> impl Iterator<Item = u8> + use<> { std::iter::once({ extra += 1; extra }) } }
    tx.say(Circle::new(2.0).area()).await
}

#[migration(version = 205)]
async fn with_types(tx: &mut Transaction<'_>) -> Result {
    let a: Box<dyn Fn(&str, u8,) -> Result<(), Error> + Send + 'static>;
    let b: &(dyn Any + Send);
    let c: &'static mut [(u8, [u16; 4])];
    let d: fn(i32, name: &str) -> !;
    let e: for<'a> unsafe extern "C" fn(&'a u8) -> &'a u8;
    let f: *const (*mut u8);
    let g: impl_trait!(u8);
    let h: HashMap<String, Vec<Option<Result<(u8,), Box<dyn std::error::Error + Send + Sync + 'static>>>>, RandomState>;
    let i: <Vec<u8> as IntoIterator>::Item;
    let j: [_; { 1 + 2 }];
    let k: Foo<Item = u8, Bar: Clone + Send>;
    let l: ();
    let m: extern fn();
    tx.touch().await
}

#[migration(version = 206)]
#[tracing::instrument(skip(tx), fields(kind = "x"),)]
async fn with_attributes(tx: &mut Transaction<'_>) -> Result {
    #![allow(clippy::pedantic)]
    #[allow(unused_variables)]
    let unused = 1;
    #[rustfmt::skip]
    let matrix = [1, 0,
                  0, 1];
    #[cfg(debug_assertions)]
    tx.say("debug").await?;
    #[cfg_attr(test, allow(dead_code))]
    fn helper() {}
    #[expect(clippy::never_loop, reason = "shown once")]
    loop { break; }
    match matrix[0] {
        #[cfg(feature = "zero")]
        0 => tx.touch(),
        /// Documented.
        _ => {}
    }
    Ok(())
}

#[migration(version = 207)]
async fn with_macros(tx: &mut Transaction<'_>) -> Result {
    let list = vec!(1, 2, 3);
    let zeros = vec![0_u8; 1024];
    let text = format!("{} {name} {:?} {:>width$}", (list.len()), zeros, 1 + 2, name = "x", width = 10);
    println!("a format string that is long enough to be wrapped by any formatter: {} {} {}", text, list.len(), zeros.len());
    assert_eq!(list.len(), 3, "a message that is long enough to be wrapped by any formatter: {}", text);
    let either = if cfg!(all(unix, not(target_os = "macos"))) { env!("HOME") } else { concat!("a", "b") };
    let selected = tokio::select! { biased; _ = tx.touch() => { 1 } else => 2 };
    let json = json!({ "a": [1, 2, { "b": null }], "c": { "d": (1 + 2) * 3, }, });
    let document = doc! { "list": list, "nested": { "deep": { "deeper": [either, selected] } } };
    thread_local! { static LOCAL: Cell<u32> = const { Cell::new(1) }; }
    let sizes = (size_of!(Vec<Option<(u8, u16)>>, [u8; 4], dyn Trait), offset_of!(Row, a.b.c), all!());
    matches!(json, Value::Null) || write!(text, "{}", 1)?;
    debug! { "braces", 1 }
    tx.insert(document).await?;
    bail! { "the end: {}", sizes }
}

#[migration(version = 208)]
async fn with_macro_rules(tx: &mut Transaction<'_>) -> Result {
    macro_rules! set {
        ($key:expr, $value:expr) => { tx.set_key($key, $value.into()).await?; };
        ($($key:ident = $value:expr),* $(,)?) => { $( tx.set_key(stringify!($key), $value).await?; )* };
        ($only:expr) => { { let value = $only; tx.set_key("only", value, a_rather_long_argument, another_rather_long_argument, 3).await? } }
    }
    set!("a", 1);
    set!(b = 2, c = 3,);
    Ok(())
}

#[migration(version = 209)]
async fn with_constants_and_modules(tx: &mut Transaction<'_>) -> Result {
    mod inner {
        //! Inner.
        use super::b;
        use super::a;
        pub(super) fn f() -> u8 { 1 }
    }
    extern crate alloc;
    extern crate core as _;
    const TABLE: &[(&str, u32)] = &[("a", 1), ("b", 2), ("c", 3)];
    for (name, number) in TABLE { tx.set_key(name, number + u32::from(inner::f())).await?; }
    Ok(())
}

#[migration(version = 210)]
async fn renamed_parameter(database: &mut mongrate::Transaction<'_>) -> Result { database.touch().await }

#[migration(version = 211)]
async fn mutable_parameter(mut tx: &mut Transaction<'_>) -> Result { tx = tx; tx.touch().await }
