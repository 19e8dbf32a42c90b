-- Devices that people had forgotten, with all numbers that they had: none is given again, and nothing is
-- kept of them.
CREATE TABLE forgotten (
    node BIGINT NOT NULL,
    number BIGINT NOT NULL,
    device BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (node, number)
) WITHOUT ROWID;
