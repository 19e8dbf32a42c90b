-- Dictionaries: rows of blocks and days name things by these numbers.
CREATE TABLE name (
    node BIGINT NOT NULL,
    id BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;

CREATE TABLE entry (
    node BIGINT NOT NULL,
    id BIGINT NOT NULL,
    origin TEXT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;

CREATE TABLE upstream (
    node BIGINT NOT NULL,
    id BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;

CREATE TABLE device (
    node BIGINT NOT NULL,
    id BIGINT NOT NULL,
    key TEXT NOT NULL,
    name TEXT,
    named_by TEXT,
    mac TEXT,
    private_mac BIGINT NOT NULL,
    maker TEXT,
    addresses TEXT NOT NULL,
    first_seen_ms BIGINT NOT NULL,
    last_seen_ms BIGINT NOT NULL,
    alias_of BIGINT,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;

-- Rows of the journal, thousands at a time: `seq` is the number of the first, the others follow.
-- A block is sealed when it will not be merged into a larger one.
-- Here and in `day` the node is no part of the key, because one machine writes a file: with a
-- number alone as its key, a row of some kilobytes stays in one page, and is found without being
-- read. The statements name the node all the same.
CREATE TABLE block (
    seq INTEGER PRIMARY KEY,
    node BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    first_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    sealed BIGINT NOT NULL,
    minutes BLOB NOT NULL,
    data BLOB NOT NULL
);

-- Sums of a UTC day (days since 1970-01-01) that no more rows are expected for.
CREATE TABLE day (
    day INTEGER PRIMARY KEY,
    node BIGINT NOT NULL,
    data BLOB NOT NULL
);
