//! Corpus: every shape of control flow and expression.

#[migration(version = 101)]
async fn matches_of_every_shape(tx: &mut Transaction<'_>) -> Result {
    let plan = tx.plan().await?;
    let price = match plan {
        Plan::Free => 0,
        Plan::Trial { days, .. } if days > 30 => { 1 }
        Plan::Trial { days: 0 | 1, .. } => 2,
        | Plan::Team(1..=5) | Plan::Team(9) => 50,
        Plan::Team(seats @ (6 | 7)) => { let each = 7; seats * each }
        Plan::Team(..) => unreachable!(),
        Plan::Custom(ref inner) => inner.price,
        Plan::Pair(&(mut a, _)) => { a += 1; a }
        Plan::Slice([first, .., last]) => first + last,
        Plan::Rest([_, rest @ ..]) => { rest.len() as i32 }
        Plan::Named { name: "x" } => {}
        Plan::Bytes(b"x", 'a'..='z', -1, i64::MAX) => {},
        Plan::Never => return Ok(()),
        Plan::Stop => { return Ok(()); }
        _ => {
            panic!("a plan of a kind that nobody has ever heard of: {:?}", plan)
        }
    };
    tx.set(price).await
}

#[migration(version = 102)]
async fn closures(tx: &mut Transaction<'_>) -> Result {
    let double = |x| x * 2;
    let add = |a: i32, b: i32| -> i32 { a + b };
    let block = |x: i32| { x + 1 };
    let longer = move |(a, b): (i32, i32), Point { x, .. }: Point| { let sum = a + b; sum + x };
    let nested = || || || 1;
    let asynchronous = async |n: u32| { tick(n).await };
    let async_block = async move { double(2) };
    let picked = [1, 2, 3].into_iter().filter(|n| n % 2 == 1).map(|n| { add(n, block(n)) }).fold(0, |sum, n| sum + n);
    let matched = Some(1).map(|x| match x { 1 => "one", _ => { "many" } });
    let unitary = || -> () { drop(1) };
    tx.set(picked + longer((1, 2), Point { x: 3, y: 4 }) + nested()()() + async_block.await).await?;
    asynchronous(3).await;
    unitary();
    tx.say(matched).await
}

#[migration(version = 103)]
async fn let_chains(tx: &mut Transaction<'_>) -> Result {
    if let Some(user) = tx.user().await? && user.age >= 18 && let Some(ref mail) = user.mail && !mail.is_empty() {
        tx.say(mail).await?;
    }
    while let Some(next) = tx.next().await? && next != 0 { tx.set(next).await?; }
    let checked = if let (Some(a), Some(b)) = (tx.a(), tx.b()) { a + b } else if tx.c() { 0 } else { -1 };
    let quick = if checked > 0 { "more" } else { "less" };
    tx.say(quick).await
}

#[migration(version = 104)]
async fn precedence(tx: &mut Transaction<'_>) -> Result {
    let (a, b, c) = (1, 2, 3);
    let one = a + b * c - (a + b) * c;
    let two = (a - b) - c + (a - (b - c));
    let three = !(a == b) && (b < c || c > a) && (a & b) == c;
    let four = &(&a) == &&b;
    let five = (a as i64) < (b as i64) && (c as u8 as char).is_ascii();
    let six = *(&a) + -(-b) - (-c).abs();
    let seven = (a..b).len() + (a..=b).count() + (..c).end;
    let eight = (tx.closure)(a) + (tx.list[b])(c);
    let nine = ((a, b).0, ((a), (b)), (((c))));
    let ten = { let x = a; x } + { b };
    tx.set((one, two, three, four, five, six, seven, eight, nine, ten)).await
}

#[migration(version = 105)]
async fn awaits_and_tries(tx: &mut Transaction<'_>) -> Result {
    let first = tx.get("a").await?.parse::<u32>()?;
    let second = (tx.get("b").await)?;
    let third = (async { tx.get("c").await }).await?;
    let both = futures::try_join!(tx.get("d"), tx.get("e"),)?;
    let slow = tokio::time::timeout(Duration::from_secs(5), tx.get("a key with a name that is quite long")).await.map_err(|_| "too slow")??;
    let boxed: Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + '_>> = Box::pin(async move { Ok(()) });
    boxed.await?;
    tx.set((first, second, third, both, slow)).await
}

