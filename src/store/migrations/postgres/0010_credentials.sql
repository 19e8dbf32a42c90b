-- What lets people in, as JSON: the hash of the password, sessions and tokens, by hashes of theirs.
CREATE TABLE credential (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, key)
);
