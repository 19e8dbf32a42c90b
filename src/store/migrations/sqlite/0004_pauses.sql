-- For whom nothing is blocked, and until when.
CREATE TABLE pause (
    node BIGINT NOT NULL,
    who TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (node, who)
) WITHOUT ROWID;
