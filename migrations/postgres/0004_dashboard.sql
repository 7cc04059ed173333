-- What the dashboard needs: who did what, and exceptions by what is at stake.

-- What people decided, were shown and took away.
CREATE TABLE creditrail.access_records (
    source         text COLLATE "C" NOT NULL, -- '_access' for what belongs to no source
    key            text COLLATE "C" NOT NULL, -- the position in 20 digits
    first_position bigint NOT NULL,
    done_at        bigint NOT NULL, -- microseconds since 1970
    act            text COLLATE "C" NOT NULL,
    actor          text COLLATE "C" NOT NULL,
    document       text NOT NULL,
    CONSTRAINT access_records_pkey PRIMARY KEY (source, key)
);
CREATE INDEX access_records_by_time ON creditrail.access_records (source, done_at, key);
CREATE INDEX access_records_by_actor ON creditrail.access_records (source, actor, done_at, key);
CREATE INDEX access_records_by_act ON creditrail.access_records (source, act, done_at, key);

-- Exceptions by what is at stake: they are folded again, with the customers under their bookmark.
DELETE FROM creditrail.bookmarks WHERE reader = 'customers';
DELETE FROM creditrail.customers;
DELETE FROM creditrail.exceptions;
ALTER TABLE creditrail.exceptions ADD COLUMN stake bigint NOT NULL DEFAULT 0; -- minor units
CREATE INDEX exceptions_by_stake ON creditrail.exceptions (source, status, stake, key);
CREATE INDEX exceptions_by_severity ON creditrail.exceptions (source, status, severity, first_position);

ALTER TABLE creditrail.events DROP CONSTRAINT events_aggregate_type_check;
ALTER TABLE creditrail.events ADD CONSTRAINT events_aggregate_type_check CHECK (aggregate_type IN
    ('access', 'application', 'charge', 'customer_link', 'exception', 'payment_method', 'secret',
     'transaction'))
    NOT VALID;
