//! Texts that people give: connection strings, addresses of webhooks, templates of their bodies.

use mongrate::{
    Error,
    cli::{
        Cli, CliArgs,
        clap::{self, Parser as _},
    },
    webhook::Webhook,
};

use crate::{Fuzz, Outcome, outcome};

/// What no error may show.
const SECRET: &str = "canary-4711";

/// Whether this part of the secret stands in places of a password only: where a mutation took it out of
/// there, nobody can know it for one.
fn is_password(input: &str, part: &str) -> bool {
    input.to_lowercase().matches(part).count() == input.matches(SECRET).count()
        && input.split(SECRET).skip(1).all(|behind| behind.starts_with('@'))
}

#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    args: CliArgs,
}

#[test]
fn connection_strings() {
    let corpus = [
        format!("mongodb://anna:{SECRET}@127.0.0.1:27017/shop?replicaSet=rs0&authSource=admin"),
        format!("mongodb://anna:{SECRET}@a.test,b.test:27018,[::1]:27019/shop?tls=true&w=majority"),
        "mongodb://127.0.0.1/shop?readPreference=secondary&maxPoolSize=20&appName=x".to_owned(),
        "mongodb://127.0.0.1/shop?compressors=zlib&connectTimeoutMS=5&ssl=false".to_owned(),
        "mongodb://%2Ftmp%2Fmongodb.sock/shop?directConnection=true".to_owned(),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cli = Cli::new().database("shop");
    let mut fuzz = Fuzz::new("connection string", corpus);
    while fuzz.goes_on() {
        let input = fuzz.mutator.text();
        // The name behind it would be looked up; a NUL is in no argument of a program.
        if input.contains("+srv") || input.contains('\0') {
            continue;
        }
        fuzz.try_one(&input, |input| {
            let args = ["shop".to_owned(), format!("--uri={input}")];
            let Ok(Args { args }) = Args::try_parse_from(args) else { return Outcome::Refused };
            let connected = runtime.block_on(async {
                match input.trim().is_empty() {
                    true => None,
                    false => Some(cli.connect(&args).await),
                }
            });
            match connected {
                None => Outcome::Refused,
                Some(Ok(connection)) => {
                    let _ = cli.migrator(&args, connection.database());
                    Outcome::Accepted
                }
                Some(Err(error)) => {
                    let text = error.to_string();
                    let shown = format!("{text} {error:?}").to_lowercase();
                    for part in ["canary", "4711"] {
                        assert!(!is_password(input, part) || !shown.contains(part), "{text}");
                    }
                    assert!(!text.is_empty() && !text.contains('\u{1b}'), "{text}");
                    Outcome::Refused
                }
            }
        });
    }
    fuzz.done();
}

#[test]
fn webhook_addresses() {
    let corpus = [
        format!("https://hooks.example.org/services/T0/{SECRET}?a=b"),
        format!("https://user:{SECRET}@example.org:8443/x"),
        "http://127.0.0.1:9000/hook".to_owned(),
        "http://[::1]:9000/".to_owned(),
    ];
    Fuzz::new("webhook address", corpus).texts(|input| {
        let made = Webhook::new(input);
        if let Err(error) = &made {
            assert!(matches!(error, Error::Settings { .. }), "{error:?}");
            assert!(!error.to_string().contains(SECRET), "{error}");
        }
        if let Ok(webhook) = &made {
            // The host is no secret, and a mutation may have made one of it.
            let shown = format!("{webhook:?}");
            let rest = input.split_once("://").map_or("", |(_, rest)| rest);
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            assert!(
                host.contains(SECRET) && !host.contains('@') || !shown.contains(SECRET),
                "{shown}"
            );
            let port = host.rsplit_once(':').map_or("", |(_, port)| port);
            assert!(!port.contains(SECRET), "{input}");
        }
        outcome(&made)
    });
}

#[test]
fn webhook_templates() {
    let ready = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/src/telemetry/webhook/templates");
    let corpus = std::fs::read_dir(ready).unwrap().map(|file| {
        std::fs::read_to_string(file.unwrap().path()).unwrap().replace("{{env:", "{{no_env:")
    });
    let own = r#"{ "text": "{{title:20}} in {{database}}: {{text}}", "n": "{{version}}", "all": ["{{type}}", 1] }"#;
    let place = tempfile::NamedTempFile::new().unwrap();
    let webhook = Webhook::new("https://example.org/x").unwrap();
    let mut fuzz = Fuzz::new("webhook template", corpus.chain([own.to_owned()]));
    while fuzz.goes_on() {
        let input = match fuzz.mutator.one_in(2) {
            true => fuzz.mutator.json(),
            false => fuzz.mutator.text(),
        };
        std::fs::write(place.path(), &input).unwrap();
        fuzz.try_one(&input, |_| {
            let made = webhook.clone().template(place.path().to_str().unwrap());
            match &made {
                Err(error) => assert!(matches!(error, Error::Settings { .. }), "{error:?}"),
                Ok(webhook) => {
                    for event in ["run.ended", "migration.failed", "run.lock_lost"] {
                        webhook.sample_body(event).unwrap();
                    }
                }
            }
            outcome(&made)
        });
    }
    fuzz.done();
}
