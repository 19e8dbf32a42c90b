//! Behaviour across modules, on loopback; one file a behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod device;
mod packs_command;
mod stub;
mod tidy;
mod upstream;
