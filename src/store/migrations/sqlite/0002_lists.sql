-- What people set in the dashboard. What stands in the config is not here.
CREATE TABLE list (
    node BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    format TEXT NOT NULL,
    refresh_s BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    added_ms BIGINT NOT NULL,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;

CREATE TABLE rule (
    node BIGINT NOT NULL,
    id BIGINT NOT NULL,
    text TEXT NOT NULL,
    action TEXT NOT NULL,
    comment TEXT,
    device BIGINT,
    added_ms BIGINT NOT NULL,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;
