//! What the running server says of its lists.

use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Config;
use crate::lists::Step;

const PATIENCE: Duration = Duration::from_secs(10);

/// A server that is running.
pub(super) struct Server {
    base: String,
    client: reqwest::Client,
}

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
        let address = config.web.listen.first()?;
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .build()
            .ok()?;
        let server = Self {
            base: format!("http://{address}/api/v1"),
            client,
        };
        let status = server
            .client
            .get(format!("{}/status", server.base))
            .send()
            .await;
        status
            .ok()
            .filter(|response| response.status().is_success())?;
        Some(server)
    }

    /// All lists.
    pub async fn lists(&self) -> anyhow::Result<Lists> {
        let response = self.client.get(format!("{}/lists", self.base)).send().await;
        let response = response.and_then(reqwest::Response::error_for_status);
        let lists = response
            .context("asking the server for its lists")?
            .json()
            .await;
        lists.context("reading what the server says of its lists")
    }

    /// Has one list looked at, or all.
    pub async fn refresh(&self, id: Option<&str>) -> anyhow::Result<()> {
        let path = id.map_or_else(|| "refresh".to_owned(), |id| format!("{id}/refresh"));
        let response = self
            .client
            .post(format!("{}/lists/{path}", self.base))
            .send()
            .await;
        let response = response.and_then(reqwest::Response::error_for_status);
        response.context("asking the server to look at its lists")?;
        Ok(())
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
    format!("a new copy is held back, because {reason}; confirm it in the dashboard")
}
