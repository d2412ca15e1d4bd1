//! Parses a connection string. Errors name the option that is wrong or the driver's feature that
//! the build lacks, never the password.

use mongodb::{error::ErrorKind, options::ClientOptions};

use super::error::CliError;
use crate::{Kind, telemetry::redact};

/// Options that the driver only knows with the named feature.
const FEATURE_OPTIONS: [(&str, &str); 6] = [
    ("proxyhost", "socks5-proxy"),
    ("proxyport", "socks5-proxy"),
    ("proxyusername", "socks5-proxy"),
    ("proxypassword", "socks5-proxy"),
    ("tlscertificatekeyfilepassword", "cert-key-password"),
    ("tlsallowinvalidhostnames", "openssl-tls"),
];

/// Options that MongoDB's other drivers have and the Rust driver does not.
const OTHER_DRIVERS_OPTIONS: [&str; 9] = [
    "fsync",
    "gssapiservicename",
    "j",
    "safe",
    "serverselectiontryonce",
    "timeoutms",
    "tlsdisablecertificaterevocationcheck",
    "tlsdisableocspendpointcheck",
    "wtimeout",
];

/// The driver's features that an error may name.
const FEATURES: [&str; 12] = [
    "aws-auth",
    "azure-oidc",
    "cert-key-password",
    "dns-resolver",
    "gcp-oidc",
    "gssapi-auth",
    "in-use-encryption",
    "openssl-tls",
    "snappy-compression",
    "socks5-proxy",
    "zlib-compression",
    "zstd-compression",
];

pub(super) async fn parse(uri: &str) -> Result<ClientOptions, CliError> {
    // The driver (3.9) would panic where a letter of several bytes stands there, and the panic quotes the
    // password.
    let is_cut = |after: &str| after.len() >= 2 && !after.is_char_boundary(2);
    if uri.split('%').skip(1).any(is_cut) {
        return Err(no_uri("a `%` is not followed by two hexadecimal digits"));
    }
    ClientOptions::parse(uri).await.map_err(|error| {
        let described = crate::mongo::driver::describe(&error);
        if let ErrorKind::DnsResolve { .. } = *error.kind {
            let message = redact::clean_broken(uri, &described);
            return CliError::new(
                Kind::Unavailable,
                "server",
                format!("could not look up the server's name: {message}"),
            );
        }
        match missing(uri, &described) {
            Some(missing) => CliError::usage("bad_uri", missing),
            None => no_uri(&redact::clean_broken(uri, &described)),
        }
    })
}

fn no_uri(why: &str) -> CliError {
    CliError::usage(
        "bad_uri",
        format!(
            "this is not a MongoDB URI: {why}; expected mongodb://host:port/database?options, with \
             `user:password@` before the host if it asks for them, and special characters in both \
             percent-encoded"
        ),
    )
}

/// A message about an option that this build does not support; it holds none of the URI's values.
fn missing(uri: &str, described: &str) -> Option<String> {
    let option = described
        .split_once(" is an invalid option")
        .and_then(|(before, _)| before.rsplit([' ', ':']).next())
        // Another name may be a part of a password.
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .map(str::to_ascii_lowercase);
    if let Some(name) = option.as_deref().filter(|name| OTHER_DRIVERS_OPTIONS.contains(name)) {
        return Some(format!(
            "the URI has the option `{name}`, which MongoDB's driver for Rust does not have; \
             remove it"
        ));
    }
    // The driver suggests the very same name: the option's feature is not built in.
    let similar = described.rsplit_once("similar name exists: ").map(|(_, similar)| similar.trim());
    let is_similar = option.is_some() && option.as_deref() == similar;
    let of_option = |name: &str| FEATURE_OPTIONS.iter().find(|(option, _)| *option == name);
    let feature = option.as_deref().and_then(of_option).map(|(_, feature)| *feature);
    let feature = match option.as_deref() {
        // Without any compression built in, the driver does not know the option at all.
        Some("compressors") => Some(compression(uri)),
        _ => feature.or_else(|| named_feature(described)),
    };
    let Some(feature) = feature else {
        let name = option.filter(|_| is_similar)?;
        return Some(format!(
            "the URI has the option `{name}`, which this app's build of MongoDB's driver does not \
             have; remove it"
        ));
    };
    Some(format!(
        "the URI asks for something that needs the feature `{feature}` of the driver, which this \
         app is built without; remove it from the URI, or build the app with `mongodb = {{ version \
         = \"3\", default-features = false, features = [\"{feature}\"] }}` among its dependencies"
    ))
}

