-- What the law or the lender's policy counts from a decision.

-- Notices that are due, how long records are kept, from when a customer may apply again.
CREATE TABLE compliance (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    status         TEXT    NOT NULL, -- open, done, closed: whether it has run out is told when it is read
    kind           TEXT    NOT NULL,
    customer_id    TEXT,
    due_at         INTEGER NOT NULL, -- microseconds since 1970
    document       TEXT    NOT NULL,
    CONSTRAINT compliance_pkey PRIMARY KEY (source, key)
);
-- The first to run out come first, whatever is filtered.
CREATE INDEX compliance_by_time ON compliance (source, due_at, key);
CREATE INDEX compliance_by_status ON compliance (source, status, due_at, key);
CREATE INDEX compliance_by_kind ON compliance (source, kind, due_at, key);
CREATE INDEX compliance_by_status_and_kind ON compliance (source, status, kind, due_at, key);
CREATE INDEX compliance_by_customer ON compliance (source, customer_id, due_at, key);
