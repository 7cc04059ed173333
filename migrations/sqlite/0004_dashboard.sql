-- What the dashboard needs: who did what, and exceptions by what is at stake.

-- What people decided, were shown and took away.
CREATE TABLE access_records (
    source         TEXT    NOT NULL, -- '_access' for what belongs to no source
    key            TEXT    NOT NULL, -- the position in 20 digits
    first_position INTEGER NOT NULL,
    done_at        INTEGER NOT NULL, -- microseconds since 1970
    act            TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    document       TEXT    NOT NULL,
    CONSTRAINT access_records_pkey PRIMARY KEY (source, key)
);
CREATE INDEX access_records_by_time ON access_records (source, done_at, key);
CREATE INDEX access_records_by_actor ON access_records (source, actor, done_at, key);
CREATE INDEX access_records_by_act ON access_records (source, act, done_at, key);

-- Exceptions by what is at stake: they are folded again, with the customers under their bookmark.
DELETE FROM bookmarks WHERE reader = 'customers';
DELETE FROM customers;
DELETE FROM exceptions;
ALTER TABLE exceptions ADD COLUMN stake INTEGER NOT NULL DEFAULT 0; -- minor units
CREATE INDEX exceptions_by_stake ON exceptions (source, status, stake, key);
CREATE INDEX exceptions_by_severity ON exceptions (source, status, severity, first_position);
