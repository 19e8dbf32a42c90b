//! `squelch explain`: what would be done with a name, and why.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::running::{LOCKED, Running};
use super::{ConfigArgs, WRONG_USE, explain_text, say, say_error, say_problems};
use crate::api::{Explanation, Knowledge};
use crate::app;
use crate::config::Config;
use crate::local::Local;
use crate::query::{GroupId, Name, RecordType};

const PATIENCE: Duration = Duration::from_millis(500);

/// The arguments of `squelch explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
The running server is asked where there is one; else the config, the packs and the lists as they
were compiled last are read.
Examples:
  squelch explain tracking.miui.com
  squelch explain open.oneplus.net --type HTTPS --json
Exit codes: 0 done, 2 the name, the type or the config is wrong.")]
pub struct ExplainArgs {
    /// The name, such as tracking.miui.com.
    name: String,
    /// The record type.
    #[arg(long = "type", value_name = "TYPE", default_value = "A")]
    kind: String,
    /// The device that asks: its name, id or address; only a running server knows devices.
    #[arg(long)]
    device: Option<String>,
    /// Writes one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

impl ExplainArgs {
    /// Explains one name.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let wrong = |message: String| {
            say_error(&format!("squelch: {message}"));
            Ok(ExitCode::from(WRONG_USE))
        };
        let name: Name = match self.name.parse() {
            Ok(name) => name,
            Err(error) => return wrong(format!("`{}` is no domain name: {error}", self.name)),
        };
        let kind: RecordType = match self.kind.parse() {
            Ok(kind) => kind,
            Err(error) => return wrong(error.to_string()),
        };
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let explanation = match ask_server(&config, &self) {
            Ok(Asked::Answer(explanation)) => *explanation,
            Ok(Asked::Refused(detail)) => return wrong(detail),
            Err(_) if self.device.is_some() => {
                return wrong(
                    "no server is running here, and only a running one knows devices".to_owned(),
                );
            }
            Err(_) => explain_here(config, &name, kind)?,
        };
        if self.json {
            say(&serde_json::to_string_pretty(&explanation)?);
        } else {
            explain_text::print(&explanation);
        }
        Ok(ExitCode::SUCCESS)
    }
}

enum Asked {
    Answer(Box<Explanation>),
    Refused(String),
}

/// Asks the server that this config describes; an error means that none is running.
fn ask_server(config: &Config, arguments: &ExplainArgs) -> anyhow::Result<Asked> {
    let server = Running::of(config, PATIENCE)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut parameters = vec![
            ("name", arguments.name.as_str()),
            ("type", arguments.kind.as_str()),
        ];
        parameters.extend(arguments.device.as_deref().map(|device| ("device", device)));
        let url = reqwest::Url::parse_with_params(&server.url("explain"), &parameters)?;
        let response = server.client.get(url).send().await?;
        if response.status() == reqwest::StatusCode::UNAUTHORIZED {
            return Ok(Asked::Refused(LOCKED.to_owned()));
        }
        if response.status().is_client_error() {
            let problem: serde_json::Value = response.json().await?;
            let detail = problem
                .get("detail")
                .and_then(serde_json::Value::as_str)
                .unwrap_or("refused");
            return Ok(Asked::Refused(detail.to_owned()));
        }
        Ok(Asked::Answer(Box::new(
            response.error_for_status()?.json().await?,
        )))
    })
}

fn explain_here(config: Config, name: &Name, kind: RecordType) -> anyhow::Result<Explanation> {
    let parts = app::prepare(config)?;
    let config = &parts.config;
    Ok(Knowledge {
        config,
        packs: &parts.packs,
        policy: &app::policy_at_rest(&parts),
        local: &Local::new(config),
        group: GroupId(0),
    }
    .explain(None, name, kind))
}
