-- What people had deleted of a device on all nodes: all rows until `until_ms`. A node that is away learns
-- of it when it comes back. `is_done` when the parcels have none of it; `claimed_ms` is when the node that
-- sees to that was last at it.
CREATE TABLE erasure (
    id BIGINT PRIMARY KEY,
    device BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    claimed_ms BIGINT NOT NULL DEFAULT 0,
    is_done BOOLEAN NOT NULL DEFAULT FALSE
);
