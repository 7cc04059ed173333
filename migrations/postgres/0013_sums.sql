-- A sum of 0 is no row.
DELETE FROM creditrail.tallies WHERE count = 0;
DELETE FROM creditrail.statistics WHERE count = 0;

-- What a customer had, now and then, is added up in an index: a transaction that has not changed since is taken
-- as it is.
ALTER TABLE creditrail.transactions ADD COLUMN position bigint NOT NULL DEFAULT 0; -- of its newest event
UPDATE creditrail.transactions SET position = (document::json ->> 'position')::bigint;
DROP INDEX creditrail.transactions_by_customer;
CREATE INDEX transactions_by_customer
    ON creditrail.transactions (source, customer_id, first_position)
    INCLUDE (key, position, currency, hold, captured, refunded);
