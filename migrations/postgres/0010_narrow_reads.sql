-- A status is many rows and a currency nearly all: one that a status hardly has was looked for in all of it.
CREATE INDEX transactions_by_status_and_currency
    ON creditrail.transactions (source, status, currency, first_position);

-- Which streams tell of a customer, and what it had by a position, without a look at the rows.
DROP INDEX creditrail.timeline_by_customer;
CREATE INDEX timeline_by_customer
    ON creditrail.timeline (source, customer_id, occurred_at, key, outcome, aggregate_type, stream);
