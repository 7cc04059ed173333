-- Deliveries that could not be read when they came and could be later, and what is needed to verify
-- calls again that were turned away.

-- Beside `deliveries`, whose rows do not change.
CREATE TABLE redriven_deliveries (
    source         TEXT    NOT NULL,
    delivery_id    TEXT    NOT NULL, -- as it was kept when it came
    step_id        TEXT    NOT NULL, -- of what it says: its id, had it been read at once
    dedup_key      TEXT    NOT NULL, -- as it would have been
    first_position INTEGER,          -- of the event that recorded the step; none of a repetition
    position       INTEGER NOT NULL, -- of the event that tells that it was redriven
    aggregate_type TEXT    NOT NULL,
    stream         TEXT    NOT NULL,
    CONSTRAINT redriven_deliveries_pkey PRIMARY KEY (source, delivery_id)
) WITHOUT ROWID;
-- Where a repetition of what it says finds it.
CREATE INDEX redriven_deliveries_by_step ON redriven_deliveries (source, step_id);

-- All headers of a call that failed authentication, sealed; none of calls that were kept before.
ALTER TABLE rejected_calls ADD COLUMN sealed_headers BLOB;
