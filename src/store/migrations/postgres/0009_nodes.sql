-- What several nodes share. Each node has a copy of all of it in its own file.
-- One row: which database this is, and whether the first node has brought what people set there.
CREATE TABLE home (
    identity BIGINT NOT NULL,
    founded BOOLEAN NOT NULL
);
INSERT INTO home (identity, founded) VALUES (CAST(random() * 1e15 AS BIGINT), FALSE);

-- The nodes. Rows of a node's journal have numbers; those below `sent` have come.
CREATE TABLE node (
    number BIGINT PRIMARY KEY,
    identity BIGINT NOT NULL,
    name TEXT NOT NULL,
    sent BIGINT NOT NULL,
    joined_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL
);

-- What people set, as JSON: rules, lists, records, groups, devices, pauses …
CREATE TABLE item (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, key)
);

-- Every change of it; the same numbers on all nodes.
CREATE TABLE change (
    id BIGINT PRIMARY KEY,
    node BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    before TEXT,
    after TEXT,
    undoes BIGINT
);

-- The devices that asked any node, as JSON; `version` counts up with each change.
CREATE TABLE device (
    id BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    value TEXT NOT NULL
);
CREATE INDEX device_version ON device (version);
CREATE SEQUENCE device_versions;

-- Rows of the nodes' journals with all words that they need: `rows` of them, the last one before
-- number `until`. Small parcels are put together by the node that sent them.
CREATE TABLE parcel (
    node BIGINT NOT NULL,
    until BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    sealed BOOLEAN NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (node, until)
);
CREATE INDEX parcel_last ON parcel (last_ms);
CREATE INDEX parcel_unsealed ON parcel (node, until) WHERE NOT sealed;
