//! Takes what people set out of a damaged file, row by row, as far as it can be read.
//!
//! The journal stays behind: it is large, and new rows come by themselves. So do the marks of how
//! far a node is with the others, which speak of it.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

/// The tables that are taken along, each with the columns that its rows are kept in the order of.
const TABLES: [(&str, &[&str]); 13] = [
    ("device", &["node", "id"]),
    ("list", &["node", "id"]),
    ("rule", &["node", "id"]),
    ("record", &["node", "id"]),
    ("pause", &["node", "who"]),
    ("device_group", &["node", "id"]),
    ("device_wish", &["node", "device"]),
    ("forgotten", &["node", "number"]),
    (CHANGES, &["id"]),
    ("password", &["rowid"]),
    ("session", &["rowid"]),
    ("ended_session", &["rowid"]),
    ("token", &["rowid"]),
];

/// Who changed what. Several nodes compare theirs by the last one: there, one with gaps would stay
/// as it is, and an empty one is filled again.
const CHANGES: &str = "change";

/// Copies what people set from a damaged file into a new one.
pub(super) async fn rescue(
    damaged: &Path,
    new: &mut SqliteConnection,
    is_shared: bool,
) -> Result<(), sqlx::Error> {
    // Nothing is written to it, not even its write-ahead log.
    let options = SqliteConnectOptions::new()
        .filename(damaged)
        .read_only(true);
    let mut old = options.connect().await?;
    let copied = copy_all(&mut old, new, is_shared).await;
    // Before another file has its name.
    old.close().await?;
    copied
}

async fn copy_all(
    old: &mut SqliteConnection,
    new: &mut SqliteConnection,
    is_shared: bool,
) -> Result<(), sqlx::Error> {
    for (table, order) in TABLES {
        if is_shared && table == CHANGES {
            continue;
        }
        if !copy(old, new, (table, order)).await? {
            tracing::warn!(table, "not all that people set can be read any more");
        }
    }
    Ok(())
}

/// Copies the rows of a table; says whether that is all of them.
async fn copy(
    old: &mut SqliteConnection,
    new: &mut SqliteConnection,
    (table, order): (&str, &[&str]),
) -> Result<bool, sqlx::Error> {
    let Ok(known) = columns(old, table).await else {
        return Ok(false);
    };
    // A file of an earlier version has fewer of them.
    let mut wanted = columns(new, table).await?;
    wanted.retain(|(name, _)| known.iter().any(|(other, _)| other == name));
    if wanted.is_empty() {
        return Ok(true);
    }
    // What is behind a broken page is reached from the end.
    for direction in ["ASC", "DESC"] {
        let by: Vec<String> = order.iter().map(|by| format!("{by} {direction}")).collect();
        if copy_in_order(old, new, (table, &wanted, &by.join(", "))).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn copy_in_order(
    old: &mut SqliteConnection,
    new: &mut SqliteConnection,
    (table, columns, order): (&str, &[(String, String)], &str),
) -> Result<bool, sqlx::Error> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<String> = names.iter().map(|name| format!("quote({name})")).collect();
    // What is of another type was not written by us.
    let sound: Vec<String> = columns
        .iter()
        .map(|(name, kind)| format!("typeof({name}) IN ('null', '{kind}')"))
        .collect();
    let (names, values, sound) = (
        names.join(", "),
        values.join(" || ', ' || "),
        sound.join(" AND "),
    );
    let select = format!("SELECT {values} FROM {table} WHERE {sound} ORDER BY {order}");
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(old);
    let mut is_whole = true;
    loop {
        let row = match rows.try_next().await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(is_whole),
            Err(_) => return Ok(false),
        };
        let Ok(values) = row.try_get::<String, _>(0) else {
            is_whole = false;
            continue;
        };
        let insert = format!("INSERT OR IGNORE INTO {table} ({names}) VALUES ({values})");
        sqlx::raw_sql(AssertSqlSafe(insert))
            .execute(&mut *new)
            .await?;
    }
}

/// The names of a table's columns, and the types of their values.
async fn columns(
    file: &mut SqliteConnection,
    table: &str,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT name, CASE type WHEN 'TEXT' THEN 'text' ELSE 'integer' END \
         FROM pragma_table_info($1)",
    )
    .bind(table)
    .fetch_all(file)
    .await
}
