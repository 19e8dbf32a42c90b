//! Behaviour across modules, on loopback; one file a behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod access_command;
mod allocations;
mod answers;
mod api;
mod cache;
mod cases;
mod certificate;
mod command;
mod device;
mod encrypted;
mod export;
mod group_upstreams;
mod groups;
mod house;
mod idle;
mod killed;
mod leases;
mod list_choices;
mod lists;
mod lists_command;
mod local;
mod malformed;
mod nodes;
mod packs_command;
mod process;
mod record;
mod reload;
mod rules;
mod scenarios;
mod seeds;
mod sign_in;
mod signed;
mod stub;
mod tcp;
mod tidy;
mod upstream;
