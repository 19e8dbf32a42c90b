-- Records of the home's own names that people added in the dashboard.
CREATE TABLE record (
    node BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    ttl_s BIGINT NOT NULL,
    added_ms BIGINT NOT NULL,
    PRIMARY KEY (node, id)
) WITHOUT ROWID;
