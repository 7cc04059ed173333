-- A sum of 0 is no row.
DELETE FROM tallies WHERE count = 0;
DELETE FROM statistics WHERE count = 0;

-- What a customer had, now and then, is added up in an index: a transaction that has not changed since is taken
-- as it is.
ALTER TABLE transactions ADD COLUMN position INTEGER NOT NULL DEFAULT 0; -- of its newest event
UPDATE transactions SET position = document ->> '$.position';
DROP INDEX transactions_by_customer;
CREATE INDEX transactions_by_customer ON transactions
    (source, customer_id, first_position, key, position, currency, hold, captured, refunded);
