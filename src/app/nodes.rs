//! Keeps this node in step with the others: tells them what is new here, and puts in force what is
//! new there.
//!
//! While the shared database is away, everything goes on with what is known; afterwards all of it
//! is looked at again, because what was told meanwhile was told in vain.

mod devices;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::device::Devices;
use crate::journal::Journal;
use crate::store::{Clock, Hub, Listener, News, Retention, Store, StoreError};
use devices::Sharing;
use rows::Rows;

/// The first and the longest pause after the database failed.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(4));

/// How often it is asked whether it is still there.
const PULSE: Duration = Duration::from_secs(5);

/// How often everything is looked at although nothing was heard, and the others are told that we
/// are there: a connection may be lost without a sign.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Changes of devices are gathered for this long.
const GATHER: Duration = Duration::from_secs(1);

/// How often it is seen to what is too old.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// Keeps this node in step with the others.
pub(super) struct Nodes {
    pub store: Store,
    pub journal: Journal,
    pub devices: Arc<Devices>,
    pub api: Arc<Api>,
    pub retention: Duration,
}

/// What has to be looked at.
#[derive(Clone, Copy, Debug)]
struct Due {
    policy: bool,
    devices: bool,
    rows: bool,
}

/// As long as the connection holds.
struct Session<'a> {
    nodes: &'a Nodes,
    hub: &'a Hub,
    sharing: Sharing,
    rows: Rows,
    due: Due,
    changed: watch::Receiver<u64>,
    /// When changes of devices have been gathered.
    gathered: Option<Instant>,
    look_again: Instant,
    housekeeping: Instant,
    /// That of the database.
    clock: Clock,
}

impl Nodes {
    /// Runs until told to stop; at once, where there are no other nodes.
    pub async fn run(self, stop: CancellationToken) {
        let Some(hub) = self.store.hub() else {
            return;
        };
        let mut pause = RETRY.0;
        while !stop.is_cancelled() {
            let began = Instant::now();
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.keep(hub) => ended,
            };
            hub.note(ended.as_ref().err(), Timestamp::now().as_millisecond());
            // What held for a while may hold again at once.
            pause = if began.elapsed() > RETRY.1 * 2 {
                RETRY.0
            } else {
                (pause * 2).min(RETRY.1)
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = time::sleep(pause) => {}
            }
        }
    }

    /// Keeps in step until the database fails.
    async fn keep(&self, hub: &Hub) -> Result<(), StoreError> {
        self.store.connect().await?;
        hub.greet().await?;
        let mut listener = hub.listen().await?;
        let mut session = Session {
            nodes: self,
            hub,
            sharing: Sharing::default(),
            rows: Rows::default(),
            due: Due::ALL,
            changed: self.devices.changed(),
            gathered: None,
            look_again: Instant::now() + LOOK_AGAIN,
            housekeeping: Instant::now() + HOUSEKEEPING,
            clock: Clock::default(),
        };
        loop {
            session.turn().await?;
            hub.note(None, 0);
            session.wait(&mut listener).await?;
        }
    }
}

impl Due {
    const ALL: Self = Self {
        policy: true,
        devices: true,
        rows: true,
    };
    const NONE: Self = Self {
        policy: false,
        devices: false,
        rows: false,
    };
}

impl Session<'_> {
    /// Does what is due.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let due = std::mem::replace(&mut self.due, Due::NONE);
        // Devices come before what was set of them, and before rows that speak of them.
        if due.devices || due.rows {
            self.changed.mark_unchanged();
            self.gathered = None;
            let (devices, store) = (&self.nodes.devices, &self.nodes.store);
            self.sharing.exchange(self.hub, (devices, store)).await?;
        }
        if due.policy {
            self.nodes.store.pull().await?;
        }
        if let Err(error) = self.nodes.api.catch_up().await {
            tracing::warn!(%error, "what another node changed is not in force here");
        }
        if due.rows {
            let (store, journal) = (&self.nodes.store, &self.nodes.journal);
            self.due.rows = self.rows.exchange(self.hub, (store, journal)).await?;
        }
        self.now_and_then().await
    }

    async fn now_and_then(&mut self) -> Result<(), StoreError> {
        let (now, now_ms) = (Instant::now(), Timestamp::now().as_millisecond());
        if self.look_again <= now {
            self.look_again = now + LOOK_AGAIN;
            self.hub.live(now_ms).await?;
            self.due = Due::ALL;
        }
        if self.housekeeping <= now {
            let retention = Retention::new(self.nodes.retention);
            // Rows of years go in steps, with what else is due in between.
            let goes_on = match self.hub.too_old(retention, &mut self.clock).await? {
                Some(before_ms) => self.hub.prune_some(before_ms).await?,
                None => false,
            };
            if !goes_on {
                self.housekeeping = now + HOUSEKEEPING;
            }
        }
        Ok(())
    }

    /// Waits until something is due.
    async fn wait(&mut self, listener: &mut Listener) -> Result<(), StoreError> {
        if self.due.rows || self.due.policy {
            return Ok(());
        }
        let gathered = self.gathered;
        let gathered = async {
            match gathered {
                Some(gathered) => time::sleep_until(gathered).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            news = listener.next() => match news? {
                News::Policy => self.due.policy = true,
                News::Devices => self.due.devices = true,
                News::Rows => self.due.rows = true,
            },
            () = self.hub.woken() => {
                self.due.rows = true;
                self.due.policy |= self.hub.take_news();
            }
            Ok(()) = self.changed.changed(), if self.gathered.is_none() => {
                self.gathered = Some(Instant::now() + GATHER);
            }
            () = gathered => {
                self.gathered = None;
                self.due.devices = true;
            }
            () = time::sleep(PULSE) => self.due.rows = true,
        }
        Ok(())
    }
}
