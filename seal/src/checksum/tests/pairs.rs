//! Pairs of bodies, written by hand: some mean the same, others only look the same.

use syn::ItemFn;

use super::functions::checksum;

fn of(body: &str) -> String {
    let text = format!("async fn f(tx: &mut Transaction<'_>) -> Result {{ {body} }}");
    let function: ItemFn = syn::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {body}"));
    checksum(&function)
}

#[track_caller]
fn same(first: &str, second: &str) {
    assert_eq!(of(first), of(second), "`{first}` and `{second}` should be the same");
}

#[track_caller]
fn different(first: &str, second: &str) {
    assert_ne!(of(first), of(second), "`{first}` and `{second}` should be different");
}

#[test]
fn arms_and_closures_with_and_without_braces() {
    same("match x { A => { y } B => z }", "match x { A => y, B => { z }, }");
    same("match x { | A | B => {}, }", "match x { A | B => {} }");
    same("match x { A => { return y; } }", "match x { A => return y }");
    same("f(|x| { x + 1 })", "f(|x| x + 1)");
    same("f(|x| { { x } })", "f(|x| x)");
    same("match x { A => { doc! { a: 1 } } }", "match x { A => doc! { a: 1 } }");
    different("match x { A => { y; } }", "match x { A => { y } }");
    different("match x { A => 'l: { y } }", "match x { A => y }");
    different("match x { A => unsafe { y } }", "match x { A => y }");
    different("match x { A | B => y }", "match x { A => y, B => y }");
    different("match x { A if b => y }", "match x { A => y }");
    different("match x { (A | B, C) => y }", "match x { A | (B, C) => y }");
    different("f(async || x)", "f(|| async { x })");
    different("f(move || x)", "f(|| x)");
}

#[test]
fn braces_that_mean_something() {
    same("let x = { 5 };", "let x = 5;");
    same("let x = { { f(); 5 } };", "let x = { f(); 5 };");
    different("let x = &{ y };", "let x = &y;");
    different("{ y }.f()", "y.f()");
    different("let x = { f() };", "let x = f();");
    different("'a: { { f(); break 'a } }", "'a: { 'b: { f(); break 'a } }");
    different("if a { b } else { if c { d } }", "if a { b } else if c { d }");
}

#[test]
fn semicolons() {
    same("loop { return x; }", "loop { return x }");
    same("if a { continue; }", "if a { continue }");
    same("while a {}; b", "while a {} b");
    same("f();; ; g()", "f(); g()");
    same("if a { b };  c", "if a { b } c");
    different("f()", "f();");
    different("match a { _ => b }", "match a { _ => b };");
    different("return x; f()", "return x");
}

#[test]
fn parentheses() {
    same("(((a)))", "a");
    same("(a + b) + c", "a + b + c");
    same("-(1)", "-1");
    same("(a.b).c()", "a.b.c()");
    same("(&a).b", "((&a)).b");
    same("let (x) = y;", "let x = y;");
    same("let x: (u8) = y;", "let x: u8 = y;");
    same("let x: &(dyn A) = y;", "let x: &dyn A = y;");
    different("a + (b + c)", "a + b + c");
    different("(a.b)()", "a.b()");
    different("-(1).abs()", "(-1).abs()");
    different("(a as u8) + b", "a as (u8) - b");
    different("(a,)", "(a)");
    different("let (a,) = b;", "let (a) = b;");
    different("let x: (u8,) = y;", "let x: (u8) = y;");
    different("&(a.b)", "(&a).b");
    different("!(a == b)", "!a == b");
    different("(a..b).c()", "a..b.c()");
    different("&mut x", "&(*&mut x)");
    different("let &mut x = y;", "let &(mut x) = y;");
    same("a & b == c", "(a & b) == c");
    different("a & b == c", "a & (b == c)");
}

