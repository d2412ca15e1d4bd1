//! The floor: the least that the official driver can do for each job. No plan, no lock, no check.
//! `bench-floor JOB URI DATABASE COUNT` prints the job and the number of documents or migrations.

use std::env;

use mongodb::{
    Client, ClientSession, Database,
    bson::{DateTime, Document, RawDocumentBuf, doc},
};

type Problem = Box<dyn std::error::Error + Send + Sync>;

const THINGS: &str = "things";
const HISTORY: &str = "floor_history";

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [job, uri, database, count] = arguments.as_slice() else {
        return Err("bench-floor JOB URI DATABASE COUNT".into());
    };
    let count: i64 = count.parse()?;
    let client = Client::with_uri_str(uri).await?;
    let db = client.database(database);
    let done = match job.as_str() {
        "idle" => read(&db, HISTORY).await?,
        // Mongrate's history, whose documents are longer.
        "read" => read(&db, "migrations").await?,
        "fill" => fill(&db, count).await?,
        "apply" => apply(&client, &db, count).await?,
        "atomic" => atomic(&client, &db, count).await?,
        "rollback" => rollback(&client, &db, count).await?,
        other => return Err(format!("no job `{other}`").into()),
    };
    println!("{job} {done}");
    Ok(())
}

/// Reads the whole collection, and the id of each document.
async fn read(db: &Database, collection: &str) -> Result<i64, Problem> {
    let mut cursor = db.collection::<RawDocumentBuf>(collection).find(doc! {}).await?;
    let mut found = 0;
    while cursor.advance().await? {
        if cursor.current().get("_id")?.is_some() {
            found += 1;
        }
    }
    Ok(found)
}

fn record(version: i64) -> Document {
    doc! { "_id": version, "name": format!("m{version:07}"), "appliedAt": DateTime::now() }
}

async fn fill(db: &Database, count: i64) -> Result<i64, Problem> {
    if count > 0 {
        db.collection::<Document>(HISTORY).insert_many((1..=count).map(record)).await?;
    }
    Ok(count)
}

async fn add(db: &Database, version: i64, session: &mut ClientSession) -> Result<(), Problem> {
    let thing = doc! { "n": version };
    db.collection::<Document>(THINGS).insert_one(thing).session(&mut *session).await?;
    db.collection::<Document>(HISTORY).insert_one(record(version)).session(session).await?;
    Ok(())
}

/// Applies each migration in a transaction with its record.
async fn apply(client: &Client, db: &Database, count: i64) -> Result<i64, Problem> {
    let mut session = client.start_session().await?;
    for version in 1..=count {
        session.start_transaction().await?;
        add(db, version, &mut session).await?;
        session.commit_transaction().await?;
    }
    Ok(count)
}

/// Applies all migrations in one transaction.
async fn atomic(client: &Client, db: &Database, count: i64) -> Result<i64, Problem> {
    let mut session = client.start_session().await?;
    session.start_transaction().await?;
    for version in 1..=count {
        add(db, version, &mut session).await?;
    }
    session.commit_transaction().await?;
    Ok(count)
}

async fn rollback(client: &Client, db: &Database, count: i64) -> Result<i64, Problem> {
    let mut session = client.start_session().await?;
    let (things, history) = (db.collection::<Document>(THINGS), db.collection::<Document>(HISTORY));
    for version in (1..=count).rev() {
        session.start_transaction().await?;
        things.delete_one(doc! { "n": version }).session(&mut session).await?;
        history.delete_one(doc! { "_id": version }).session(&mut session).await?;
        session.commit_transaction().await?;
    }
    Ok(count)
}
