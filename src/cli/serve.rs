//! `squelch serve`: the server.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{ConfigArgs, check, mention, say_problems};
use crate::app::{self, App};
use crate::config::Config;
use crate::packs::Packs;

/// The arguments of `squelch serve`.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
SIGTERM and SIGINT stop it cleanly; SIGHUP reads the config again and puts its packs,
lists, rules, groups and devices in force, the dashboard's names and password, and a new
certificate. RUST_LOG=squelch=debug logs each query, with its name and address.")]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

impl ServeArgs {
    /// Serves until told to stop.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let checked = check::check(&self.config)?;
        if !checked.problems.0.is_empty() {
            return Ok(say_problems(&checked.problems));
        }
        start_logging();
        if let Some(reason) = &checked.set_aside {
            tracing::warn!("{reason}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("squelch")
            .on_thread_start(app::come_second)
            .enable_all()
            .build()
            .context("starting the runtime")?;
        let code = runtime.block_on(self.serve(checked.config, checked.packs));
        // What had no end within the limit of a stop does not hold up the process.
        runtime.shutdown_background();
        code
    }

    async fn serve(self, config: Config, packs: Packs) -> anyhow::Result<ExitCode> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let parts = app::prepare_with(config, Arc::new(packs))?;
        let app = app::start(parts).await?;
        announce(&app);
        tokio::select! {
            () = announce_code(&app) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = self.reload_on(&mut hangup, &app) => {}
        }
        mention("Stopping.");
        app.stop().await;
        Ok(ExitCode::SUCCESS)
    }

    /// Reads the config again whenever it is told to.
    async fn reload_on(&self, hangup: &mut Signal, app: &App) {
        while hangup.recv().await.is_some() {
            self.reload(app).await;
        }
    }

    async fn reload(&self, app: &App) {
        let config = self.config.load().and_then(|config| {
            check::understand(app.packs(), &config)?;
            Ok(config)
        });
        match config {
            Ok(config) => return app.reload(&config).await,
            Err(problems) => say_problems(&problems),
        };
        tracing::warn!("the config is wrong; the one before stays in force");
    }
}

fn start_logging() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,squelch=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}

fn announce(app: &App) {
    for address in app.dns() {
        mention(&format!("DNS on {address} (UDP and TCP)"));
    }
    for address in &app.encrypted().dot {
        mention(&format!("DNS over TLS on {address}"));
    }
    let encrypted = app.encrypted();
    for address in &encrypted.doh {
        mention(&format!("DNS over HTTPS on https://{address}/dns-query"));
    }
    for address in &encrypted.doh3 {
        mention(&format!(
            "DNS over HTTP/3 on https://{address}/dns-query (UDP)"
        ));
    }
    for address in &encrypted.doq {
        mention(&format!("DNS over QUIC on {address} (UDP)"));
    }
    for address in app.web() {
        let scheme = if encrypted.doh.contains(address) {
            "https"
        } else {
            "http"
        };
        mention(&format!("Dashboard on {scheme}://{address}"));
    }
}

/// Tells what sets the first password, where one is wanted, as soon as that is known; then waits.
async fn announce_code(app: &App) {
    app.access().known().await;
    if let (Some(code), false) = (app.access().code(), app.web().is_empty()) {
        mention(&format!(
            "No password is set yet. Open the dashboard, and set one with this code: {code}"
        ));
    }
    std::future::pending::<()>().await;
}
