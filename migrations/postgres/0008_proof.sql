-- The proof of each log: the tree over its events, and what was signed of it.

-- The events that recorded deliveries, each with its own: they are hashed together. Rising along the
-- log, so it grows at its end.
CREATE INDEX deliveries_by_position ON creditrail.deliveries (source, first_position, number);

-- Hashes of the tree, 256 together. A fold of the log, like a read model.
CREATE TABLE creditrail.tiles (
    source text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL, -- the level in 2 digits, the index in 20
    hashes text NOT NULL,             -- base64
    CONSTRAINT tiles_pkey PRIMARY KEY (source, key)
);

-- What was signed: each says how many events there were, and the root of the tree over them.
CREATE TABLE creditrail.checkpoints (
    source    text COLLATE "C" NOT NULL,
    key       text COLLATE "C" NOT NULL, -- the number of events in 20 digits
    signed_at bigint NOT NULL,           -- microseconds since 1970
    note      text NOT NULL,             -- C2SP tlog-checkpoint
    CONSTRAINT checkpoints_pkey PRIMARY KEY (source, key)
);

-- Which checkpoint each place outside this database has taken.
CREATE TABLE creditrail.checkpoint_copies (
    source   text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL, -- the name of the sink
    size     bigint NOT NULL,           -- events
    taken_at bigint NOT NULL,           -- microseconds since 1970
    CONSTRAINT checkpoint_copies_pkey PRIMARY KEY (source, key)
);
