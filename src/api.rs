//! JSON for the dashboard and for scripts, one file a resource.

mod explanation;
pub mod guard;
pub mod problem;
pub mod range;

pub use explanation::{Also, Explanation, Knowledge, PackName, Recent, Step};
