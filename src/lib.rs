//! Squelch: the home's DNS server that shows which device reports to whom, and stops it.
//!
//! A query's path, in the packet's order; `pipeline.rs` is the place to start reading:
//!
//! ```text
//! packet → dns → pipeline ─┬─ device     who asks
//!                          ├─ policy     what it may reach  → matcher
//!                          ├─ local      names of our own
//!                          ├─ cache      answers still held
//!                          ├─ upstream   asking others
//!                          └─ journal    what we saw        → store
//! ```
//!
//! What people set and see stands beside it: `config`, `packs`, `lists`, `store`, `api`, `web`.

pub mod pipeline;
pub mod query;

pub mod device;

pub mod cache;
pub mod local;
pub mod matcher;
pub mod policy;
pub mod upstream;

pub mod journal;

pub mod config;
pub mod lists;
pub mod packs;

pub mod store;

pub mod api;
pub mod app;
pub mod dns;
pub mod web;

pub mod cli;
