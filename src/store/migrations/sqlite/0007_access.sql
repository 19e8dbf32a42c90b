-- Who may see the dashboard. Of passwords, sessions and tokens only hashes are kept; all nodes share them.
CREATE TABLE password (
    -- 'set' by people here, or the 'environment' as it was seen last.
    source TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    set_s BIGINT NOT NULL
);

CREATE TABLE session (
    digest TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    -- The beginning of the hash of the password that opened it.
    password TEXT NOT NULL,
    made_s BIGINT NOT NULL,
    used_s BIGINT NOT NULL
);

CREATE TABLE token (
    digest TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 'read' or 'full'.
    scope TEXT NOT NULL,
    made_s BIGINT NOT NULL,
    used_s BIGINT
);
