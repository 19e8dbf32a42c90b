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
//! What people set and see stands beside it: `config`, `packs`, `lists`, `household`, `store`,
//! `access`, `api`, `web`.

pub mod query;

pub mod dns;

pub mod pipeline;

pub mod device;

pub mod policy;

pub mod matcher;

pub mod local;

pub mod cache;

pub mod upstream;

pub mod journal;

// What people set and see.
pub mod config;

pub mod packs;

pub mod lists;

pub mod store;

pub mod household;

pub mod access;

pub mod api;

pub mod web;

pub mod cli;

pub mod app;
