//! How a node comes to belong to the others: it gets a number, which stays its own.
//!
//! Numbers keep what nodes make apart: devices that a node meets get their numbers from a range of
//! its own, and rows of its journal are counted by node.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, Row as _};

use super::{Hub, LOCK, Result};

/// Applied in order, forward only, and embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// Device numbers have room for so many nodes.
const MOST: i64 = 2048;

/// The first node brings what people set before; it has this long before others go ahead.
const FOUNDING_MS: i64 = 10 * 60 * 1000;

/// Who a node is, as it is kept in its data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    /// Which database it belongs to.
    home: i64,
    /// Told apart from all others.
    identity: i64,
    /// Its number there.
    pub number: u32,
}

/// A node, as the others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its number.
    pub number: u32,
    /// The name of its machine.
    pub name: String,
    /// Its rows below this number have come.
    pub sent: u64,
    /// When it was last there, in milliseconds since 1970-01-01 UTC.
    pub seen_ms: i64,
}

impl Member {
    pub(super) fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        match serde_json::from_str(&text) {
            Ok(member) => Some(member),
            Err(error) => {
                let file = file.display();
                tracing::warn!(%file, %error, "who this node is cannot be read: it joins again");
                None
            }
        }
    }

    /// A half-written file never has the name.
    fn write(&self, file: &Path) -> io::Result<()> {
        let half = file.with_extension("half");
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut out = fs::File::create(&half)?;
        out.write_all(&serde_json::to_vec(self)?)?;
        out.sync_all()?;
        fs::rename(&half, file)
    }
}

impl Hub {
    /// Our number, once we have joined.
    pub fn number(&self) -> Option<u32> {
        self.member().map(|member| member.number)
    }

