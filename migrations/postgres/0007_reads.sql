-- No read looks at more rows than it answers, or than one customer has: an index for each filter of
-- each list in each order. Of two filters without an index together the narrower one leads
-- (src/store/lists.rs says which).

CREATE INDEX transactions_by_status ON creditrail.transactions (source, status, first_position);
CREATE INDEX transactions_by_payment_method
    ON creditrail.transactions (source, payment_method_id, first_position);
CREATE INDEX transactions_by_currency ON creditrail.transactions (source, currency, first_position);
CREATE INDEX payment_methods_by_status ON creditrail.payment_methods (source, status, first_position);
CREATE INDEX applications_by_status ON creditrail.applications (source, status, first_position);
DROP INDEX creditrail.payment_methods_by_customer;
CREATE INDEX payment_methods_by_customer ON creditrail.payment_methods (source, customer_id, first_position);
DROP INDEX creditrail.applications_by_customer;
CREATE INDEX applications_by_customer ON creditrail.applications (source, customer_id, first_position);
DROP INDEX creditrail.applications_by_partner_customer;
CREATE INDEX applications_by_partner_customer
    ON creditrail.applications (source, partner_customer_id, first_position);
DROP INDEX creditrail.customers_by_customer;
CREATE INDEX customers_by_customer
    ON creditrail.customers (source, customer_id, partner_customer_id, first_position);
CREATE INDEX charges_by_status ON creditrail.charges (source, status, first_position);
CREATE INDEX actions_by_kind ON creditrail.actions (source, kind, first_position);
CREATE INDEX actions_by_owner ON creditrail.actions (source, owner, first_position);
CREATE INDEX actions_by_status_and_kind ON creditrail.actions (source, status, kind, first_position);
CREATE INDEX actions_by_status_and_owner ON creditrail.actions (source, status, owner, first_position);
CREATE INDEX actions_by_kind_and_owner ON creditrail.actions (source, kind, owner, first_position);

CREATE INDEX exceptions_by_customer ON creditrail.exceptions (source, customer_id, first_position);
CREATE INDEX exceptions_by_code ON creditrail.exceptions (source, code, first_position);
CREATE INDEX exceptions_by_status_and_code ON creditrail.exceptions (source, status, code, first_position);
CREATE INDEX exceptions_by_severity_alone ON creditrail.exceptions (source, severity, first_position);
CREATE INDEX exceptions_by_stake_alone ON creditrail.exceptions (source, stake, key);
CREATE INDEX exceptions_by_code_and_stake ON creditrail.exceptions (source, code, stake, key);
CREATE INDEX exceptions_by_severity_and_stake ON creditrail.exceptions (source, severity, stake, key);

-- The timeline of a customer, without a sort; its deliveries, without a look at the rows.
DROP INDEX creditrail.timeline_by_customer;
CREATE INDEX timeline_by_customer ON creditrail.timeline (source, customer_id, occurred_at, key, outcome);
DROP INDEX creditrail.timeline_by_partner_customer;
CREATE INDEX timeline_by_partner_customer
    ON creditrail.timeline (source, partner_customer_id, occurred_at, key) WHERE customer_id IS NULL;

-- Under which id a delivery is kept that was redriven as a step.
DROP INDEX creditrail.redriven_deliveries_by_step;
CREATE INDEX redriven_deliveries_by_step
    ON creditrail.redriven_deliveries (source, step_id, first_position);

-- Which sealing keys are in use, at a start.
CREATE INDEX secrets_by_key ON creditrail.secrets (source, key_id);

-- Findings that can stand. One that another row of the customer settles (a decision by a card, a card
-- by a decision) is left out by its time, which never comes: of a million customers nearly all are.
CREATE INDEX findings_by_customer ON creditrail.findings (source, customer_id);
UPDATE creditrail.findings SET stands_from = 9223372036854775807
    WHERE unless IS NOT NULL AND EXISTS (SELECT 1 FROM creditrail.findings AS o
        WHERE o.source = findings.source AND o.customer_id = findings.customer_id
        AND o.unless <> findings.unless);
DROP INDEX creditrail.findings_by_position;
CREATE INDEX findings_that_stand ON creditrail.findings (source, list, first_position)
    WHERE stands_from < 9223372036854775807;
CREATE INDEX findings_that_stand_by_code ON creditrail.findings (source, list, code, first_position)
    WHERE stands_from < 9223372036854775807;
