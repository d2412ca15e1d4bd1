//! A program with mongodb-migrator. `peer-mongodb-migrator URI DATABASE COUNT [FAILS]` applies
//! the pending ones of COUNT migrations. Each inserts one document; the migration FAILS fails.

use std::env;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use mongodb::{
    Client,
    bson::{Document, doc},
};
use mongodb_migrator::{
    migration::Migration,
    migrator::{Env, default::DefaultMigrator},
};

struct InsertOne {
    id: String,
    n: i64,
    fails: bool,
}

#[async_trait]
impl Migration for InsertOne {
    async fn up(&self, env: Env) -> Result<()> {
        if self.fails {
            bail!("it was told to fail");
        }
        let db = env.db.context("it brings the database")?;
        db.collection::<Document>("things").insert_one(doc! { "n": self.n }, None).await?;
        Ok(())
    }

    fn get_id(&self) -> &str {
        &self.id
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (uri, database, count, fails) = match arguments.as_slice() {
        [uri, database, count] => (uri, database, count, 0),
        [uri, database, count, fails] => (uri, database, count, fails.parse()?),
        _ => bail!("peer-mongodb-migrator URI DATABASE COUNT [FAILS]"),
    };
    let db = Client::with_uri_str(uri).await?.database(database);
    let migration = |n| {
        Box::new(InsertOne { id: format!("m{n:07}"), n, fails: n == fails }) as Box<dyn Migration>
    };
    let all: Vec<Box<dyn Migration>> = (1..=count.parse::<i64>()?).map(migration).collect();
    let migrator = DefaultMigrator::new().with_conn(db).with_migrations_vec(all);
    migrator.up().await.map_err(|error| anyhow::anyhow!("{error}"))
}
