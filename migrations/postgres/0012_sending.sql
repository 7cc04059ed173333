-- Sending: what the log and a bookmark for each endpoint do not tell. An endpoint's bookmark is the
-- reader `endpoint/NAME`, and where it began is `endpoint/NAME/begins`.

-- Lanes that do not go on with the log: what comes next in each, and when.
CREATE TABLE creditrail.lanes (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL, -- endpoint/aggregate_type/aggregate
    endpoint       text COLLATE "C" NOT NULL,
    status         text COLLATE "C" NOT NULL, -- retrying, parked
    after_sequence bigint NOT NULL, -- the lane goes on behind it
    attempts       bigint NOT NULL, -- at what comes next
    next_at        bigint NOT NULL, -- milliseconds since 1970
    CONSTRAINT lanes_pkey PRIMARY KEY (source, key)
);
CREATE INDEX lanes_by_time ON creditrail.lanes (source, endpoint, status, next_at, key);

-- Notifications that were not taken at once, with their attempts.
CREATE TABLE creditrail.notifications (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL, -- endpoint/position in 20 digits
    first_position bigint NOT NULL,
    endpoint       text COLLATE "C" NOT NULL,
    lane           text COLLATE "C" NOT NULL, -- aggregate_type/aggregate
    status         text COLLATE "C" NOT NULL, -- retrying, parked, skipped, delivered
    document       text NOT NULL,
    CONSTRAINT notifications_pkey PRIMARY KEY (source, key)
);
CREATE INDEX notifications_by_position ON creditrail.notifications (source, first_position, key);
CREATE INDEX notifications_by_endpoint ON creditrail.notifications (source, endpoint, first_position, key);
CREATE INDEX notifications_by_status ON creditrail.notifications (source, status, first_position, key);
CREATE INDEX notifications_by_lane ON creditrail.notifications (source, lane, first_position, key);

-- Endpoints that are paused. They belong to no source: theirs is `_sending`.
CREATE TABLE creditrail.endpoints (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL, -- the name
    document       text NOT NULL,
    CONSTRAINT endpoints_pkey PRIMARY KEY (source, key)
);

-- What operators ask of the sender of an endpoint, until it has done it.
CREATE TABLE creditrail.sending_requests (
    source         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL, -- endpoint/number
    document       text NOT NULL,
    CONSTRAINT sending_requests_pkey PRIMARY KEY (source, key)
);
