//! Authentication: bearer tokens with scopes, or the app's own authentication around the routes.

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::Error;

/// What the holder of a token, or a user of the app, may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read: status, plan, history, lock, events, runs.
    Read,
    /// Read and change: up, down, create, release the lock.
    Write,
}

/// A secret with a name and a [`Scope`].
///
/// Only the SHA-256 of the secret is kept, and it is compared in constant time.
///
/// ```
/// use mongrate::http::{Scope, Token};
///
/// let token = Token::new("ops", Scope::Write, "2c1b4d0f3f6e4a8b9d7c5e1f0a2b3c4d")?;
/// assert!(!format!("{token:?}").contains("2c1b"));
/// assert!(Token::new("ops", Scope::Write, "short").is_err());
/// # Ok::<(), mongrate::Error>(())
/// ```
#[derive(Clone)]
pub struct Token {
    name: String,
    scope: Scope,
    digest: [u8; 32],
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// The length of the longest name, in bytes. Names go into logs, the lock and the history.
    pub const NAME_BYTES_MAX: usize = 32;
    /// The length of the shortest secret, in bytes.
    pub const SECRET_BYTES_MIN: usize = 16;
    /// The length of the longest secret, in bytes.
    pub const SECRET_BYTES_MAX: usize = 512;

    /// Creates a token with a name for people and a secret. The secret should be random:
    /// `openssl rand -hex 32` makes one.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: the name is not 1 to 32 bytes of letters, digits, `_`, `-` and `.`;
    /// the secret is shorter than 16 bytes or longer than 512, or has characters that a header
    /// cannot carry (only visible ASCII is allowed). No message holds the secret.
    pub fn new(
        name: impl Into<String>,
        scope: Scope,
        secret: impl AsRef<str>,
    ) -> Result<Self, Error> {
        let (name, secret) = (name.into(), secret.as_ref());
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || name.len() > Self::NAME_BYTES_MAX || !name.bytes().all(legal) {
            return Err(refused(format!(
                "a name is 1 to {} letters, digits, `_`, `-` and `.`",
                Self::NAME_BYTES_MAX
            )));
        }
        let length = secret.len();
        if !(Self::SECRET_BYTES_MIN..=Self::SECRET_BYTES_MAX).contains(&length) {
            return Err(refused(format!(
                "the secret of `{name}` has {length} bytes; {} to {} are allowed; \
                 `openssl rand -hex 32` makes a good one",
                Self::SECRET_BYTES_MIN,
                Self::SECRET_BYTES_MAX
            )));
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refused(format!(
                "the secret of `{name}` has characters that a header cannot carry; only visible \
                 ASCII is allowed"
            )));
        }
        Ok(Self { name, scope, digest: Sha256::digest(secret.as_bytes()).into() })
    }
}

fn refused(problem: String) -> Error {
    Error::Settings { setting: "token", problem }
}

/// The sender of a request. With [`Auth::external`], the app puts it into the request's
/// extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// A name for people: 1 to 32 letters, digits, `_`, `-`, `.`, `@` and `+`; other characters are
    /// written as `_`. The name goes into logs, the lock and the history.
    pub name: String,
    /// What the sender may do.
    pub scope: Scope,
}

impl Identity {
    /// The name, with only characters that are safe in a line of a log.
    pub(super) fn shown(&self) -> String {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+');
        let letters = self.name.chars().take(Token::NAME_BYTES_MAX);
        letters.map(|c| if legal(c) { c } else { '_' }).collect()
    }
}

/// How requests are authenticated. There is no default, and no way to leave it out.
#[derive(Clone, Debug)]
pub struct Auth(How);

#[derive(Clone, Debug)]
enum How {
    Bearer(Vec<Token>),
    External,
}

/// Why the sender of a request is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The request has no token, or no identity from the app.
    Nothing,
    /// The token of the request is not known.
    Wrong,
}

impl Auth {
    /// Requires each request to carry `Authorization: Bearer <secret>` with the secret of one of
    /// these tokens.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: no token is given, or two tokens have the same name or the same secret.
    pub fn bearer(tokens: impl IntoIterator<Item = Token>) -> Result<Self, Error> {
        let tokens: Vec<Token> = tokens.into_iter().collect();
        if tokens.is_empty() {
            return Err(refused("no token is given, so no client could sign in".to_owned()));
        }
        for (at, one) in tokens.iter().enumerate() {
            for other in tokens.iter().skip(at + 1) {
                if one.name == other.name || one.digest == other.digest {
                    return Err(refused(format!(
                        "`{}` and `{}` have the same name or the same secret",
                        one.name, other.name
                    )));
                }
            }
        }
        Ok(Self(How::Bearer(tokens)))
    }

