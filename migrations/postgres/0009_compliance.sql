-- What the law or the lender's policy counts from a decision.

-- Notices that are due, how long records are kept, from when a customer may apply again.
CREATE TABLE creditrail.compliance (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    status         text COLLATE "C" NOT NULL, -- open, done, closed: whether it has run out is told when it is read
    kind           text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C",
    due_at         bigint NOT NULL, -- microseconds since 1970
    document       text NOT NULL,
    CONSTRAINT compliance_pkey PRIMARY KEY (source, key)
);
-- The first to run out come first, whatever is filtered.
CREATE INDEX compliance_by_time ON creditrail.compliance (source, due_at, key);
CREATE INDEX compliance_by_status ON creditrail.compliance (source, status, due_at, key);
CREATE INDEX compliance_by_kind ON creditrail.compliance (source, kind, due_at, key);
CREATE INDEX compliance_by_status_and_kind ON creditrail.compliance (source, status, kind, due_at, key);
CREATE INDEX compliance_by_customer ON creditrail.compliance (source, customer_id, due_at, key);
