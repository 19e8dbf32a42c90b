//! What the running server says of its lists.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::running::{Running, accepted};
use crate::config::Config;
use crate::lists::{Choice, Step};

const PATIENCE: Duration = Duration::from_secs(10);

/// A server that is running.
pub(super) struct Server(Running);

/// All lists.
#[derive(Debug, Deserialize)]
pub(super) struct Lists {
    pub lists: Vec<Listed>,
    pub update: Update,
}

/// What is being done to them.
#[derive(Debug, Deserialize)]
pub(super) struct Update {
    pub running: bool,
    pub list: Option<String>,
    pub step: Option<Step>,
    pub bytes: u64,
    pub of_bytes: Option<u64>,
}

/// A list.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Listed {
    pub id: String,
    pub name: String,
    pub state: String,
    pub action: String,
    pub entries: u64,
    pub refused: u64,
    pub checked_at: Option<String>,
    problem: Option<Value>,
    held: Option<Value>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl Server {
    /// The server that this config describes, if it is running.
    pub async fn find(config: &Config) -> Option<Self> {
        let running = Running::of(config, PATIENCE).ok()?;
        running.is_there().await.then_some(Self(running))
    }

    /// All lists.
    pub async fn lists(&self) -> anyhow::Result<Lists> {
        let sent = self.0.client.get(self.0.url("lists")).send().await;
        let response = sent.context("asking the server for its lists")?;
        let lists = accepted(response).await?.json().await;
        lists.context("reading what the server says of its lists")
    }

    /// Has one list looked at, or all.
    pub async fn refresh(&self, id: Option<&str>) -> anyhow::Result<()> {
        let path = id.map_or_else(|| "refresh".to_owned(), |id| format!("{id}/refresh"));
        let url = self.0.url(&format!("lists/{path}"));
        let sent = self.0.client.post(url).send().await;
        let response = sent.context("asking the server to look at its lists")?;
        accepted(response).await?;
        Ok(())
    }

    /// Does with a copy that is held back what somebody wants; `false` when there is none.
    pub async fn decide(&self, id: &str, choice: Choice) -> anyhow::Result<bool> {
        let done = match choice {
            Choice::Confirm => "confirm",
            Choice::Discard => "discard",
        };
        let url = self.0.url(&format!("lists/{id}/{done}"));
        let sent = self.0.client.post(url).send().await;
        let response = sent.with_context(|| format!("asking the server to {done} a copy"))?;
        if response.status() == StatusCode::CONFLICT {
            return Ok(false);
        }
        accepted(response).await.map(|_| true)
    }
}

impl Lists {
    /// The name of a list.
    pub fn name(&self, id: &str) -> Option<&str> {
        let list = self.lists.iter().find(|list| list.id == id);
        list.map(|list| list.name.as_str())
    }
}

impl Listed {
    /// Its entries, or why it is not up to date.
    pub fn outcome(&self) -> Result<u64, String> {
        let text = |value: &Option<Value>, member| {
            let text = value.as_ref()?.get(member)?.as_str()?;
            Some(text.to_owned())
        };
        if let Some(message) = text(&self.problem, "message") {
            return Err(message);
        }
        if let Some(reason) = text(&self.held, "reason") {
            return Err(held(&reason));
        }
        Ok(self.entries)
    }
}

/// That a copy is held back, and what to do about it.
pub(super) fn held(reason: &str) -> String {
    format!(
        "a new copy is held back, because {reason}; `squelch lists confirm` or `lists discard` it"
    )
}
