-- Sessions begin and end in a node's own file: whether the database that several nodes share knows one,
-- and those that have ended here and that it may still know.
ALTER TABLE session ADD COLUMN sent BIGINT NOT NULL DEFAULT 0;
CREATE TABLE ended_session (
    digest TEXT NOT NULL PRIMARY KEY
);
