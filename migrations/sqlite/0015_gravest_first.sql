-- The first page has the gravest exceptions first, and of these what has most at stake.
CREATE INDEX exceptions_by_status_severity_and_stake ON exceptions (source, status, severity, stake, key);
