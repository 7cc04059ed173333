-- The log of each source: what was received, what was recorded of it, and how far readers are.
-- Every key starts with the source: a source is a ledger of its own, so the tables can be spread
-- by it. Text that is compared is in the order of its bytes, whatever the database's locale.

-- One row a source, locked first by every writing transaction: so positions have no gap and the
-- order of commits is the order of positions.
CREATE TABLE creditrail.heads (
    source      text COLLATE "C" NOT NULL,
    position    bigint NOT NULL, -- of the newest event
    deliveries  bigint NOT NULL, -- distinct deliveries kept
    received    bigint NOT NULL, -- deliveries received, repetitions included
    recorded_at bigint NOT NULL, -- of the newest event, microseconds since 1970
    CONSTRAINT heads_pkey PRIMARY KEY (source)
) WITH (fillfactor = 10); -- Updated by every commit: room for new versions on the same page.

-- Each distinct delivery once, byte for byte. Its id is derived from source, key and content, so
-- a repetition finds the row that is there and is counted on it; its first half is that of the
-- key, so other contents under the same key stand beside it.
CREATE TABLE creditrail.deliveries (
    source           text COLLATE "C" NOT NULL,
    delivery_id      text COLLATE "C" NOT NULL,
    number           bigint NOT NULL, -- order of arrival, from 1
    dedup_key        text   NOT NULL,
    received_at      bigint NOT NULL, -- microseconds since 1970
    secret_id        text   NOT NULL, -- which secret verified it
    headers          text   NOT NULL, -- JSON; credentials are masked
    body             bytea  NOT NULL, -- as it came
    outcome          text   NOT NULL, -- on arrival; the current one stands in the timeline
    first_position   bigint NOT NULL, -- of the event that recorded it
    position         bigint NOT NULL, -- of the last event that it caused
    aggregate_type   text   NOT NULL,
    stream           text   NOT NULL,
    repeats          bigint NOT NULL DEFAULT 0,
    last_received_at bigint NOT NULL,
    CONSTRAINT deliveries_pkey PRIMARY KEY (source, delivery_id),
    CONSTRAINT deliveries_number_key UNIQUE (source, number)
);

-- The log. A column superset of the events table of postgres-es, which reads and writes it.
-- `json` keeps the payload as it was written.
CREATE TABLE creditrail.events (
    source         text COLLATE "C" NOT NULL,
    position       bigint NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL, -- source/external-id
    sequence       bigint NOT NULL,
    event_type     text   NOT NULL,
    event_version  text   NOT NULL,
    payload        json   NOT NULL,
    metadata       json   NOT NULL,
    occurred_at    bigint NOT NULL, -- microseconds since 1970
    recorded_at    bigint NOT NULL, -- never runs backwards along the log
    CONSTRAINT events_pkey PRIMARY KEY (source, position),
    CONSTRAINT events_sequence_key UNIQUE (source, aggregate_type, aggregate_id, sequence),
    CONSTRAINT events_sequence_check CHECK (sequence > 0),
    CONSTRAINT events_aggregate_id_check CHECK (starts_with(aggregate_id, source || '/')),
    -- What no reader knows would stop them all.
    CONSTRAINT events_aggregate_type_check CHECK (aggregate_type IN
        ('application', 'customer_link', 'exception', 'payment_method', 'transaction'))
);
-- postgres-es looks a stream up by type and id alone.
CREATE INDEX events_by_aggregate ON creditrail.events USING hash (aggregate_id);

-- A row that comes without a position, from a partner's own `cqrs-es` framework, gets the next
-- one; the head row is locked until its transaction ends, as for every other writer.
CREATE FUNCTION creditrail.number_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_us CONSTANT bigint := extract(epoch FROM clock_timestamp()) * 1000000;
    newest bigint;
BEGIN
    IF NEW.aggregate_id !~ '^[a-z0-9-]{1,63}/.' THEN
        RAISE EXCEPTION 'aggregate_id must be source/external-id, not %', NEW.aggregate_id
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.source := split_part(NEW.aggregate_id, '/', 1);
    INSERT INTO creditrail.heads AS head (source, position, deliveries, received, recorded_at)
        VALUES (NEW.source, 1, 0, 0, now_us)
        ON CONFLICT (source) DO UPDATE SET
            position = head.position + 1, recorded_at = greatest(head.recorded_at, now_us)
        RETURNING head.position, head.recorded_at INTO NEW.position, NEW.recorded_at;
    NEW.occurred_at := coalesce(NEW.occurred_at, NEW.recorded_at);
    -- The head is locked, so nobody appends meanwhile. A sequence that is taken is a conflict, which
    -- the unique constraint tells.
    SELECT coalesce(max(sequence), 0) INTO newest FROM creditrail.events
        WHERE source = NEW.source AND aggregate_type = NEW.aggregate_type
        AND aggregate_id = NEW.aggregate_id;
    IF NEW.sequence > newest + 1 THEN
        RAISE EXCEPTION 'sequence % of % leaves a gap after %',
            NEW.sequence, NEW.aggregate_id, newest USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- Called by the trigger alone: on a table of one's own it would move the head without an event.
REVOKE EXECUTE ON FUNCTION creditrail.number_event() FROM PUBLIC;
CREATE TRIGGER events_are_numbered BEFORE INSERT ON creditrail.events
    FOR EACH ROW WHEN (NEW.position IS NULL) EXECUTE FUNCTION creditrail.number_event();

CREATE FUNCTION creditrail.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only';
END $$;
CREATE TRIGGER events_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON creditrail.events
    FOR EACH STATEMENT EXECUTE FUNCTION creditrail.refuse_change();

-- Snapshots of aggregates as `postgres-es` keeps them are not used: its snapshot store applies
-- events twice (docs/postgres.md).

-- How far each reader is, and which process runs it. Written in the transaction of its work.
CREATE TABLE creditrail.bookmarks (
    source     text COLLATE "C" NOT NULL,
    reader     text COLLATE "C" NOT NULL,
    position   bigint NOT NULL,
    holder     text   NOT NULL, -- the process that runs it
    held_until bigint NOT NULL, -- microseconds since 1970: when another may take it over
    CONSTRAINT bookmarks_pkey PRIMARY KEY (source, reader)
) WITH (fillfactor = 10);

-- Calls that were not accepted: a bounded ring, so that a mistyped secret can be mended.
CREATE TABLE creditrail.rejected_calls (
    source      text COLLATE "C" NOT NULL,
    number      bigint NOT NULL,
    received_at bigint NOT NULL, -- microseconds since 1970
    cause       text   NOT NULL,
    headers     text   NOT NULL, -- JSON; credentials are masked
    body        bytea,           -- only of calls that failed authentication
    CONSTRAINT rejected_calls_pkey PRIMARY KEY (source, number)
);
