//! The bodies of the generated migrations, of 5 to 60 lines, as people write them: several
//! statements, closures, loops, early returns, and macros such as `doc!`.
//!
//! `FUNCTION` stands for the name of the function, and `7001` for the version, so that no two
//! functions are the same.

/// Returns a function: each migration's neighbours have other bodies.
pub fn body(function: &str, version: usize) -> String {
    let shape = SHAPES[version % SHAPES.len()];
    shape.trim_start().replace("FUNCTION", function).replace("7001", &version.to_string())
}

/// Whether the migration has a rollback, and so a second function: every second one.
pub fn has_rollback(version: usize) -> bool {
    version.is_multiple_of(2)
}

/// Returns the function that rolls a migration back.
pub fn rollback(function: &str, version: usize) -> String {
    ROLLBACK.trim_start().replace("FUNCTION", function).replace("7001", &version.to_string())
}

/// The text that changes with each edit. Every ten migrations in a row have it.
pub const EDITED_TEXT: &str = "\"plan\": \"free-";

const SHAPES: [&str; 6] = [FIVE, TEN, FIFTEEN, TWENTY_FIVE, FORTY, SIXTY];

const ROLLBACK: &str = r#"
async fn FUNCTION(tx: &mut Transaction<'_>) -> Result {
    let mut users = tx.collection::<Document>("users");
    users.update_many(doc! { "cohort": 7001 }, doc! { "$unset": { "plan": "" } }).await?;
    Ok(())
}
"#;

const FIVE: &str = r#"
async fn FUNCTION(tx: &mut Transaction<'_>) -> Result {
    let mut users = tx.collection::<Document>("users");
    users.update_many(doc! { "cohort": 7001 }, doc! { "$set": { "beta": true } }).await?;
    Ok(())
}
"#;

const TEN: &str = r#"
async fn FUNCTION(tx: &mut Transaction<'_>) -> Result {
    let mut users = tx.collection::<Document>("users");
    // Those that signed up before there were plans.
    let without = doc! { "plan": null, "cohort": 7001 };
    let with = doc! { "$set": { "plan": "free-7001", "seats": 3 } };
    users.update_many(without, with).await?;
    for plan in ["trial", "beta"] {
        users.delete_many(doc! { "plan": plan, "expired": true }).await?;
    }
    Ok(())
}
"#;

const FIFTEEN: &str = r#"
async fn FUNCTION(tx: &mut Transaction<'_>) -> Result {
    /// As the finance department wrote them down in 7001.
    const RATES: [(&str, i32); 4] = [("standard", 20), ("reduced", 7), ("books", 5), ("none", 0)];

    let rates = RATES.iter().filter(|(_, percent)| *percent > 0).map(|(name, percent)| {
        doc! { "_id": format!("{name}-7001"), "percent": *percent, "valid": true }
    });
    let mut taxes = tx.collection::<Document>("taxes");
    taxes.insert_many(rates.collect::<Vec<_>>()).await?;
    taxes.delete_many(doc! { "valid": false, "before": 7001 }).await?;
    taxes.update_many(doc! { "valid": null }, doc! { "$set": { "valid": true } }).await?;
    taxes.update_many(doc! { "percent": 0 }, doc! { "$set": { "exempt": true } }).await?;
    Ok(())
}
"#;

const TWENTY_FIVE: &str = r#"
async fn FUNCTION(tx: &mut Transaction<'_>) -> Result {
    let limits = [("free", 1), ("team", 25), ("company", 500)];
    let grown = |seats: i32, cohort: i32| match (seats, cohort % 3) {
        (1, _) => 1,
        (seats, 0) => seats * 2,
        (seats, _) => seats + cohort % 10,
    };
    let mut plans = tx.collection::<Document>("plans");
    for (plan, seats) in limits {
        let name = format!("{plan}-7001");
        let seats = grown(seats, 7001);
        if seats > 1_000 {
            return Err(format!("{name} would have {seats} seats").into());
        }
        let update = doc! {
            "$set": { "seats": seats, "name": name, "limits": { "storage": 10, "api": 1000 } },
            "$unset": { "max_seats": "", "legacy": "" },
        };
        plans.update_many(doc! { "plan": plan }, update).await?;
    }
    plans.delete_many(doc! { "seats": { "$lt": 1 }, "created": 7001 }).await?;
    let default = doc! { "$set": { "plan": "free-7001" } };
    plans.update_many(doc! { "plan": null }, default).await?;
    Ok(())
}
"#;

