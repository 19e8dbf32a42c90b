-- The sums of a day in parts, the smallest and the most wanted first: a reader takes no more than
-- it needs. Where `hours` is empty, all sums are in `data`, as they were kept before.
CREATE TABLE day_parts (
    day INTEGER PRIMARY KEY,
    node BIGINT NOT NULL,
    hours BLOB NOT NULL,
    covered BLOB NOT NULL,
    names BLOB NOT NULL,
    data BLOB NOT NULL
);
INSERT INTO day_parts (day, node, hours, covered, names, data)
SELECT day, node, x'', x'', x'', data FROM day;
DROP TABLE day;
ALTER TABLE day_parts RENAME TO day;

-- What is known of blocks without reading them, close together.
CREATE INDEX block_head ON block (node, seq, rows, first_ms, last_ms, sealed);

-- Devices of which all that is recorded is being deleted.
CREATE TABLE erasure (
    node BIGINT NOT NULL,
    device BIGINT NOT NULL,
    PRIMARY KEY (node, device)
) WITHOUT ROWID;
