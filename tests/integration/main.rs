//! Behaviour across modules, on loopback; one file a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod tidy;
