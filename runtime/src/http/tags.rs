//! Tags: names for states of the history, listed and given.

use std::sync::Arc;

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer,
    ask::Asked,
    auth::Identity,
    changed::{changed, on_behalf},
    problem::{Answered, Problem},
    shared::Shared,
    wire::{
        details::Details,
        tag::{Tagged, Tags},
    },
};
use crate::Wait;

/// The name of a state, and what becomes of it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct TagRequest {
    /// The name: 1 to 100 bytes, no control characters, no blank at either end, no `-` at the beginning.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Why, for those who read the tags and the history: at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    why: Option<String>,
    /// Take the name from another state that has it.
    #[serde(default, rename = "move")]
    moves: bool,
    /// Remove the name; the migrations stay as they are.
    #[serde(default)]
    remove: bool,
}

impl TagRequest {
    fn check(&self) -> Result<(), Problem> {
        if self.remove && (self.moves || self.why.is_some()) {
            return Err(Problem::usage("`remove` excludes `move` and `why`; nothing was done"));
        }
        Ok(())
    }
}

/// The names of states, oldest first, each with how many migrations `down` with `to_tag` would roll back.
#[utoipa::path(
    get, path = "/tags", tag = "read", operation_id = "tags",
    responses((status = 200, description = "The tags", body = Tags))
)]
pub(super) async fn tags(State(shared): State<Arc<Shared>>) -> Answered {
    let report = shared.migrator.tags().await.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&Tags::from(report)))
}

/// Gives the present state a name, so that `down` with `to_tag` leads back to it; or removes a name.
#[utoipa::path(
    post, path = "/tags", tag = "change", operation_id = "tag", request_body = TagRequest,
    responses(
        (status = 200, description = "What became of the name", body = Tagged),
        (status = 409, description = "Another state has the name, a migration is half-done, or another process has the lock; nothing was written", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn tag(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    Asked(asked): Asked<TagRequest>,
) -> Answered {
    asked.check()?;
    // Who comes while a run is under way is told so, instead of waiting.
    let migrator = on_behalf(&shared, &who).wait(Wait::No);
    let TagRequest { name, why, moves, remove } = asked;
    let report = match remove {
        true => migrator.remove_tag(name).await,
        false => migrator.tag(name).moving(moves).why(why.unwrap_or_default()).await,
    };
    changed::<Tagged, _>(&shared, &who, "tags", None, report)
}
