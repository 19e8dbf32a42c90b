//! Keeps the devices that asked: loads them at the start, and saves what changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::nodes::Nodes;
use crate::device::{Device, Devices, Range};
use crate::journal::Writer;
use crate::query::DeviceId;
use crate::store::{Cause, Clock, DeviceRow, Hub, Retention, Store, StoreError};

/// Changes are gathered for this long, so that a busy home does not write for each query.
const GATHER: Duration = Duration::from_secs(10);
/// How long to wait for a database that could not be reached.
const RETRY: Duration = Duration::from_secs(2);
const NOW_AND_THEN: Duration = Duration::from_mins(15);
/// How often quiet devices are forgotten, and how much longer they are known than rows that speak of
/// them.
const FORGET: Duration = Duration::from_hours(1);
const LONGER: Duration = Duration::from_hours(7 * 24);

/// Keeps the devices in the store.
pub(super) struct Keeper {
    store: Store,
    devices: Arc<Devices>,
    /// How long rows of the journal are kept.
    retention: Duration,
    /// The clock that tells how long a device has been quiet.
    clock: Clock,
    saved: HashMap<DeviceId, Device>,
    /// The store's file that they were saved in.
    generation: u64,
}

/// Keeps the devices and the journal. Without the devices of earlier runs neither is written:
/// their numbers would be given twice.
pub(super) async fn keep(
    mut keeper: Keeper,
    (writer, nodes): (Writer, Nodes),
    stop: CancellationToken,
) {
    let recalled = tokio::select! {
        () = stop.cancelled() => return,
        recalled = keeper.recall() => recalled,
    };
    match recalled {
        Ok(()) => {
            tokio::join!(
                writer.run(stop.clone()),
                keeper.run(stop.clone()),
                nodes.run(stop)
            );
        }
        Err(error) => {
            tracing::warn!(%error, "devices of earlier runs are not known, and nothing is kept");
            writer.stay_in_memory(&error).run(stop).await;
        }
    }
}

impl Keeper {
    /// A keeper for devices that are numbered in passing until they are recalled.
    pub(super) fn new(store: Store, devices: Arc<Devices>, retention: Duration) -> Self {
        Self {
            store,
            devices,
            retention,
            clock: Clock::default(),
            saved: HashMap::new(),
            generation: 0,
        }
    }

    /// Tells the registry of earlier runs. Nobody waits for this but the journal, which should
    /// know devices by the numbers that stay.
    ///
    /// A node that has never reached the others' database waits for it: it has no numbers yet.
    pub(super) async fn recall(&mut self) -> Result<(), StoreError> {
        while let Err(error) = self.store.connect().await {
            match self.store.hub() {
                Some(hub) if error.cause() == Cause::Away => {
                    hub.note(Some(&error), Timestamp::now().as_millisecond());
                    tokio::time::sleep(RETRY).await;
                }
                _ => return Err(error),
            }
        }
        let number = self.store.hub().and_then(Hub::number);
        self.devices
            .number_from(Range::of_node(number.unwrap_or(0)));
        for row in self.store.read().await?.forgotten().all().await? {
            self.devices.forget(&row.numbers);
        }
        self.devices.recall(read(&self.store).await?);
        Ok(())
    }