/// The feature for the first compressor that a URI asks for.
fn compression(uri: &str) -> &'static str {
    let lower = uri.to_ascii_lowercase();
    let asked = lower.split_once("compressors=").map_or("", |(_, asked)| asked);
    let asked = asked.split('&').next().unwrap_or_default();
    let known = |name: &str| match name {
        "snappy" => Some("snappy-compression"),
        "zlib" => Some("zlib-compression"),
        "zstd" => Some("zstd-compression"),
        _ => None,
    };
    asked.split(',').find_map(known).unwrap_or("zstd-compression")
}

/// The feature that the driver's message names. A message that quotes the URI could name anything.
fn named_feature(described: &str) -> Option<&'static str> {
    let (before, _) = [" feature flag", " feature is not enabled", " feature must be enabled"]
        .into_iter()
        .find_map(|ending| described.split_once(ending))?;
    let name = before.rsplit(' ').next()?.trim_matches('`');
    FEATURES.into_iter().find(|feature| *feature == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(uri: &str) -> String {
        let error = parse(uri).await.expect_err(uri);
        assert_eq!((error.kind(), error.code()), (Kind::Usage, "bad_uri"), "{uri}: {error}");
        error.to_string()
    }

    #[tokio::test]
    async fn what_is_not_built_in_is_named() {
        for (option, feature) in [
            ("compressors=snappy", "snappy-compression"),
            ("compressors=zlib", "zlib-compression"),
            ("compressors=zstd", "zstd-compression"),
            ("zlibCompressionLevel=6", "zlib-compression"),
            ("proxyHost=proxy", "socks5-proxy"),
            ("proxyPort=1080", "socks5-proxy"),
            ("tlsCertificateKeyFilePassword=canary-file", "cert-key-password"),
            ("tlsAllowInvalidHostnames=true", "openssl-tls"),
        ] {
            let text = refused(&format!("mongodb://u:canary@h/?{option}")).await;
            assert!(text.contains(&format!("`{feature}`")), "{option}: {text}");
            assert!(text.contains("dependencies") && !text.contains("canary"), "{option}: {text}");
        }
        for (mechanism, feature) in [("GSSAPI", "gssapi-auth"), ("MONGODB-AWS", "aws-auth")] {
            let text = refused(&format!("mongodb://u:canary@h/?authMechanism={mechanism}")).await;
            assert!(text.contains(&format!("`{feature}`")), "{mechanism}: {text}");
        }
    }

    #[tokio::test]
    async fn a_percent_sign_before_letters_of_several_bytes_is_refused() {
        for uri in ["mongodb://u:canary%\u{fffd}F@h", "mongodb://%a\u{e9}:canary@h/x"] {
            let text = refused(uri).await;
            assert!(text.contains("hexadecimal") && !text.contains("canary"), "{text}");
        }
    }

    /// A password that is not encoded, with a `?`: the driver takes the rest of it for an option.
    #[tokio::test]
    async fn a_part_of_a_password_is_no_option() {
        for uri in [
            "mongodb://127.0.0.1/shop?maxPoolSize=20&appNnna:canary-4711@127.0ame=x",
            "mongodb://h/shop?u:Canary-4711@h/db=x",
            "mongodb://u:pass?Canary-4711@h/db?w=1",
            "mongodb://u:pa/ss?Canary-4711@h/db",
            // What looks like the driver's words about one of its features.
            "mongodb://u:pass?x canary-4711 feature flag@h/db",
            "mongodb://u:12345 canary-4711 feature must be enabled/@h",
        ] {
            let text = refused(uri).await;
            assert!(!text.to_ascii_lowercase().contains("canary"), "{uri}: {text}");
        }
    }

    #[tokio::test]
    async fn an_option_that_is_no_option_is_named() {
        for (option, says) in [
            ("retryWrite=true", ["retrywrite is an invalid option", "retrywrites"]),
            ("timeoutMS=1000", ["`timeoutms`", "driver for Rust"]),
            ("j=true", ["`j`", "driver for Rust"]),
            ("adaptiveRetries=true", ["`adaptiveretries`", "does not have"]),
            ("bogus=canary", ["bogus is an invalid option", "mongodb://host"]),
        ] {
            let text = refused(&format!("mongodb://u:canary@h/?{option}")).await;
            assert!(says.iter().all(|part| text.contains(part)), "{option}: {text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }
}