    /// Leaves authentication to the app, which puts an [`Identity`] into the request's extensions
    /// in a layer around this router. A request without an identity is refused, so a forgotten
    /// layer opens nothing. The app must make sure that no other site can send requests in a user's
    /// name: if the app uses cookies, they must be `SameSite`.
    ///
    /// The dashboard then has no sign-in of its own: it sends the browser's cookies. If the app
    /// knows no user by the cookies, the dashboard asks the user to sign in to the app first.
    pub fn external() -> Self {
        Self(How::External)
    }

    /// Whether the app authenticates.
    pub(super) fn is_external(&self) -> bool {
        matches!(self.0, How::External)
    }

    /// Identifies the sender of a request with these headers, and this identity from the app.
    pub(super) fn identify(
        &self,
        headers: &HeaderMap,
        given: Option<&Identity>,
    ) -> Result<Identity, Unknown> {
        match &self.0 {
            How::External => given.cloned().ok_or(Unknown::Nothing),
            How::Bearer(tokens) => {
                let mut values = headers.get_all(header::AUTHORIZATION).iter();
                let value = values.next().ok_or(Unknown::Nothing)?;
                if values.next().is_some() {
                    return Err(Unknown::Wrong);
                }
                let value = value.to_str().map_err(|_| Unknown::Wrong)?;
                let (scheme, secret) = value.split_once(' ').ok_or(Unknown::Wrong)?;
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return Err(Unknown::Wrong);
                }
                let digest: [u8; 32] = Sha256::digest(secret.trim().as_bytes()).into();
                let token = find(tokens, &digest).ok_or(Unknown::Wrong)?;
                Ok(Identity { name: token.name.clone(), scope: token.scope })
            }
        }
    }
}

/// Finds the token with this digest. The search always compares all tokens and all bytes of each,
/// so its duration tells nothing about a token.
fn find<'a>(tokens: &'a [Token], digest: &[u8; 32]) -> Option<&'a Token> {
    let mut found = u32::MAX;
    for (at, token) in tokens.iter().enumerate() {
        let same = token.digest.ct_eq(digest);
        found = u32::conditional_select(&found, &u32::try_from(at).unwrap_or(u32::MAX), same);
    }
    tokens.get(usize::try_from(found).ok()?)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const SECRETS: [&str; 3] = ["0123456789abcdef0", "0123456789abcdef1", "0123456789abcdef2"];

    fn auth() -> Auth {
        let tokens = SECRETS.iter().enumerate().map(|(at, secret)| {
            Token::new(format!("t{at}"), if at == 2 { Scope::Write } else { Scope::Read }, secret)
                .unwrap()
        });
        Auth::bearer(tokens).unwrap()
    }

    fn identify(values: &[&str]) -> Result<Identity, Unknown> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        auth().identify(&headers, None)
    }

    #[test]
    fn each_token_is_found_at_its_place() {
        for (at, secret) in SECRETS.iter().enumerate() {
            let found = identify(&[&format!("Bearer {secret}")]).unwrap();
            assert_eq!(found.name, format!("t{at}"));
            assert_eq!(found.scope == Scope::Write, at == 2);
        }
    }

    #[test]
    fn what_is_nearly_a_token_is_none() {
        let cut = SECRETS[0].get(..16).unwrap();
        for value in [
            format!("Bearer {cut}"),
            format!("Bearer {}0", SECRETS[0]),
            format!("Basic {}", SECRETS[0]),
            SECRETS[0].to_owned(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            format!("Bearer {}", SECRETS[0].to_uppercase()),
        ] {
            assert_eq!(identify(&[&value]), Err(Unknown::Wrong), "{value}");
        }
        assert_eq!(identify(&[]), Err(Unknown::Nothing));
        let twice = format!("Bearer {}", SECRETS[0]);
        assert_eq!(identify(&[&twice, &twice]), Err(Unknown::Wrong));
    }

    #[test]
    fn a_set_without_a_choice_is_refused() {
        assert!(Auth::bearer([]).is_err());
        let one = || Token::new("a", Scope::Read, SECRETS[0]).unwrap();
        assert!(Auth::bearer([one(), one()]).is_err());
        assert!(Auth::bearer([one(), Token::new("b", Scope::Write, SECRETS[0]).unwrap()]).is_err());
        assert!(Token::new("a b", Scope::Read, SECRETS[0]).is_err());
        let error = Token::new("a", Scope::Read, "se cret-se cret-se cret").unwrap_err();
        assert!(!error.to_string().contains("cret-"), "{error}");
    }

    #[test]
    fn an_app_that_forgets_its_layer_opens_nothing() {
        let auth = Auth::external();
        assert_eq!(auth.identify(&HeaderMap::new(), None), Err(Unknown::Nothing));
        let identity = Identity { name: "anna\n<b>".to_owned(), scope: Scope::Read };
        let found = auth.identify(&HeaderMap::new(), Some(&identity)).unwrap();
        assert_eq!(found.shown(), "anna__b_");
    }
}