    /// Saves devices as they change, until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut changed = self.devices.changed();
        let mut forgot = None;
        while !stop.is_cancelled() {
            // When a device last asked is no change; it is saved with the others now and then.
            tokio::select! {
                () = stop.cancelled() => {}
                _ = tokio::time::timeout(NOW_AND_THEN, changed.changed()) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(GATHER) => {}
            }
            self.save().await;
            if forgot.is_none_or(|at: Instant| at.elapsed() >= FORGET) {
                forgot = Some(Instant::now());
                let now_ms = Timestamp::now().as_millisecond();
                self.forget((Instant::now(), now_ms)).await;
            }
        }
    }

    /// Forgets devices of which nothing is known but an address, or a hardware address that they made
    /// up, and nothing speaks any more: they would be kept for ever.
    async fn forget(&mut self, (now, now_ms): (Instant, i64)) {
        let retention = Retention::new(self.retention);
        let has_settled = self.clock.has_settled(retention, (now, now_ms));
        let before_ms = Retention::new(self.retention.saturating_add(LONGER)).before_ms(now_ms);
        let forget = async {
            let mut store = self.store.write().await?;
            // By a clock that is ahead, all have been quiet for long.
            if !has_settled && !store.blocks().has_witness(retention, now_ms).await? {
                return Ok(Vec::new());
            }
            let gone = store.devices().remove_quiet(before_ms, Range::ROOM).await?;
            store.commit().await?;
            Ok::<_, StoreError>(gone)
        };
        match forget.await {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => self.forget_these(&gone, before_ms).await,
            Err(error) => tracing::debug!(%error, "quiet devices are not forgotten"),
        }
    }

    /// Forgets devices that are not in the file any more, here and where nodes meet.
    async fn forget_these(&mut self, gone: &[DeviceId], before_ms: i64) {
        let there = self.devices.forget_quiet(gone, before_ms);
        // Those that asked just now are saved again.
        self.saved.retain(|id, _| !gone.contains(id));
        tracing::debug!(gone = there.len(), "quiet devices are forgotten");
        let Some(hub) = self.store.hub() else {
            return;
        };
        let quiet = (before_ms, Range::ROOM);
        if let Err(error) = hub.remove_quiet(gone, quiet).await {
            // They come back from there, and go again.
            tracing::debug!(%error, "quiet devices are not forgotten by all nodes");
        }
    }

    async fn save(&mut self) {
        let generation = self.store.generation();
        if generation != self.generation {
            // A damaged file was moved aside: what was saved is not in the new one.
            self.saved.clear();
            self.generation = generation;
        }
        let all = self.devices.all();
        let is_there = |id: &DeviceId| all.binary_search_by_key(id, |device| device.id).is_ok();
        self.saved.retain(|id, _| is_there(id));
        let new: Vec<Device> = all
            .into_iter()
            .filter(|device| self.saved.get(&device.id) != Some(device))
            .collect();
        match write(&self.store, &new).await {
            Ok(()) => self
                .saved
                .extend(new.into_iter().map(|device| (device.id, device))),
            // What is not saved now is tried again with the next change, or at the stop.
            Err(error) => tracing::warn!(%error, "devices could not be saved"),
        }
    }
}

async fn read(store: &Store) -> Result<Vec<Device>, StoreError> {
    let rows = store.read().await?.devices().all().await?;
    Ok(rows.into_iter().filter_map(DeviceRow::device).collect())
}

async fn write(store: &Store, devices: &[Device]) -> Result<(), StoreError> {
    if devices.is_empty() {
        return Ok(());
    }
    let mut transaction = store.write().await?;
    for device in devices {
        transaction.devices().save(&device.into()).await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG_AGO_MS: i64 = 1_700_000_000_000;
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[tokio::test]
    async fn nobody_is_forgotten_by_a_clock_that_was_just_set_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let devices = Arc::new(Devices::new(&[], Vec::new()));
        for address in ["192.0.2.1", "192.0.2.2"] {
            devices.identify_at(address.parse().unwrap(), LONG_AGO_MS);
        }
        let mut keeper = Keeper::new(store, devices, Duration::from_hours(90 * 24));
        keeper.save().await;
        let (start, year_later_ms) = (Instant::now(), LONG_AGO_MS + 365 * DAY_MS);
        keeper.forget((start, year_later_ms)).await;
        assert_eq!(read(&keeper.store).await.unwrap().len(), 2);
        // It goes on to be a year later.
        let day_later = (start + Duration::from_hours(24), year_later_ms + DAY_MS);
        keeper.forget(day_later).await;
        let left = read(&keeper.store).await.unwrap();
        assert_eq!(ids(&left), [2]);
    }

    fn ids(devices: &[Device]) -> Vec<u32> {
        devices.iter().map(|one| one.id.0).collect()
    }

    #[tokio::test]
    async fn a_quiet_device_is_forgotten_while_we_run_unless_it_asked_just_now() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let devices = Arc::new(Devices::new(&[], Vec::new()));
        let ask = |number: u8, at_ms| devices.identify_at([192, 0, 2, number].into(), at_ms);
        for number in 1..=3 {
            ask(number, LONG_AGO_MS);
        }
        let mut keeper = Keeper::new(store, Arc::clone(&devices), Duration::from_hours(90 * 24));
        keeper.save().await;
        let start = Instant::now();
        keeper.forget((start, LONG_AGO_MS + DAY_MS)).await;
        // It is not saved yet that this one asked.
        let now_ms = LONG_AGO_MS + 120 * DAY_MS;
        assert_eq!(ask(2, now_ms).0, 2);
        let later = start + Duration::from_hours(24 * 119);
        keeper.forget((later, now_ms)).await;
        assert_eq!(ids(&devices.all()), [2, 3]);
        keeper.save().await;
        assert_eq!(ids(&read(&keeper.store).await.unwrap()), [2, 3]);
        // What comes back is met anew.
        assert_eq!(ask(1, now_ms).0, 4);
    }
}
