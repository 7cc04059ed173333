-- The rights of a running service, :role being its role. It can append to the log and count
-- repetitions; it can neither change nor remove an event or a delivery.
GRANT USAGE ON SCHEMA creditrail TO :role;
GRANT SELECT ON ALL TABLES IN SCHEMA creditrail TO :role;
GRANT INSERT ON creditrail.events, creditrail.deliveries, creditrail.redriven_deliveries,
    creditrail.secrets, creditrail.sealing_keys, creditrail.data_keys TO :role;
-- A key is destroyed, or sealed under another one; which it was stays.
GRANT UPDATE (sealing_key_id, sealed, erased_at) ON creditrail.data_keys TO :role;
GRANT UPDATE (repeats, last_received_at) ON creditrail.deliveries TO :role;
GRANT INSERT, UPDATE ON creditrail.heads, creditrail.bookmarks TO :role;
GRANT INSERT, DELETE ON creditrail.rejected_calls TO :role;
-- Secrets of a customer go with the customer's keys.
GRANT DELETE ON creditrail.secrets TO :role;
-- The read models are disposable.
GRANT INSERT, UPDATE, DELETE ON creditrail.transactions, creditrail.payment_methods,
    creditrail.applications, creditrail.customers, creditrail.timeline, creditrail.exceptions,
    creditrail.identifiers, creditrail.tallies, creditrail.charges, creditrail.actions,
    creditrail.findings, creditrail.deadlines, creditrail.access_records, creditrail.statistics,
    creditrail.tiles, creditrail.compliance, creditrail.privacy TO :role;
-- What was signed stays.
GRANT INSERT ON creditrail.checkpoints TO :role;
GRANT INSERT, UPDATE ON creditrail.checkpoint_copies TO :role;
-- Of sending, what differs from the log and the bookmarks.
GRANT INSERT, UPDATE, DELETE ON creditrail.lanes, creditrail.notifications, creditrail.endpoints,
    creditrail.endpoint_settings, creditrail.sending_requests TO :role;
