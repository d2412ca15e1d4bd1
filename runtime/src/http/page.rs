//! The dashboard: one embedded page, which loads nothing except the answers of these endpoints.
//!
//! The page itself holds no data of the database, so it is served without a token. The page
//! requests the data with the token of the user who signs in. The token stays in the page's memory,
//! or, if the user asks for it, in the tab's session storage. If the app authenticates, there is no
//! token: the page sends the browser's cookies instead.
//!
//! The parts of the page are files by role, joined when this crate is compiled.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use super::shared::Shared;

const HTML: &str = include_str!("page/index.html");

const STYLE: &str = include_str!("page/style.css");

/// One module: its files see each other's names, and no other script does.
const SCRIPT: &str = concat!(
    include_str!("page/numbers.js"),
    include_str!("page/elements.js"),
    include_str!("page/requests.js"),
    include_str!("page/store.js"),
    include_str!("page/share.js"),
    include_str!("page/stream.js"),
    include_str!("page/route.js"),
    include_str!("page/rows.js"),
    include_str!("page/dialogs.js"),
    include_str!("page/plan.js"),
    include_str!("page/tags.js"),
    include_str!("page/list.js"),
    include_str!("page/detail.js"),
    include_str!("page/runs.js"),
    include_str!("page/changes.js"),
    include_str!("page/steering.js"),
    include_str!("page/banners.js"),
    include_str!("page/timeline.js"),
    include_str!("page/checks.js"),
    include_str!("page/title.js"),
    include_str!("page/main.js"),
);

static PAGE: LazyLock<String> =
    LazyLock::new(|| HTML.replace("/* style */", STYLE).replace("/* script */", SCRIPT));

/// The page for an app that signs its users in; the style and the script are the same.
static PAGE_OF_APP: LazyLock<String> =
    LazyLock::new(|| PAGE.replace("data-sign-in=\"token\"", "data-sign-in=\"app\""));

/// The policy of the page: only this style and this script run, only this server is requested, and
/// the only picture is the tab's icon, which the script draws.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The dashboard.
#[utoipa::path(
    get, path = "/", tag = "read", operation_id = "dashboard", security(()),
    responses((status = 200, description = "The page; it holds no data", body = String, content_type = "text/html"))
)]
pub(super) async fn page(State(shared): State<Arc<Shared>>) -> Response {
    let page = if shared.auth.is_external() { &PAGE_OF_APP } else { &PAGE };
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.as_str()).into_response()
}

pub(super) fn policy() -> HeaderValue {
    HeaderValue::from_str(&POLICY).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_exactly_what_its_policy_allows() {
        for page in [&PAGE, &PAGE_OF_APP] {
            assert!(page.contains(&format!("<style>{STYLE}</style>")));
            assert!(page.contains(&format!("<script type=\"module\">{SCRIPT}</script>")));
        }
        assert!(PAGE.contains("<html lang=\"en\" data-sign-in=\"token\">"));
        assert!(PAGE_OF_APP.contains("<html lang=\"en\" data-sign-in=\"app\">"));
        for outside in ["http://", "https://", "//cdn", "src=", " style=\"", " onclick", "import "]
        {
            assert!(!PAGE.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
        }
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
    }

    #[test]
    fn every_file_of_the_page_is_in_it() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/page");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("js") => assert!(SCRIPT.contains(&text), "{}", path.display()),
                Some("css") => assert!(STYLE.contains(&text), "{}", path.display()),
                _ => assert_eq!(text, HTML, "{}", path.display()),
            }
        }
    }
}
