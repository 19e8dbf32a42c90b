//! The tables `outbox` and `node_state`: rows of the journal on their way to the other nodes, and
//! how far this node is.

use std::collections::HashMap;

use super::{StoreError, Table, Waiting, narrow};

/// How far this node is with what it shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of its next row.
    pub next: u64,
    /// The number of its first row that was written to this file.
    pub begun: u64,
    /// How many rows the outbox had no room for.
    pub dropped: u64,
    /// How far the rows of other nodes are here, by node.
    pub from: HashMap<u32, u64>,
}

/// Rows on their way to the other nodes.
pub struct OutboxTable<'a>(pub(super) Table<'a>);

impl OutboxTable<'_> {
    /// Adds rows.
    pub async fn add(&mut self, parcel: &Waiting) -> Result<(), StoreError> {
        let done =
            sqlx::query("INSERT INTO outbox (seq, rows, last_ms, data) VALUES ($1, $2, $3, $4)")
                .bind(parcel.seq.cast_signed())
                .bind(i64::from(parcel.rows))
                .bind(parcel.last_ms)
                .bind(&parcel.data)
                .execute(self.0.connection())
                .await;
        self.0.checked(done).map(|_| ())
    }

    /// The first that wait, at most `most`.
    pub async fn first(&mut self, most: u32) -> Result<Vec<Waiting>, StoreError> {
        let rows = sqlx::query_as::<_, (i64, i64, i64, Vec<u8>)>(
            "SELECT seq, rows, last_ms, data FROM outbox ORDER BY seq LIMIT $1",
        )
        .bind(i64::from(most))
        .fetch_all(self.0.connection())
        .await;
        let waiting = |(seq, rows, last_ms, data): (i64, i64, i64, Vec<u8>)| Waiting {
            seq: seq.cast_unsigned(),
            rows: narrow(rows).unwrap_or(0),
            last_ms,
            data,
        };
        Ok(self.0.checked(rows)?.into_iter().map(waiting).collect())
    }

    /// The numbers of the first rows of all that wait.
    pub async fn all(&mut self) -> Result<Vec<u64>, StoreError> {
        let rows = sqlx::query_scalar::<_, i64>("SELECT seq FROM outbox ORDER BY seq")
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        Ok(rows.into_iter().map(i64::cast_unsigned).collect())
    }

    /// Those that begin with this row, if they wait still.
    pub async fn find(&mut self, seq: u64) -> Result<Option<(u32, Vec<u8>)>, StoreError> {
        let row =
            sqlx::query_as::<_, (i64, Vec<u8>)>("SELECT rows, data FROM outbox WHERE seq = $1")
                .bind(seq.cast_signed())
                .fetch_optional(self.0.connection())
                .await;
        let row = self.0.checked(row)?;
        Ok(row.map(|(rows, data)| (narrow(rows).unwrap_or(0), data)))
    }

    /// Puts what is left of them in their place.
    pub async fn replace(&mut self, seq: u64, data: &[u8]) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE outbox SET data = $1 WHERE seq = $2")
            .bind(data)
            .bind(seq.cast_signed())
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// How many rows wait, and how many bytes they take.
    pub async fn size(&mut self) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query_as::<_, (i64, i64)>(
            "SELECT COALESCE(SUM(rows), 0), COALESCE(SUM(LENGTH(data)), 0) FROM outbox",
        )
        .fetch_one(self.0.connection())
        .await;
        let (rows, bytes) = self.0.checked(row)?;
        Ok((rows.cast_unsigned(), bytes.cast_unsigned()))
    }

    /// Removes what has come: all that begins at `last` or before.
    pub async fn remove_to(&mut self, last: u64) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM outbox WHERE seq <= $1")
            .bind(last.cast_signed())
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes the oldest rows, until so many bytes are gone; says how many rows they were.
    pub async fn drop_oldest(&mut self, bytes: u64) -> Result<u64, StoreError> {
        let (mut gone, mut dropped) = (0, 0);
        while gone < bytes {
            let oldest = sqlx::query_as::<_, (i64, i64, i64)>(
                "SELECT seq, rows, LENGTH(data) FROM outbox ORDER BY seq LIMIT 1",
            )
            .fetch_optional(self.0.connection())
            .await;
            let Some((seq, rows, length)) = self.0.checked(oldest)? else {
                break;
            };
            self.remove_to(seq.cast_unsigned()).await?;
            gone += length.cast_unsigned().max(1);
            dropped += rows.cast_unsigned();
        }
        Ok(dropped)
    }

    /// How far this node is.
    pub async fn progress(&mut self) -> Result<Progress, StoreError> {
        let rows = sqlx::query_as::<_, (String, i64)>("SELECT name, value FROM node_state")
            .fetch_all(self.0.connection())
            .await;
        let mut progress = Progress::default();
        for (name, value) in self.0.checked(rows)? {
            let value = value.cast_unsigned();
            match (name.as_str(), name.strip_prefix("from:")) {
                ("next", _) => progress.next = value,
                ("begun", _) => progress.begun = value,
                ("dropped", _) => progress.dropped = value,
                (_, Some(node)) => {
                    let node = node.parse().ok().map(|node| (node, value));
                    progress.from.extend(node);
                }
                _ => {}
            }
        }
        Ok(progress)
    }

    /// Whether what lets people in is a copy of what all nodes have.
    pub(super) async fn is_copy(&mut self) -> Result<bool, StoreError> {
        let row = sqlx::query_scalar::<_, i64>("SELECT value FROM node_state WHERE name = 'copy'")
            .fetch_optional(self.0.connection())
            .await;
        Ok(self.0.checked(row)?.is_some())
    }

    /// It is from now on.
    pub(super) async fn set_copy(&mut self) -> Result<(), StoreError> {
        let done = sqlx::query("INSERT INTO node_state (name, value) VALUES ('copy', 1)")
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// Keeps how far this node is.
    pub async fn save_progress(&mut self, progress: &Progress) -> Result<(), StoreError> {
        let Progress {
            next,
            begun,
            dropped,
            from,
        } = progress;
        let mut values = vec![
            ("next".to_owned(), *next),
            ("begun".to_owned(), *begun),
            ("dropped".to_owned(), *dropped),
        ];
        values.extend(
            from.iter()
                .map(|(node, seq)| (format!("from:{node}"), *seq)),
        );
        for (name, value) in values {
            let done = sqlx::query(
                "INSERT INTO node_state (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value \
                 WHERE value <> excluded.value",
            )
            .bind(name)
            .bind(value.cast_signed())
            .execute(self.0.connection())
            .await;
            self.0.checked(done)?;
        }
        Ok(())
    }
}
