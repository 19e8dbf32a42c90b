//! `DELETE devices/{id}`: forgetting a device as a whole.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;

use super::Api;
use super::asked::Id;
use super::author::By;
use super::changing::Changing;
use super::members::{known, refused};
use super::problem::{Problem, unkept};
use crate::device::DeviceKey;
use crate::household::MemberError;
use crate::query::DeviceId;
use crate::store::{ForgottenRow, Item, Kind, StoreError};

/// When a device last asked is known by the second.
const EXACT_MS: i64 = 1000;

/// Forget a device
///
/// Deletes its history, as `DELETE /devices/{id}/history` does, and with it all that is known of the
/// device: its names, its addresses, what people set of it, the rules and pauses for it alone, and the
/// changes of these. It cannot be taken back. If the device asks again, it is a new one. Nodes that
/// share a database all forget it, also those that are away now.
#[utoipa::path(
    delete, path = "/devices/{id}", tag = "devices",
    params(("id" = String, Path, description = "`d12`")),
    responses(
        (status = 204, description = "It is forgotten; its history is being deleted"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn forget_device(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    // First: while there is a history, there is a device whose history can be deleted.
    let (_, erased) = forgettable(&api, &id)?;
    erase(&api, &erased).await?;
    let mut change = api.change(author).await?;
    let (device, numbers) = forgettable(&api, &id)?;
    let new = numbers.iter().filter(|id| !erased.contains(id));
    let new: Vec<DeviceId> = new.copied().collect();
    take_out(&mut change, &numbers).await?;
    let row = ForgottenRow {
        device,
        numbers,
        at_ms: Timestamp::now().as_millisecond(),
    };
    change.put(&Item::Forgotten(row)).await?;
    change.commit().await?;
    erase(&api, &new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A device that may be forgotten, and all its numbers.
fn forgettable(api: &Api, id: &str) -> Result<(DeviceId, Vec<DeviceId>), Problem> {
    let device = known(api, id)?;
    if api.household.is_declared(&device) {
        return Err(refused(&MemberError::Declared(device.title())));
    }
    if device.key == DeviceKey::Others {
        return Err(refused(&MemberError::Many));
    }
    let numbers = api.devices.numbers_of(device.id);
    if numbers.contains(&device.id) {
        Ok((device.id, numbers))
    } else {
        Err(unkept(&"the devices of earlier runs are not read yet"))
    }
}

async fn erase(api: &Api, devices: &[DeviceId]) -> Result<(), Problem> {
    if devices.is_empty() {
        return Ok(());
    }
    let now_ms = Timestamp::now().as_millisecond();
    let begun = api.journal.erase_all(devices, now_ms).await;
    begun.map_err(|error| unkept(&error))
}

/// Takes out what people set of a device; no change says what that was.
async fn take_out(change: &mut Changing<'_>, numbers: &[DeviceId]) -> Result<(), Problem> {
    for kind in [Kind::Device, Kind::Rule, Kind::Pause] {
        let items = change.items(kind).await.map_err(|error| unkept(&error))?;
        let its = |item: &Item| item.device().is_some_and(|one| numbers.contains(&one));
        for item in items.iter().filter(|item| its(item)) {
            change.let_end(kind, &item.key()).await?;
        }
    }
    Ok(())
}

impl Api {
    /// Forgets the devices that people had forgotten on any node. What this one recorded after that,
    /// while it did not know, goes as well.
    pub(super) async fn enforce_forgotten(&self) -> Result<(), StoreError> {
        let rows = self.store.read().await?.forgotten().all().await?;
        let mut late = Vec::new();
        for row in rows {
            let there = self.devices.forget(&row.numbers).into_iter();
            let asked = there.filter(|(_, last_ms)| last_ms + EXACT_MS >= row.at_ms);
            late.extend(asked.map(|(id, _)| id));
        }
        if late.is_empty() {
            return Ok(());
        }
        let now_ms = Timestamp::now().as_millisecond();
        if let Err(error) = self.journal.erase_all(&late, now_ms).await {
            tracing::warn!(%error, "what a forgotten device asked last stays in the journal");
        }
        Ok(())
    }
}
