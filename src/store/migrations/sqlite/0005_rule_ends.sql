-- When a rule ends by itself, in milliseconds since 1970-01-01 UTC; NULL = never.
ALTER TABLE rule ADD COLUMN until_ms BIGINT;
