-- What deliveries carry is personal: their headers and bodies are sealed under keys of those whom they
-- are about, and are gone with the key.

-- The data keys. Of one that was destroyed the row stays, without the key: it tells when.
-- A delivery names its key in `headers`, as `sealed/v1/<key_id>`; one without is older, and not sealed.
CREATE TABLE creditrail.data_keys (
    source         text COLLATE "C" NOT NULL,
    key_id         text COLLATE "C" NOT NULL,
    subject        text COLLATE "C" NOT NULL, -- kind:id, as customer:c-1; of what cannot be read delivery:id
    created_at     bigint NOT NULL, -- microseconds since 1970
    sealing_key_id text COLLATE "C" NOT NULL, -- under which sealing key it is sealed
    sealed         bytea,           -- AES-256-GCM, the nonce in front; NULL once it was destroyed
    erased_at      bigint,          -- when it was destroyed, microseconds since 1970
    CONSTRAINT data_keys_pkey PRIMARY KEY (source, key_id)
);
CREATE INDEX data_keys_by_subject ON creditrail.data_keys (source, subject, created_at, key_id);
CREATE INDEX data_keys_by_sealing_key
    ON creditrail.data_keys (source, sealing_key_id, erased_at);

-- What was done about the data of people: one row each.
CREATE TABLE creditrail.privacy (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL, -- kind:id, as customer:c-1
    first_position bigint NOT NULL,
    status         text COLLATE "C" NOT NULL, -- held, erased, released
    document       text NOT NULL,
    CONSTRAINT privacy_pkey PRIMARY KEY (source, key)
);

ALTER TABLE creditrail.events DROP CONSTRAINT events_aggregate_type_check;
ALTER TABLE creditrail.events ADD CONSTRAINT events_aggregate_type_check CHECK (aggregate_type IN
    ('access', 'application', 'charge', 'customer_link', 'exception', 'payment_method', 'privacy',
     'secret', 'transaction'))
    NOT VALID;
