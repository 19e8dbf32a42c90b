//! Names that devices of the dashboard say by themselves, over encrypted DNS. They stand among what
//! a device is recognised by, after the sign of its own.

use super::{Household, MemberError};
use crate::config::{DeviceMatch, DeviceWish};
use crate::query::DeviceId;

impl Household {
    /// Has a device say these names, in the place of those before.
    pub fn let_say(
        &self,
        id: DeviceId,
        wish: &mut DeviceWish,
        names: &[String],
    ) -> Result<(), MemberError> {
        let plan = self.plan();
        for name in names {
            let is_other = |one: &str| plan.kept.numbers.get(one) != Some(&id);
            let mut others = plan.config.devices.iter().filter(|one| is_other(&one.name));
            if let Some(other) =
                others.find(|one| one.matches.iter().any(|found| says(found, name)))
            {
                return Err(MemberError::Said(name.clone(), other.name.clone()));
            }
        }
        wish.matches.retain(|sign| !is_said(sign));
        wish.matches.extend_from_slice(names);
        Ok(())
    }
}

/// Whether a sign of a device is a name that it says.
pub fn is_said(sign: &str) -> bool {
    matches!(DeviceMatch::parse(sign), Ok(DeviceMatch::Host(_)))
}

/// By the first label alone, as they are recognised.
fn says(found: &DeviceMatch, name: &str) -> bool {
    let label = |name: &str| {
        name.split('.')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    matches!(found, DeviceMatch::Host(host) if label(host) == label(name))
}