#[migration(version = 106)]
async fn loops(tx: &mut Transaction<'_>) -> Result {
    let mut n = 0;
    while n < 10 { n += 1 };
    for i in 0..n { tx.set(i).await?; };
    loop { n -= 1; if n == 0 { break } };
    let found = 'search: loop {
        for row in tx.rows().await? { if row.matches() { break 'search Some(row); } }
        break None
    };
    let value = 'block: { if n == 0 { break 'block 1; } 2 };
    for _ in 0..3 { continue; }
    if let Some(found) = found { tx.set((found, value)).await?; };
    match n { 0 => {} _ => {} };
    ;;
    Ok(())
}

#[migration(version = 107)]
async fn blocks(tx: &mut Transaction<'_>) -> Result {
    let plain = { 5 };
    let inner = { { let x = 1; x } };
    let place = &{ tx.value };
    let locked = { tx.lock().await.value };
    let raw = unsafe { std::mem::transmute::<u32, f32>(plain) };
    let constant = const { 1 + 1 };
    {
        let scoped = tx.scope();
        drop(scoped);
    }
    let pointer = &raw const tx.value;
    tx.set((plain, inner, place, locked, raw, constant, pointer)).await
}

#[migration(version = 108)]
async fn assignments(tx: &mut Transaction<'_>) -> Result {
    let (mut a, mut b) = (1, 2);
    (a, b) = (b, a);
    [a, .., b] = [b, 0, a];
    Point { x: a, .. } = tx.point();
    _ = tx.forget();
    tx.list[a as usize] = b;
    tx.list[a as usize][0].field.0.1 -= b;
    *tx.place() = a; a %= b; a <<= 1; a >>= 1; a |= 1; a &= 1; a /= 1;
    let late; late = a;
    tx.set(late).await
}

#[migration(version = 109)]
async fn patterns(tx: &mut Transaction<'_>) -> Result {
    let Wrapper(inner @ Inner { .. }) = tx.wrapper();
    let (Ok(either) | Err(either)) = tx.either();
    let ((one), (two, three)) = tx.three();
    let &mut Deep { ref mut field, second: (_, Some(third)), .. } = tx.deep() else { return Ok(()) };
    let [head, tail @ ..] = tx.list() else { panic!("empty") };
    let box_like = |&(ref a, b): &(String, u8)| (a.len(), b);
    if matches!(inner, Inner { kind: Kind::A | Kind::B, ref name, .. } if name.len() > 3) { tx.touch(); }
    if matches!(one, Some(1..=9) | None) && !matches!(two, Shape::Square { ref side, .. }) { tx.touch(); }
    tx.set((either, one, two, three, field, third, head, tail, box_like)).await
}

#[migration(version = 110)]
async fn ranges(tx: &mut Transaction<'_>) -> Result {
    let all = ..;
    let some = &tx.bytes()[1..tx.len() - 1];
    let more = &tx.bytes()[..=3];
    for i in (0..10).rev() { tx.set(i).await?; }
    tx.set((all, some, more, (1)..(2))).await
}

#[migration(version = 111)]
async fn returns(tx: &mut Transaction<'_>) -> Result {
    if tx.done() { return Ok(()) }
    let answer = match tx.answer() { Some(answer) => answer, None => return Err("none".into()) };
    let early = || { if answer { return 1 } else { return 2; } };
    if early() == 2 { return Err("two".into()); } else { return tx.set(1).await; }
}

#[migration(version = 112)]
async fn a_chain_that_is_long(tx: &mut Transaction<'_>) -> Result {
    let summary = tx.rows().await?.into_iter().filter(|row| row.active && !row.deleted).map(|row| (row.key.clone(), row.values.iter().copied().max().unwrap_or_default())).collect::<BTreeMap<_, _>>().into_iter().rev().take(10).map(|(key, value)| format!("{key}={value:>8.3}")).collect::<Vec<String>>().join(", ");
    tx.say(&summary).await
}

#[migration(version = 113)]
async fn calls_of_every_shape(tx: &mut Transaction<'_>) -> Result {
    let a = <Vec<u8> as Default>::default();
    let b = Vec::<u8>::with_capacity(10);
    let c = <[u8]>::len(&a);
    let d = <str as ToOwned>::to_owned("x");
    let e = crate::helpers::many(a, b, c, d, "a very long argument that makes this line too wide for any sensible width", 1, 2, 3);
    let f = self::helper::<'static, _, 3, { N + 1 }>(e,)(1,)[0](2,);
    let g = ::std::mem::take(&mut tx.value);
    let h = r#try(r#type);
    (tx.f)(f, g, h).await
}
