//! Devices as people and requests name them.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::problem::Problem;
use crate::device::{Device, Devices};
use crate::journal::UNNAMED;
use crate::query::DeviceId;

/// A device by its id and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceRef {
    /// `d12`; empty where privacy leaves out who asked.
    pub id: String,
    /// What people read.
    pub name: String,
}

/// The parameter that names a device.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeviceParams {
    /// One device: its id (`d12`), an address of it, or its name.
    pub device: Option<String>,
}

impl DeviceParams {
    /// The device meant, if one is given.
    pub(super) fn read(&self, api: &Api) -> Result<Option<Device>, Problem> {
        let find = |text: &String| {
            find(&api.devices, text).ok_or_else(|| {
                Problem::input(
                    "device",
                    format!("`{text}` is no device that is known; an id looks like d12"),
                )
            })
        };
        self.device.as_ref().map(find).transpose()
    }
}

/// The text form of a device's number.
pub(super) fn id_text(id: DeviceId) -> String {
    match id {
        DeviceId(0) => String::new(),
        DeviceId(number) => format!("d{number}"),
    }
}

/// The device of an id such as `d12`.
pub(super) fn by_id(devices: &Devices, text: &str) -> Option<Device> {
    let digits = text.strip_prefix('d')?;
    let number = digits
        .parse()
        .ok()
        .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    devices.device(DeviceId(number))
}

fn find(devices: &Devices, text: &str) -> Option<Device> {
    if let Some(device) = by_id(devices, text) {
        return Some(device);
    }
    let mut shown = devices
        .all()
        .into_iter()
        .filter(|device| device.alias_of.is_none());
    match text.parse::<IpAddr>() {
        Ok(address) => shown.find(|device| device.addresses.contains(&address.to_canonical())),
        Err(_) => shown.find(|device| device.title().to_lowercase() == text.to_lowercase()),
    }
}

impl DeviceRef {
    /// A device that is known.
    pub(super) fn of(device: &Device) -> Self {
        Self {
            id: id_text(device.id),
            name: device.title(),
        }
    }

    fn unknown(id: DeviceId) -> Self {
        let name = match id {
            DeviceId(0) => UNNAMED.to_owned(),
            _ => id_text(id),
        };
        Self {
            id: id_text(id),
            name,
        }
    }
}

/// All devices of one moment, by number.
#[derive(Debug)]
pub(super) struct Known(HashMap<DeviceId, Device>);

impl Known {
    /// The devices that are shown.
    pub(super) fn of(devices: &Devices) -> Self {
        let shown = devices
            .all()
            .into_iter()
            .filter(|device| device.alias_of.is_none());
        Self(shown.map(|device| (device.id, device)).collect())
    }

    /// A device, if it is known.
    pub(super) fn get(&self, id: DeviceId) -> Option<&Device> {
        self.0.get(&id)
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Device> {
        self.0.values()
    }

    /// A device by its id and name.
    pub(super) fn refer(&self, id: DeviceId) -> DeviceRef {
        self.get(id)
            .map_or_else(|| DeviceRef::unknown(id), DeviceRef::of)
    }
}
