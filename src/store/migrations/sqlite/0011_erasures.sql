-- What was deleted of a device: all rows until `until_ms`; what comes later from other nodes is left out.
ALTER TABLE erasure ADD COLUMN until_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN is_done BIGINT NOT NULL DEFAULT 0;
UPDATE erasure SET until_ms = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