    fn member(&self) -> Option<Member> {
        let member = self.0.member.read();
        member.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_member(&self, member: Member) {
        let held = self.0.member.write();
        *held.unwrap_or_else(PoisonError::into_inner) = Some(member);
    }

    /// Joins, unless that is done. Says whether our file may stay: the first node brings what
    /// people set before; the numbers in a file of another would mean other things.
    pub(in crate::store) async fn join(&self) -> Result<bool> {
        if self.member().is_some() {
            return Ok(true);
        }
        self.migrate().await?;
        let mut store = self.begin().await?;
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
        self.within(lock.execute(&mut *store)).await?;
        let home = sqlx::query_scalar("SELECT identity FROM home").fetch_one(&mut *store);
        let home: i64 = self.within(home).await?;
        let next = sqlx::query_scalar("SELECT COALESCE(MAX(number) + 1, 0) FROM node");
        let next: i64 = self.within(next.fetch_one(&mut *store)).await?;
        let number = u32::try_from(next).ok().filter(|_| next < MOST);
        let number = number.ok_or_else(|| self.wrong("it has no room for another node"))?;
        let member = Member {
            home,
            identity: random(),
            number,
        };
        self.enter(&mut store, &member).await?;
        // Kept first: a number without a row is entered again, a row without a node would stay.
        let file = &self.0.member_file;
        let kept = member.write(file);
        kept.map_err(|source| super::StoreError::Member {
            file: file.clone(),
            source,
        })?;
        self.commit(store).await?;
        tracing::info!(database = %self.0.place, node = number, "this node has joined the others");
        self.set_member(member);
        Ok(number == 0)
    }

    /// Sees to it that the database has its tables and knows us, and that it is the one that we
    /// belong to.
    pub async fn greet(&self) -> Result<()> {
        self.migrate().await?;
        let member = self.member();
        let member = member.ok_or_else(|| self.wrong("this node has not joined it yet"))?;
        let mut store = self.begin().await?;
        let home = sqlx::query_scalar("SELECT identity FROM home").fetch_one(&mut *store);
        let home: i64 = self.within(home).await?;
        if home != member.home {
            return Err(self.wrong(&format!(
                "this data folder belongs to another database; set `data_dir` to a new folder, \
                 or remove `{}`",
                self.0.member_file.display()
            )));
        }
        self.enter(&mut store, &member).await?;
        let known = sqlx::query_scalar("SELECT identity FROM node WHERE number = $1")
            .bind(i64::from(member.number))
            .fetch_one(&mut *store);
        let known: i64 = self.within(known).await?;
        if known != member.identity {
            return Err(self.wrong(&format!(
                "it has another node of this number; remove `{}` to join anew",
                self.0.member_file.display()
            )));
        }
        self.commit(store).await
    }

    /// Says that we are there.
    pub async fn live(&self, now_ms: i64) -> Result<()> {
        let number = self.number().map_or(-1, i64::from);
        let seen = sqlx::query("UPDATE node SET seen_ms = $1 WHERE number = $2")
            .bind(now_ms)
            .bind(number)
            .execute(self.pool());
        self.within(seen).await.map(|_| ())
    }

    /// All nodes, by number.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>> {
        let rows = sqlx::query("SELECT number, name, sent, seen_ms FROM node ORDER BY number");
        let rows = self.within(rows.fetch_all(self.pool())).await?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(NodeRow {
                number: u32::try_from(row.try_get::<i64, _>("number")?).unwrap_or(u32::MAX),
                name: row.try_get("name")?,
                sent: row.try_get::<i64, _>("sent")?.cast_unsigned(),
                seen_ms: row.try_get("seen_ms")?,
            })
        };
        let nodes: std::result::Result<Vec<_>, sqlx::Error> = rows.iter().map(read).collect();
        let nodes = nodes.map_err(|error| self.failed(&error))?;
        let held = self.0.nodes.lock();
        held.unwrap_or_else(PoisonError::into_inner)
            .clone_from(&nodes);
        Ok(nodes)
    }

    /// All nodes, as they were when they were last read.
    pub fn last_seen(&self) -> Vec<NodeRow> {
        let held = self.0.nodes.lock();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the first node has brought what people set before; `Err` while others wait for it.
    pub(super) async fn is_founded(&self, store: &mut PgConnection) -> Result<bool> {
        let asked = sqlx::query(
            "SELECT founded, (SELECT joined_ms FROM node WHERE number = 0) AS joined_ms FROM home",
        );
        let row = self.within(asked.fetch_one(store)).await?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok::<_, sqlx::Error>((row.try_get("founded")?, row.try_get("joined_ms")?))
        };
        let (founded, joined_ms): (bool, Option<i64>) =
            read(&row).map_err(|error| self.failed(&error))?;
        let waited_ms = now_ms() - joined_ms.unwrap_or(0);
        if !founded && self.number() != Some(0) && waited_ms < FOUNDING_MS {
            return Err(self.wrong("the first node has not brought what people set there yet"));
        }
        Ok(founded)
    }

    async fn enter(&self, store: &mut PgConnection, member: &Member) -> Result<()> {
        let name = rustix::system::uname();
        let name = name.nodename().to_string_lossy();
        let entered = sqlx::query(
            "INSERT INTO node (number, identity, name, sent, joined_ms, seen_ms) \
             VALUES ($1, $2, $3, 0, $4, $4) \
             ON CONFLICT (number) DO UPDATE SET seen_ms = excluded.seen_ms",
        )
        .bind(i64::from(member.number))
        .bind(member.identity)
        .bind(name)
        .bind(now_ms())
        .execute(store);
        self.within(entered).await.map(|_| ())
    }

    /// Over a connection of its own, which ends with this: the lock under which tables are made is
    /// its session's, and who stops half-way would leave it held, for all nodes, in the pool.
    async fn migrate(&self) -> Result<()> {
        let own = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(self.0.options.clone());
        match tokio::time::timeout(super::PATIENCE, MIGRATIONS.run(&own)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(sqlx::migrate::MigrateError::Execute(error))) => Err(self.failed(&error)),
            Ok(Err(error @ sqlx::migrate::MigrateError::VersionMissing(_))) => Err(self.wrong(
                &format!("a newer version of squelch wrote it; update this node ({error})"),
            )),
            Ok(Err(error)) => Err(self.wrong(&error.to_string())),
            Err(_) => Err(self.failed(&sqlx::Error::PoolTimedOut)),
        }
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A number that no other node has drawn.
fn random() -> i64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(now_ms()).cast_signed()
}
