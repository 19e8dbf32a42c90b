-- Groups of devices as people set them in the dashboard; `wish` is what [[group]] would say, as JSON.
CREATE TABLE device_group (
    node BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    wish TEXT NOT NULL,
    added_ms BIGINT NOT NULL,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;

-- What people set of devices: a name, a group, what they are recognised by, as JSON.
CREATE TABLE device_wish (
    node BIGINT NOT NULL,
    device BIGINT NOT NULL,
    wish TEXT NOT NULL,
    added_ms BIGINT NOT NULL,
    PRIMARY KEY (node, device)
) WITHOUT ROWID;

-- Every change of what people set: rows as they were before and after, as JSON; NULL = none.
CREATE TABLE change (
    id INTEGER PRIMARY KEY,
    node BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    before TEXT,
    after TEXT,
    undoes BIGINT
);
CREATE INDEX change_undoes ON change (undoes) WHERE undoes IS NOT NULL;
