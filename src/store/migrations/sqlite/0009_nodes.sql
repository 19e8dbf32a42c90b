-- Rows of the journal that are on their way to the database that several nodes share: `rows` of
-- them, of which `seq` is the number of the first.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    rows BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    data BLOB NOT NULL
);

-- How far a node is: `next` is the number of its next row, `begun` the first that is in this file,
-- `dropped` how many rows the outbox had no room for, `from:N` how far the rows of node N are here.
CREATE TABLE node_state (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
) WITHOUT ROWID;
