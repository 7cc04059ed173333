-- Numbers over time: what became of deliveries, how late they came, how far applications get.

-- Days and weeks are those of UTC. A number that was taken back is 0, and its row stays.
CREATE TABLE creditrail.statistics (
    source text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL, -- what/first day of the period/label; read by ranges
    count  bigint NOT NULL,
    CONSTRAINT statistics_pkey PRIMARY KEY (source, key)
);
