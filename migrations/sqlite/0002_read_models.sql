-- The read models: rows folded from the log, each rebuilt at will. Where there is a document, it
-- is what the HTTP interface answers; the other columns are what lists filter and sort by.

CREATE TABLE transactions (
    source            TEXT    NOT NULL,
    key               TEXT    NOT NULL,
    first_position    INTEGER NOT NULL,
    status            TEXT    NOT NULL,
    customer_id       TEXT,
    payment_method_id TEXT,
    currency          TEXT,
    captured          INTEGER NOT NULL, -- minor units
    refunded          INTEGER NOT NULL, -- minor units
    hold              INTEGER NOT NULL, -- minor units
    document          TEXT    NOT NULL,
    CONSTRAINT transactions_pkey PRIMARY KEY (source, key)
);
CREATE INDEX transactions_by_position ON transactions (source, first_position);
CREATE INDEX transactions_by_customer ON transactions (source, customer_id, first_position);

CREATE TABLE payment_methods (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    customer_id    TEXT,
    document       TEXT    NOT NULL,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (source, key)
);
CREATE INDEX payment_methods_by_position ON payment_methods (source, first_position);
CREATE INDEX payment_methods_by_customer ON payment_methods (source, customer_id);

CREATE TABLE applications (
    source              TEXT    NOT NULL,
    key                 TEXT    NOT NULL,
    first_position      INTEGER NOT NULL,
    status              TEXT    NOT NULL,
    customer_id         TEXT,
    partner_customer_id TEXT,
    applicant           TEXT    NOT NULL, -- the stream
    document            TEXT    NOT NULL,
    CONSTRAINT applications_pkey PRIMARY KEY (source, key)
);
CREATE INDEX applications_by_position ON applications (source, first_position);
CREATE INDEX applications_by_customer ON applications (source, customer_id);
CREATE INDEX applications_by_partner_customer ON applications (source, partner_customer_id);

-- Pairs of ids of one customer; strength: seen (no pair), implied, explicit (a link), ended, parked.
CREATE TABLE customers (
    source              TEXT    NOT NULL,
    key                 TEXT    NOT NULL,
    first_position      INTEGER NOT NULL,
    customer_id         TEXT,
    partner_customer_id TEXT,
    strength            TEXT    NOT NULL,
    CONSTRAINT customers_pkey PRIMARY KEY (source, key)
);
CREATE INDEX customers_by_customer ON customers (source, customer_id);
CREATE INDEX customers_by_partner_customer ON customers (source, partner_customer_id);

CREATE TABLE timeline (
    source              TEXT    NOT NULL,
    key                 TEXT    NOT NULL, -- first_position in 20 digits: rows come in order
    first_position      INTEGER NOT NULL,
    outcome             TEXT    NOT NULL, -- as of now
    customer_id         TEXT,
    partner_customer_id TEXT,
    occurred_at         INTEGER NOT NULL, -- microseconds since 1970
    aggregate_type      TEXT    NOT NULL,
    stream              TEXT    NOT NULL,
    due_at              INTEGER, -- microseconds since 1970: when it is to be judged again
    document            TEXT    NOT NULL,
    CONSTRAINT timeline_pkey PRIMARY KEY (source, key)
);
CREATE INDEX timeline_by_customer ON timeline (source, customer_id, occurred_at);
CREATE INDEX timeline_by_partner_customer ON timeline (source, partner_customer_id, occurred_at)
    WHERE customer_id IS NULL;
CREATE INDEX timeline_by_outcome ON timeline (source, outcome, first_position)
    WHERE outcome <> 'applied';
CREATE INDEX timeline_due ON timeline (source, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE exceptions (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    severity       TEXT    NOT NULL,
    code           TEXT    NOT NULL,
    customer_id    TEXT,
    document       TEXT    NOT NULL,
    CONSTRAINT exceptions_pkey PRIMARY KEY (source, key)
);
CREATE INDEX exceptions_by_position ON exceptions (source, first_position);
CREATE INDEX exceptions_by_status ON exceptions (source, status, first_position);

CREATE TABLE identifiers (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL, -- JSON: id in lower case, type, id of the thing; searched by prefix
    first_position INTEGER NOT NULL,
    subject_type   TEXT    NOT NULL,
    subject_id     TEXT    NOT NULL,
    CONSTRAINT identifiers_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;

-- How many deliveries have each outcome as of now.
CREATE TABLE tallies (
    source TEXT    NOT NULL,
    key    TEXT    NOT NULL, -- the outcome
    count  INTEGER NOT NULL,
    CONSTRAINT tallies_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;
