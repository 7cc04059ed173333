-- Secrets of payloads, and the read models of charges, actions, deadlines and findings.

-- What stood in a body and must not be read there: the body has `sealed:reference` in its place.
CREATE TABLE creditrail.secrets (
    source     text COLLATE "C" NOT NULL,
    reference  text COLLATE "C" NOT NULL, -- derived from the value: the same secret has one row
    field      text COLLATE "C" NOT NULL,
    key_id     text COLLATE "C" NOT NULL, -- the sealing key
    sealed     bytea NOT NULL, -- AES-256-GCM, the nonce in front; bound to source and reference
    CONSTRAINT secrets_pkey PRIMARY KEY (source, reference)
);

-- The keys with which secrets have been sealed: an instance without one of them does not start.
CREATE TABLE creditrail.sealing_keys (
    source text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    CONSTRAINT sealing_keys_pkey PRIMARY KEY (source, key_id)
);

CREATE TABLE creditrail.charges (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    status         text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C",
    application_id text COLLATE "C",
    document       text NOT NULL,
    CONSTRAINT charges_pkey PRIMARY KEY (source, key)
);
CREATE INDEX charges_by_position ON creditrail.charges (source, first_position);
CREATE INDEX charges_by_customer ON creditrail.charges (source, customer_id, first_position);
CREATE INDEX charges_by_application ON creditrail.charges (source, application_id, first_position);

-- What somebody has to do, or had to.
CREATE TABLE creditrail.actions (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    status         text COLLATE "C" NOT NULL, -- open, done, closed
    kind           text COLLATE "C" NOT NULL,
    owner          text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C",
    document       text NOT NULL,
    CONSTRAINT actions_pkey PRIMARY KEY (source, key)
);
CREATE INDEX actions_by_position ON creditrail.actions (source, first_position);
CREATE INDEX actions_by_status ON creditrail.actions (source, status, first_position);
CREATE INDEX actions_by_customer ON creditrail.actions (source, customer_id, first_position);

-- What has been silent for long, and where browser and lender contradict each other.
CREATE TABLE creditrail.findings (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    list           text COLLATE "C" NOT NULL, -- stale, discrepancies
    code           text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C",
    stands_from    bigint NOT NULL, -- microseconds since 1970: when it becomes one
    unless         text COLLATE "C", -- card, decision: it is none if the customer has that
    document       text NOT NULL,
    CONSTRAINT findings_pkey PRIMARY KEY (source, key)
);
CREATE INDEX findings_by_position ON creditrail.findings (source, list, first_position);

-- When the clock is to look at a stream next. It takes the place of timeline.due_at.
CREATE TABLE creditrail.deadlines (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    due_at         bigint NOT NULL, -- microseconds since 1970
    aggregate_type text COLLATE "C" NOT NULL,
    stream         text COLLATE "C" NOT NULL,
    CONSTRAINT deadlines_pkey PRIMARY KEY (source, key)
);
CREATE INDEX deadlines_by_time ON creditrail.deadlines (source, due_at);
DROP INDEX creditrail.timeline_due;
ALTER TABLE creditrail.timeline DROP COLUMN due_at;

ALTER TABLE creditrail.events DROP CONSTRAINT events_aggregate_type_check;
ALTER TABLE creditrail.events ADD CONSTRAINT events_aggregate_type_check CHECK (aggregate_type IN
    ('application', 'charge', 'customer_link', 'exception', 'payment_method', 'secret', 'transaction'))
    NOT VALID;

-- As the documents of the other read models.
DO $$
DECLARE
    model text;
BEGIN
    FOREACH model IN ARRAY ARRAY['charges', 'actions', 'findings'] LOOP
        EXECUTE format('ALTER TABLE creditrail.%I ALTER COLUMN document SET COMPRESSION lz4', model);
    END LOOP;
EXCEPTION WHEN feature_not_supported OR undefined_object OR syntax_error THEN
    NULL;
END $$;