const FORTY: &str = r#"
async fn FUNCTION(tx: &mut Transaction<'_>) -> Result {
    #[derive(Clone, Copy, PartialEq)]
    enum Tier {
        Small,
        Large,
    }

    impl Tier {
        fn of(employees: i32) -> Self {
            if employees < 50 { Self::Small } else { Self::Large }
        }
    }

    let sizes: Vec<(String, i32)> =
        (1..=4).map(|power| (format!("size-{power}-7001"), 10_i32.pow(power))).collect();
    let Some((_, largest)) = sizes.iter().max_by_key(|(_, employees)| *employees) else {
        return Err("there are no sizes".into());
    };
    let largest = *largest;
    let mut companies = tx.collection::<Document>("companies");
    for (name, employees) in &sizes {
        let tier = match Tier::of(*employees) {
            Tier::Small => "small",
            Tier::Large if *employees == largest => "largest",
            Tier::Large => "large",
        };
        let found = doc! { "employees": { "$lte": *employees }, "tier": null, "batch": 7001 };
        let update = doc! { "$set": { "tier": tier, "size": name.clone() } };
        companies.update_many(found, update).await?;
    }
    let summary = sizes.iter().fold(String::new(), |mut text, (name, employees)| {
        text += &format!("{name}: {employees}; ");
        text
    });
    let note = doc! { "_id": "sizes-7001", "text": summary, "by": { "name": "ops", "at": 7001 } };
    tx.collection::<Document>("notes").insert_one(note).await?;
    Ok(())
}
"#;

const SIXTY: &str = r#"
async fn FUNCTION(tx: &mut Transaction<'_>) -> Result {
    /// A line of the price list of 7001.
    struct Price {
        product: &'static str,
        cents: i32,
        regions: &'static [&'static str],
    }

    const PRICES: &[Price] = &[
        Price { product: "desk", cents: 19_900, regions: &["eu", "us"] },
        Price { product: "chair", cents: 8_950, regions: &["eu"] },
        Price { product: "lamp", cents: 3_490, regions: &[] },
    ];

    let taxed = |cents: i32, region: &str| -> Result<i32> {
        let percent = match region {
            "eu" => 20,
            "us" => 8,
            other => return Err(format!("no tax is known of {other}").into()),
        };
        Ok(cents + cents * percent / 100)
    };
    let mut lines = Vec::new();
    for price in PRICES {
        if price.regions.is_empty() {
            lines.push(doc! { "product": price.product, "cents": price.cents, "list": 7001 });
            continue;
        }
        for region in price.regions {
            let gross = taxed(price.cents, region)?;
            lines.push(doc! {
                "product": price.product,
                "cents": price.cents,
                "gross": gross,
                "where": { "region": *region, "since": 7001, "until": null },
                "name": format!("{} ({region})", price.product),
            });
        }
    }
    let count = i64::try_from(lines.len())?;
    let mut prices = tx.collection::<Document>("prices");
    prices.delete_many(doc! { "list": { "$lt": 7001 }, "kept": false }).await?;
    prices.insert_many(lines).await?;
    for (from, to) in [("desk", "table"), ("lamp", "light")] {
        let renamed = doc! { "$set": { "product": to, "formerly": from } };
        prices.update_many(doc! { "product": from, "list": { "$lt": 7001 } }, renamed).await?;
    }
    let mut lists = tx.collection::<Document>("lists");
    let is_large = count > 100 || PRICES.iter().any(|price| price.cents > 1_000_000);
    let kind = if is_large { "large" } else { "small" };
    let list = doc! {
        "_id": 7001,
        "kind": kind,
        "lines": count,
        "checked": { "by": "FUNCTION", "complete": true },
    };
    lists.insert_one(list).await?;
    lists.update_many(doc! { "_id": 7001 }, doc! { "$set": { "newest": true } }).await?;
    Ok(())
}
"#;
