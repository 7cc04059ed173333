-- Sending: what the log and a bookmark for each endpoint do not tell. An endpoint's bookmark is the
-- reader `endpoint/NAME`, and where it began is `endpoint/NAME/begins`.

-- Lanes that do not go on with the log: what comes next in each, and when.
CREATE TABLE lanes (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL, -- endpoint/aggregate_type/aggregate
    endpoint       TEXT    NOT NULL,
    status         TEXT    NOT NULL, -- retrying, parked
    after_sequence INTEGER NOT NULL, -- the lane goes on behind it
    attempts       INTEGER NOT NULL, -- at what comes next
    next_at        INTEGER NOT NULL, -- milliseconds since 1970
    CONSTRAINT lanes_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;
CREATE INDEX lanes_by_time ON lanes (source, endpoint, status, next_at, key);

-- Notifications that were not taken at once, with their attempts.
CREATE TABLE notifications (
    source         TEXT    NOT NULL,
    key            TEXT    NOT NULL, -- endpoint/position in 20 digits
    first_position INTEGER NOT NULL,
    endpoint       TEXT    NOT NULL,
    lane           TEXT    NOT NULL, -- aggregate_type/aggregate
    status         TEXT    NOT NULL, -- retrying, parked, skipped, delivered
    document       TEXT    NOT NULL,
    CONSTRAINT notifications_pkey PRIMARY KEY (source, key)
);
CREATE INDEX notifications_by_position ON notifications (source, first_position, key);
CREATE INDEX notifications_by_endpoint ON notifications (source, endpoint, first_position, key);
CREATE INDEX notifications_by_status ON notifications (source, status, first_position, key);
CREATE INDEX notifications_by_lane ON notifications (source, lane, first_position, key);

-- Endpoints that are paused. They belong to no source: theirs is `_sending`.
CREATE TABLE endpoints (
    source   TEXT NOT NULL,
    key      TEXT NOT NULL, -- the name
    document TEXT NOT NULL,
    CONSTRAINT endpoints_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;

-- What operators ask of the sender of an endpoint, until it has done it.
CREATE TABLE sending_requests (
    source   TEXT NOT NULL,
    key      TEXT NOT NULL, -- endpoint/number
    document TEXT NOT NULL,
    CONSTRAINT sending_requests_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;
