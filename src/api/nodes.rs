//! The other nodes, and the database that they share: what `GET status` says of them.

use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::range;
use super::trouble::{Severity, Trouble};
use crate::store::Hub;

/// The database that several nodes share.
#[derive(Debug, Serialize, ToSchema)]
pub struct DatabaseStatus {
    /// Which one it is; without a password.
    pub place: String,
    /// The number of this node; none before it has first reached the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// All nodes, as they were when the database was last there.
    pub nodes: Vec<NodeItem>,
    /// Since when the database is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_since: Option<String>,
    /// Why it is away, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Queries in this node's journal that the other nodes do not have yet.
    pub waiting: u64,
    /// Queries that they will not get, because too many waited.
    pub dropped: u64,
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeItem {
    /// Its number.
    pub node: u32,
    /// The name of its machine.
    pub name: String,
    /// When it was last there.
    pub seen_at: String,
}

/// What is to be said of the database; nothing where there are no other nodes.
pub(super) async fn status(api: &Api) -> Option<DatabaseStatus> {
    let hub = api.store.hub()?;
    let away = hub.away();
    let item = |node: crate::store::NodeRow| NodeItem {
        node: node.number,
        name: node.name,
        seen_at: range::text(node.seen_ms),
    };
    Some(DatabaseStatus {
        place: hub.place().to_owned(),
        node: hub.number(),
        nodes: hub.last_seen().into_iter().map(item).collect(),
        away_since: away.as_ref().map(|away| range::text(away.since_ms)),
        problem: away.map(|away| away.problem),
        waiting: waiting(api).await,
        dropped: api
            .journal
            .progress()
            .map_or(0, |progress| progress.dropped),
    })
}

async fn waiting(api: &Api) -> u64 {
    let Ok(mut store) = api.store.read().await else {
        return 0;
    };
    let size = store.outbox().size().await;
    size.map_or(0, |(rows, _)| rows)
}

/// That the database is away, in words; nothing while it is there.
fn problem(hub: Option<&Hub>) -> Option<String> {
    let away = hub?.away()?;
    let advice = match hub.and_then(Hub::number) {
        Some(_) => {
            "Queries are answered and recorded all the same, by what is known here; what people \
             set cannot be changed meanwhile, and figures of other nodes are missing."
        }
        None => {
            "This node has never reached it: queries are answered by the config alone, and hardly \
             any are recorded."
        }
    };
    Some(format!("{}. {advice}", away.problem))
}

/// What is wrong with the database.
pub(super) fn troubles(database: Option<&DatabaseStatus>, hub: Option<&Hub>) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |id: &str, title: &str, detail: String| {
        troubles.push(Trouble {
            id: id.to_owned(),
            severity: Severity::Warn,
            title: title.to_owned(),
            detail,
        });
    };
    if let Some(problem) = problem(hub) {
        add("database", "The shared database is away", problem);
    }
    if let Some(dropped) = database.map(|database| database.dropped).filter(|n| *n > 0) {
        add(
            "database-dropped",
            "Other nodes do not have all queries",
            format!(
                "{dropped} queries of this node were not sent to the others, because the shared \
                 database was away for too long. They are in the journal of this node."
            ),
        );
    }
    troubles
}
