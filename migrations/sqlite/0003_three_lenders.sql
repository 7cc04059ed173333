-- Secrets of payloads, and the read models of charges, actions, deadlines and findings.

-- What stood in a body and must not be read there: the body has `sealed:reference` in its place.
CREATE TABLE secrets (
    source     TEXT NOT NULL,
    reference  TEXT NOT NULL, -- derived from the value: the same secret has one row
    field      TEXT NOT NULL,
    key_id     TEXT NOT NULL, -- the sealing key
    sealed     BLOB NOT NULL, -- AES-256-GCM, the nonce in front; bound to source and reference
    CONSTRAINT secrets_pkey PRIMARY KEY (source, reference)
) WITHOUT ROWID;

-- The keys with which secrets have been sealed: an instance without one of them does not start.
CREATE TABLE sealing_keys (
    source TEXT NOT NULL,
    key_id TEXT NOT NULL,
    CONSTRAINT sealing_keys_pkey PRIMARY KEY (source, key_id)
) WITHOUT ROWID;

CREATE TABLE charges (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    customer_id    TEXT,
    application_id TEXT,
    document       TEXT    NOT NULL,
    CONSTRAINT charges_pkey PRIMARY KEY (source, key)
);
CREATE INDEX charges_by_position ON charges (source, first_position);
CREATE INDEX charges_by_customer ON charges (source, customer_id, first_position);
CREATE INDEX charges_by_application ON charges (source, application_id, first_position);

-- What somebody has to do, or had to.
CREATE TABLE actions (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    status         TEXT    NOT NULL, -- open, done, closed
    kind           TEXT    NOT NULL,
    owner          TEXT    NOT NULL,
    customer_id    TEXT,
    document       TEXT    NOT NULL,
    CONSTRAINT actions_pkey PRIMARY KEY (source, key)
);
CREATE INDEX actions_by_position ON actions (source, first_position);
CREATE INDEX actions_by_status ON actions (source, status, first_position);
CREATE INDEX actions_by_customer ON actions (source, customer_id, first_position);

-- What has been silent for long, and where browser and lender contradict each other.
CREATE TABLE findings (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    list           TEXT    NOT NULL, -- stale, discrepancies
    code           TEXT    NOT NULL,
    customer_id    TEXT,
    stands_from    INTEGER NOT NULL, -- microseconds since 1970: when it becomes one
    unless         TEXT,             -- card, decision: it is none if the customer has that
    document       TEXT    NOT NULL,
    CONSTRAINT findings_pkey PRIMARY KEY (source, key)
);
CREATE INDEX findings_by_position ON findings (source, list, first_position);

-- When the clock is to look at a stream next. It takes the place of timeline.due_at.
CREATE TABLE deadlines (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    due_at         INTEGER NOT NULL, -- microseconds since 1970
    aggregate_type TEXT    NOT NULL,
    stream         TEXT    NOT NULL,
    CONSTRAINT deadlines_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;
CREATE INDEX deadlines_by_time ON deadlines (source, due_at);
DROP INDEX timeline_due;
ALTER TABLE timeline DROP COLUMN due_at;
