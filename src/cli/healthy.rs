//! `squelch healthy`: does the running server answer?

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::{ConfigArgs, say, say_problems};
use crate::api;

/// The arguments of `squelch healthy`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it answers, 1 it does not, 2 the config is wrong.")]
pub struct HealthyArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

impl HealthyArgs {
    /// Asks the server at its first address of `dns.listen`.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let address = *config.dns.listen.first().context("`dns.listen` is empty")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime
            .block_on(api::check_dns(address))
            .map_err(anyhow::Error::msg)?;
        say(&format!("{address} answers"));
        Ok(ExitCode::SUCCESS)
    }
}
