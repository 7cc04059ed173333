-- The log of each source: what was received, what was recorded of it, and how far readers are.
-- Every key starts with the source: a source is a ledger of its own.

-- One row a source, locked first by every writing transaction: so positions have no gap and the
-- order of commits is the order of positions.
CREATE TABLE heads (
    source      TEXT    NOT NULL,
    position    INTEGER NOT NULL, -- of the newest event
    deliveries  INTEGER NOT NULL, -- distinct deliveries kept
    received    INTEGER NOT NULL, -- deliveries received, repetitions included
    recorded_at INTEGER NOT NULL, -- of the newest event, microseconds since 1970
    CONSTRAINT heads_pkey PRIMARY KEY (source)
) WITHOUT ROWID;

-- Each distinct delivery once, byte for byte. Its id is derived from source, key and content, so
-- a repetition finds the row that is there and is counted on it; its first half is that of the
-- key, so other contents under the same key stand beside it.
CREATE TABLE deliveries (
    source           TEXT    NOT NULL,
    delivery_id      TEXT    NOT NULL,
    number           INTEGER NOT NULL, -- order of arrival, from 1
    dedup_key        TEXT    NOT NULL,
    received_at      INTEGER NOT NULL, -- microseconds since 1970
    secret_id        TEXT    NOT NULL, -- which secret verified it
    headers          TEXT    NOT NULL, -- JSON; credentials are masked
    body             BLOB    NOT NULL, -- as it came
    outcome          TEXT    NOT NULL, -- on arrival; the current one stands in the timeline
    first_position   INTEGER NOT NULL, -- of the event that recorded it
    position         INTEGER NOT NULL, -- of the last event that it caused
    aggregate_type   TEXT    NOT NULL,
    stream           TEXT    NOT NULL,
    repeats          INTEGER NOT NULL DEFAULT 0,
    last_received_at INTEGER NOT NULL,
    CONSTRAINT deliveries_pkey PRIMARY KEY (source, delivery_id),
    CONSTRAINT deliveries_number_key UNIQUE (source, number)
);

-- The log. A column superset of the events table of postgres-es.
CREATE TABLE events (
    source         TEXT    NOT NULL,
    position       INTEGER NOT NULL,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL, -- source/external-id
    sequence       INTEGER NOT NULL,
    event_type     TEXT    NOT NULL,
    event_version  TEXT    NOT NULL,
    payload        TEXT    NOT NULL, -- JSON, as it was written
    metadata       TEXT    NOT NULL, -- JSON
    occurred_at    INTEGER NOT NULL, -- microseconds since 1970
    recorded_at    INTEGER NOT NULL, -- never runs backwards along the log
    CONSTRAINT events_pkey PRIMARY KEY (source, position),
    CONSTRAINT events_sequence_key UNIQUE (source, aggregate_type, aggregate_id, sequence)
);
CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- How far each reader is. Written in the transaction of its work.
CREATE TABLE bookmarks (
    source   TEXT    NOT NULL,
    reader   TEXT    NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT bookmarks_pkey PRIMARY KEY (source, reader)
) WITHOUT ROWID;

-- Calls that were not accepted: a bounded ring, so that a mistyped secret can be mended.
CREATE TABLE rejected_calls (
    source      TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    received_at INTEGER NOT NULL, -- microseconds since 1970
    cause       TEXT    NOT NULL,
    headers     TEXT    NOT NULL, -- JSON; credentials are masked
    body        BLOB,             -- only of calls that failed authentication
    CONSTRAINT rejected_calls_pkey PRIMARY KEY (source, number)
) WITHOUT ROWID;
