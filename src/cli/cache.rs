//! `squelch cache`: what the running server holds, and having it forget.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use reqwest::{Method, Response, Url};

use super::running::{Running, accepted};
use super::{ConfigArgs, WRONG_USE, say, say_error, say_problems};
use crate::cache::CacheStats;
use crate::config::Config;
use crate::query::Name;

const PATIENCE: Duration = Duration::from_secs(5);

/// The arguments of `squelch cache`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without a command it tells how much is held and how often that helped.
The running server is asked, at the first address of `web.listen` that it has for itself.
Examples:
  squelch cache
  squelch cache clear www.home.example
Exit codes: 0 done, 1 no server answers, 2 the name or the config is wrong.")]
pub struct CacheArgs {
    #[command(subcommand)]
    command: Option<Command>,
    /// Writes one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Forgets all answers, or those for one name.
    Clear {
        /// The name, such as www.home.example.
        name: Option<String>,
    },
}

impl CacheArgs {
    /// Asks the running server.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        match self.command {
            None => show(&config, self.json)?,
            Some(Command::Clear { name: None }) => {
                request(&config, Method::DELETE, None, async |_| Ok(()))?;
                say("all held answers are forgotten");
            }
            Some(Command::Clear { name: Some(name) }) => {
                if let Err(error) = name.parse::<Name>() {
                    say_error(&format!("squelch: `{name}` is no domain name: {error}"));
                    return Ok(ExitCode::from(WRONG_USE));
                }
                request(&config, Method::DELETE, Some(&name), async |_| Ok(()))?;
                say(&format!("what was held for {name} is forgotten"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(config: &Config, json: bool) -> anyhow::Result<()> {
    let read = async |response: Response| Ok(response.json::<CacheStats>().await?);
    let stats = request(config, Method::GET, None, read)?;
    if json {
        say(&serde_json::to_string_pretty(&stats)?);
        return Ok(());
    }
    let (asked, helped) = (stats.hits + stats.misses, stats.hits * 100);
    let share = helped.checked_div(asked).unwrap_or(0);
    let of_room = (stats.bytes * 100)
        .checked_div(stats.max_bytes)
        .unwrap_or(0);
    say(&format!(
        "{} of {} answers",
        stats.entries, stats.max_entries
    ));
    say(&format!(
        "{of_room} % of {} MB",
        stats.max_bytes / 1_000_000
    ));
    say(&format!(
        "{share} % of {asked} queries answered from here, {} of them while the answer was refreshed",
        stats.stale
    ));
    say(&format!("{} answers refreshed", stats.refreshes));
    Ok(())
}

/// Sends a request for the cache, or for one name in it, and reads what comes back.
fn request<T>(
    config: &Config,
    method: Method,
    name: Option<&str>,
    read: impl AsyncFnOnce(Response) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let server = Running::of(config, PATIENCE)?;
    let mut url = Url::parse(&server.url("cache"))?;
    if let (Some(name), Ok(mut path)) = (name, url.path_segments_mut()) {
        path.push(name);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let sent = server.client.request(method, url).send().await;
        let response = sent.with_context(|| format!("asking the server at {}", server.address))?;
        read(accepted(response).await?).await
    })
}
