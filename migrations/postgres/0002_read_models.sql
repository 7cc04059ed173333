-- The read models: rows folded from the log, each rebuilt at will. Where there is a document, it
-- is what the HTTP interface answers; the other columns are what lists filter and sort by.

CREATE TABLE creditrail.transactions (
    source            text COLLATE "C" NOT NULL,
    key               text COLLATE "C" NOT NULL,
    first_position    bigint NOT NULL,
    status            text COLLATE "C" NOT NULL,
    customer_id       text COLLATE "C",
    payment_method_id text COLLATE "C",
    currency          text COLLATE "C",
    captured          bigint NOT NULL, -- minor units
    refunded          bigint NOT NULL, -- minor units
    hold              bigint NOT NULL, -- minor units
    document          text NOT NULL,
    CONSTRAINT transactions_pkey PRIMARY KEY (source, key)
);
CREATE INDEX transactions_by_position ON creditrail.transactions (source, first_position);
CREATE INDEX transactions_by_customer ON creditrail.transactions (source, customer_id, first_position);

CREATE TABLE creditrail.payment_methods (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    status         text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C",
    document       text NOT NULL,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (source, key)
);
CREATE INDEX payment_methods_by_position ON creditrail.payment_methods (source, first_position);
CREATE INDEX payment_methods_by_customer ON creditrail.payment_methods (source, customer_id);

CREATE TABLE creditrail.applications (
    source              text COLLATE "C" NOT NULL,
    key                 text COLLATE "C" NOT NULL,
    first_position      bigint NOT NULL,
    status              text COLLATE "C" NOT NULL,
    customer_id         text COLLATE "C",
    partner_customer_id text COLLATE "C",
    applicant           text COLLATE "C" NOT NULL, -- the stream
    document            text NOT NULL,
    CONSTRAINT applications_pkey PRIMARY KEY (source, key)
);
CREATE INDEX applications_by_position ON creditrail.applications (source, first_position);
CREATE INDEX applications_by_customer ON creditrail.applications (source, customer_id);
CREATE INDEX applications_by_partner_customer ON creditrail.applications (source, partner_customer_id);

-- Pairs of ids of one customer; strength: seen (no pair), implied, explicit (a link), ended, parked.
CREATE TABLE creditrail.customers (
    source              text COLLATE "C" NOT NULL,
    key                 text COLLATE "C" NOT NULL,
    first_position      bigint NOT NULL,
    customer_id         text COLLATE "C",
    partner_customer_id text COLLATE "C",
    strength            text COLLATE "C" NOT NULL,
    CONSTRAINT customers_pkey PRIMARY KEY (source, key)
);
CREATE INDEX customers_by_customer ON creditrail.customers (source, customer_id);
CREATE INDEX customers_by_partner_customer ON creditrail.customers (source, partner_customer_id);

CREATE TABLE creditrail.timeline (
    source              text COLLATE "C" NOT NULL,
    key                 text COLLATE "C" NOT NULL, -- first_position in 20 digits: rows come in order
    first_position      bigint NOT NULL,
    outcome             text COLLATE "C" NOT NULL, -- as of now
    customer_id         text COLLATE "C",
    partner_customer_id text COLLATE "C",
    occurred_at         bigint NOT NULL, -- microseconds since 1970
    aggregate_type      text COLLATE "C" NOT NULL,
    stream              text COLLATE "C" NOT NULL,
    due_at              bigint, -- microseconds since 1970: when it is to be judged again
    document            text NOT NULL,
    CONSTRAINT timeline_pkey PRIMARY KEY (source, key)
);
CREATE INDEX timeline_by_customer ON creditrail.timeline (source, customer_id, occurred_at);
CREATE INDEX timeline_by_partner_customer ON creditrail.timeline (source, partner_customer_id, occurred_at)
    WHERE customer_id IS NULL;
CREATE INDEX timeline_by_outcome ON creditrail.timeline (source, outcome, first_position)
    WHERE outcome <> 'applied';
CREATE INDEX timeline_due ON creditrail.timeline (source, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE creditrail.exceptions (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    status         text COLLATE "C" NOT NULL,
    severity       text COLLATE "C" NOT NULL,
    code           text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C",
    document       text NOT NULL,
    CONSTRAINT exceptions_pkey PRIMARY KEY (source, key)
);
CREATE INDEX exceptions_by_position ON creditrail.exceptions (source, first_position);
CREATE INDEX exceptions_by_status ON creditrail.exceptions (source, status, first_position);

CREATE TABLE creditrail.identifiers (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL, -- JSON: id in lower case, type, id of the thing; searched by prefix
    first_position bigint NOT NULL,
    subject_type   text COLLATE "C" NOT NULL,
    subject_id     text COLLATE "C" NOT NULL,
    CONSTRAINT identifiers_pkey PRIMARY KEY (source, key)
);

-- How many deliveries have each outcome as of now.
CREATE TABLE creditrail.tallies (
    source text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL, -- the outcome
    count  bigint NOT NULL,
    CONSTRAINT tallies_pkey PRIMARY KEY (source, key)
);

-- Documents are mostly the same words: lz4 makes them a third as long at a tenth of pglz's time.
-- A server that was built without it keeps its default.
DO $$
DECLARE
    model text;
BEGIN
    FOREACH model IN ARRAY ARRAY['transactions', 'payment_methods', 'applications', 'timeline',
        'exceptions'] LOOP
        EXECUTE format('ALTER TABLE creditrail.%I ALTER COLUMN document SET COMPRESSION lz4', model);
    END LOOP;
EXCEPTION WHEN feature_not_supported OR undefined_object OR syntax_error THEN
    NULL;
END $$;
