-- What deliveries carry is personal: their headers and bodies are sealed under keys of those whom they
-- are about, and are gone with the key.

-- The data keys. Of one that was destroyed the row stays, without the key: it tells when.
-- A delivery names its key in `headers`, as `sealed/v1/<key_id>`; one without is older, and not sealed.
CREATE TABLE data_keys (
    source         TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    subject        TEXT    NOT NULL, -- kind:id, as customer:c-1; of what cannot be read delivery:id
    created_at     INTEGER NOT NULL, -- microseconds since 1970
    sealing_key_id TEXT    NOT NULL, -- under which sealing key it is sealed
    sealed         BLOB,             -- AES-256-GCM, the nonce in front; NULL once it was destroyed
    erased_at      INTEGER,          -- when it was destroyed, microseconds since 1970
    CONSTRAINT data_keys_pkey PRIMARY KEY (source, key_id)
);
CREATE INDEX data_keys_by_subject ON data_keys (source, subject, created_at, key_id);
CREATE INDEX data_keys_by_sealing_key ON data_keys (source, sealing_key_id, erased_at);

-- What was done about the data of people: one row each.
CREATE TABLE privacy (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL, -- kind:id, as customer:c-1
    first_position INTEGER NOT NULL,
    status         TEXT    NOT NULL, -- held, erased, released
    document       TEXT    NOT NULL,
    CONSTRAINT privacy_pkey PRIMARY KEY (source, key)
);