#[test]
fn literals_by_value() {
    same("f(1_000)", "f(1000)");
    same("f(0xFF)", "f(255)");
    same("f(1.50)", "f(1.5)");
    same(r##"f(r#"a"b"#)"##, r#"f("a\"b")"#);
    same("f(\"a \\\n     b\")", "f(\"a b\")");
    same(r"f('\u{41}')", "f('A')");
    different("f(1)", "f(1.0)");
    different("f(1)", "f(1u8)");
    different("f(10.0)", "f(1.0)");
    different("f(\"a\")", "f(b\"a\")");
    different("f(\"a\")", "f(c\"a\")");
    different("f(\"a\")", "f('a')");
    different("f(\"a b\")", "f(\"a  b\")");
    different("f(\"a\nb\")", "f(\"a b\")");
    different("f(b'a')", "f(97)");
    different("f(true)", "f(false)");
    different("f(\"\")", "f()");
}

#[test]
fn imports_in_any_order() {
    same("use a::{c, b}; use d;", "use d; use a::b; use a::c;");
    same("use a::{b::{c}};", "use a::b::c;");
    same("use a::{self, b};", "use a::b; use a::{self};");
    same("use a::{self as c};", "use a as c;");
    same("use a as a;", "use a;");
    different("use a::b;", "use a::c;");
    different("use a::b;", "use ::a::b;");
    different("use a::b as c;", "use a::b as d;");
    different("use a::*;", "use a::{self};");
    different("use a::b;", "pub use a::b;");
    different("use a::{self};", "use a;");
}

#[test]
fn macros_as_lists_and_otherwise() {
    same("vec!(a, b)", "vec![a, b,]");
    same("vec![a; 3]", "vec!(a; 3)");
    same("f!((a + b) * c, |x| { x })", "f!(((a + b)) * c, |x| x,)");
    same("doc! { \"a\": { \"b\": [1, 2,], }, }", "doc! { \"a\": { \"b\": [1, 2] } }");
    same("doc! { \"a\":-1 }", "doc! { \"a\": - 1 }");
    same("matches!(x, Foo { ref a, ref b, })", "matches!(x, Foo { ref a, ref b })");
    same("f!(&'a Vec<A, B,>)", "f!(&'a Vec<A, B>)");
    different("f!(a)", "f!((a))");
    different("f!(a)", "f!({ a })");
    different("f!((a))", "f!({ a })");
    different("f!({ 5 })", "f!((5))");
    different("f!(a, b)", "f!(a; b)");
    different("f!(a => b)", "f!(b => a)");
    different("f!(a : : b => c)", "f!(a :: b => c)");
    different("f!(a b)", "f!(b a)");
    different("doc! { \"a\": (1,) }", "doc! { \"a\": (1) }");
    different("doc! { \"a\": { \"b\": 1 } }", "doc! { \"a\": [ \"b\": 1 ] }");
    different("doc! { \"a\": 1, \"b\": 2 }", "doc! { \"b\": 2, \"a\": 1 }");
    different("f!(a)", "g!(a)");
    different("f!(a)", "f(a)");
    different("f!(a, b)", "f!((a, b))");
}

#[test]
fn rules_of_local_macros() {
    same(
        "macro_rules! m { ($a:expr) => { f($a, 1,); }; }",
        "macro_rules! m ( ($a:expr) => [ f($a, 1); ] );",
    );
    different(
        "macro_rules! m { ($a:expr) => { f($a) } }",
        "macro_rules! m { ($a:expr) => { f(a) } }",
    );
    different(
        "macro_rules! m { ($a:expr) => { f($a) } }",
        "macro_rules! m { ($a:ident) => { f($a) } }",
    );
    different(
        "macro_rules! m { (a) => { 1 }; (b) => { 2 } }",
        "macro_rules! m { (b) => { 2 }; (a) => { 1 } }",
    );
}

#[test]
fn items_and_types() {
    same("extern fn f() {}", "extern \"C\" fn f() {}");
    same("fn f() -> () {}", "fn f() {}");
    same("fn f<>() where {}", "fn f() {}");
    same("fn f<T: >() where T: A, {}", "fn f<T>() where T: A {}");
    same("#[derive(A, B)] struct S;", "#[derive(A)] #[derive(B,)] struct S;");
    same("S { x: x, y }", "S { x, y: y, }");
    same("let x: Vec::<u8>;", "let x: Vec<u8>;");
    same("struct S { pub(in crate) x: u8 }", "struct S { pub(crate) x: u8, }");
    same("impl<T: (A)> B for T {}", "impl<T: A> B for T {}");
    different("extern \"system\" fn f() {}", "extern \"C\" fn f() {}");
    different("#[derive(A, B)] struct S;", "#[derive(B, A)] struct S;");
    different("#[repr(C)] struct S;", "struct S;");
    different("struct S { pub x: u8 }", "struct S { x: u8 }");
    different("fn f<T: A>() {}", "fn f<T: B>() {}");
    different("S { x: y, y: x }", "S { x, y }");
    different("S { x, ..y }", "S { x, y }");
    different("let x: &'a u8;", "let x: &'b u8;");
    different("let x: &mut u8;", "let x: &u8;");
    different("let x: dyn Fn() -> u8;", "let x: dyn Fn();");
    different("#[cfg(a)] f();", "#[cfg(b)] f();");
}

#[test]
fn kinds_and_parameters() {
    let transaction = "async fn f(tx: &mut Transaction<'_>) -> Result { g(); }";
    let of = |text: &str| checksum(&syn::parse_str(text).unwrap());
    let plain = of(transaction);
    assert_eq!(plain, of(&transaction.replace("Transaction", "mongrate::Transaction")));
    assert_ne!(plain, of(&transaction.replace("Transaction", "Online")));
    assert_ne!(plain, of(&transaction.replace("tx", "_")));
    assert_ne!(plain, of(&transaction.replace("async", "#[retry(3)] async")));
}

#[test]
fn invisible_groups_are_invisible() {
    use proc_macro2::{Delimiter, Group, TokenTree};
    use quote::quote;

    let group = |tokens| TokenTree::Group(Group::new(Delimiter::None, tokens));
    let of = |body| {
        let tokens = quote!(async fn f(tx: &mut Transaction<'_>) -> Result { #body });
        checksum(&syn::parse2(tokens).unwrap())
    };
    let (sum, text, ty) = (group(quote!(a + b)), group(quote!("x")), group(quote!(Vec<u8>)));
    assert_eq!(
        of(quote!(let x: #ty = #sum * c; f!(#text => #sum); doc! { "a": #text };)),
        of(quote!(let x: Vec<u8> = (a + b) * c; f!("x" => a + b); doc! { "a": "x" };)),
    );
}
