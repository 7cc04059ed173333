-- Numbers over time: what became of deliveries, how late they came, how far applications get.

-- Days and weeks are those of UTC. A number that was taken back is 0, and its row stays.
CREATE TABLE statistics (
    source TEXT    NOT NULL,
    key    TEXT    NOT NULL, -- what/first day of the period/label; read by ranges
    count  INTEGER NOT NULL,
    CONSTRAINT statistics_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;
