//! The attacks, and what tells of each.

/// By whom an attack is told: the checks of `verify` with the database alone, with the memory beside the
/// key, with the folder of a sink, with a checkpoint and the key that an auditor keeps; then `status`.
/// Empty: it is not told.
pub type Found = [&'static str; 5];

pub struct Attack {
    pub name: &'static str,
    pub what: What,
    pub then: Then,
    pub found: Found,
}

/// What is done. There are 90 transactions of 3 steps: positions 97 to 99 are one of them.
pub enum What {
    /// SQL, in the words of PostgreSQL; `@flip(body)` flips a bit of bytes.
    Sql(&'static str),
    /// The whole database is that of yesterday.
    Rollback,
    /// And so is what the service remembers beside its key.
    RollbackOfMemory,
    /// The key that signs is another one of the same name.
    AnotherKey,
}

/// How it is covered up.
pub enum Then {
    Nothing,
    /// The tree is folded anew.
    Fold,
    /// Tree and read models are folded anew, and checkpoints that would tell are removed.
    Cover,
    /// And what was remembered is removed, and the log signed by the key that the service has.
    Sign,
    /// The same with another key of the same name, which takes its place.
    SignByAnother,
}

const fn told(found: &'static str) -> Found {
    [found, found, found, found, ""]
}

/// So that the service signs nothing more, too.
const fn told_by_all(found: &'static str) -> Found {
    [found, found, found, found, "checkpoints"]
}

const fn sql(name: &'static str, sql: &'static str, found: Found) -> Attack {
    Attack { name, what: What::Sql(sql), then: Then::Nothing, found }
}

const TAIL: &str = "DELETE FROM events WHERE position > 267;
    DELETE FROM deliveries WHERE first_position > 267;
    UPDATE heads SET position = 267, deliveries = 267, received = 267 WHERE source = 'imprint';
    DELETE FROM checkpoints WHERE key > '00000000000000000267'";

const RENUMBER: &str = "DELETE FROM events WHERE position = 99;
    DELETE FROM deliveries WHERE first_position = 99;
    UPDATE events SET position = 1 - position WHERE position > 99;
    UPDATE events SET position = -position WHERE position < 0;
    UPDATE deliveries SET number = 1 - number, first_position = first_position - 1,
        position = position - 1 WHERE first_position > 99;
    UPDATE deliveries SET number = -number WHERE number < 0;
    UPDATE heads SET position = 269, deliveries = 269, received = 269 WHERE source = 'imprint'";

const APPEND: &str = "INSERT INTO events (source, position, aggregate_type, aggregate_id, sequence,
        event_type, event_version, payload, metadata, occurred_at, recorded_at)
        SELECT e.source, 271, e.aggregate_type, 'imprint/forged', 1, e.event_type, e.event_version,
            e.payload, CAST(replace(CAST(e.metadata AS text), d.delivery_id, 'forged') AS json),
            e.occurred_at, h.recorded_at
        FROM events e JOIN deliveries d ON d.first_position = e.position
            JOIN heads h ON h.source = e.source WHERE e.position = 97;
    INSERT INTO deliveries (source, delivery_id, number, dedup_key, received_at, secret_id, headers, body,
        outcome, first_position, position, aggregate_type, stream, last_received_at)
        SELECT source, 'forged', 271, 'forged', received_at, secret_id, headers, body, outcome, 271, 271,
            aggregate_type, 'forged', received_at FROM deliveries WHERE first_position = 97;
    UPDATE heads SET position = 271, deliveries = 271, received = 271 WHERE source = 'imprint'";

#[rustfmt::skip] // It is a table.
pub const ATTACKS: &[Attack] = &[
    sql("a bit of a payload is flipped", "UPDATE events SET payload = CAST(replace(CAST(payload AS text), '6000', '6001') AS json) WHERE position = 99", told("checkpoints, events")),
    sql("a bit of an event's metadata is flipped", "UPDATE events SET metadata = CAST(replace(CAST(metadata AS text), '-8', '-9') AS json) WHERE position = 99", told("checkpoints, deliveries, events")),
    sql("an event's `recorded_at` is moved by a microsecond", "UPDATE events SET recorded_at = recorded_at - 1 WHERE position = 99", told("checkpoints, events")),
    sql("an event's `occurred_at` is moved by a microsecond", "UPDATE events SET occurred_at = occurred_at + 1 WHERE position = 99", told("checkpoints, events")),
    sql("an event's type is another one", "UPDATE events SET event_type = 'Refunded' WHERE position = 99", told("checkpoints, events")),
    sql("an event's version is another one", "UPDATE events SET event_version = '9' WHERE position = 99", told("checkpoints, events")),
    sql("an event is moved to another thing", "UPDATE events SET aggregate_id = 'imprint/other' WHERE position = 99", told("checkpoints, events, streams")),
    sql("a bit of a delivery's body is flipped", "UPDATE deliveries SET body = @flip(body) WHERE first_position = 99", told("checkpoints, events")),
    sql("a delivery's headers are changed", "UPDATE deliveries SET headers = replace(headers, 'a', 'b') WHERE first_position = 99", told("checkpoints, events")),
    sql("a delivery's `received_at` is moved by a microsecond", "UPDATE deliveries SET received_at = received_at + 1 WHERE first_position = 99", told("checkpoints, events")),
    sql("a delivery's outcome is another one", "UPDATE deliveries SET outcome = 'duplicate' WHERE first_position = 99", told("checkpoints, events")),
    sql("a delivery names another secret that verified it", "UPDATE deliveries SET secret_id = 'second' WHERE first_position = 99", told("checkpoints, events")),
    sql("a delivery names another event that recorded it", "UPDATE deliveries SET first_position = 100 WHERE first_position = 99", told("checkpoints, deliveries, events")),
    sql("a delivery is removed", "DELETE FROM deliveries WHERE first_position = 99", told("checkpoints, deliveries, equation, events")),
    sql("the key of somebody's data is destroyed, and no event tells of it", "UPDATE data_keys SET sealed = NULL, erased_at = created_at WHERE key_id = (SELECT min(key_id) FROM data_keys)", told("keys")),
    sql("the key of somebody's data is overwritten", "UPDATE data_keys SET sealed = (SELECT sealed FROM data_keys WHERE key_id = (SELECT max(key_id) FROM data_keys)) WHERE key_id = (SELECT min(key_id) FROM data_keys)", told("keys")),
    sql("the key of somebody's data is removed", "DELETE FROM data_keys WHERE key_id = (SELECT min(key_id) FROM data_keys)", told("keys")),
    sql("a hash of the tree is changed", "UPDATE tiles SET hashes = CASE WHEN substr(hashes, 1, 1) = 'A' THEN 'B' ELSE 'A' END || substr(hashes, 2) WHERE key = '00/00000000000000000000'", told("events")),
    sql("a higher hash of the tree is changed", "UPDATE tiles SET hashes = CASE WHEN substr(hashes, 1, 1) = 'A' THEN 'B' ELSE 'A' END || substr(hashes, 2) WHERE key = '01/00000000000000000000'", told_by_all("tree")),
    sql("hashes of the tree are removed", "DELETE FROM tiles WHERE key = '00/00000000000000000000'", told("tree")),
    sql("a bit of a checkpoint's note is flipped", "UPDATE checkpoints SET note = replace(note, '/imprint', '/imprinu') WHERE key = (SELECT max(key) FROM checkpoints)", told_by_all("checkpoints")),
    sql("two positions are swapped", "UPDATE events SET position = -99 WHERE position = 99; UPDATE events SET position = 99 WHERE position = 98; UPDATE events SET position = 98 WHERE position = -99", told("checkpoints, deliveries, events, streams, times")),
    sql("two sequences are swapped", "UPDATE events SET sequence = 999 WHERE position = 99; UPDATE events SET sequence = 3 WHERE position = 98; UPDATE events SET sequence = 2 WHERE position = 99", told("checkpoints, events, streams")),
    sql("an event in the middle is removed", "DELETE FROM events WHERE position = 98", told("positions, streams")),
    sql("the newest events are removed, and the head moved back", "DELETE FROM events WHERE position > 267; UPDATE heads SET position = 267 WHERE source = 'imprint'", told_by_all("checkpoints, equation, tree")),
    sql("an event is removed with its delivery, and all behind it are renumbered", RENUMBER, told_by_all("checkpoints, events, tree")),
    sql("a delivery is said to have come once more", "UPDATE deliveries SET repeats = repeats + 1 WHERE first_position = 99", told("equation")),
    sql("the head counts one delivery more", "UPDATE heads SET received = received + 1 WHERE source = 'imprint'", told("equation")),
    sql("a count of outcomes is changed", "UPDATE tallies SET count = count + 1 WHERE source = 'imprint'", told("equation")),
    sql("a read model is changed: `verify --read-models` and `audit replay` tell, `creditrail replay` makes it anew", "UPDATE transactions SET status = 'voided' WHERE key = 't33'", told("")),
    Attack { name: "a payload is changed, and the tree folded anew", what: What::Sql("UPDATE events SET payload = CAST(replace(CAST(payload AS text), '6000', '6001') AS json) WHERE position = 99"), then: Then::Fold, found: ["checkpoints"; 5] },
    Attack { name: "a payload is changed, the tree folded anew, and all checkpoints of the database removed", what: What::Sql("UPDATE events SET payload = CAST(replace(CAST(payload AS text), '6000', '6001') AS json) WHERE position = 99; DELETE FROM checkpoints"), then: Then::Cover, found: ["", "checkpoints", "checkpoints", "checkpoints", "checkpoints"] },
    Attack { name: "the newest events are removed with all that tells of them: deliveries, head, tree, bookmarks, checkpoints", what: What::Sql(TAIL), then: Then::Cover, found: ["", "checkpoints", "checkpoints", "checkpoints", "checkpoints"] },
    Attack { name: "an event is removed, and everything in the database is made anew", what: What::Sql(RENUMBER), then: Then::Cover, found: ["", "checkpoints", "checkpoints", "checkpoints", "checkpoints"] },
    Attack { name: "the same, and it is signed anew with the service's own key, the memory removed", what: What::Sql(RENUMBER), then: Then::Sign, found: ["", "", "checkpoints", "checkpoints", "checkpoints"] },
    Attack { name: "the whole database is that of yesterday", what: What::Rollback, then: Then::Nothing, found: ["", "checkpoints", "checkpoints", "checkpoints", "checkpoints"] },
    Attack { name: "the whole database is that of yesterday, and the memory with it", what: What::RollbackOfMemory, then: Then::Nothing, found: ["", "", "checkpoints", "checkpoints", ""] },
    Attack { name: "the key that signs is another one of the same name", what: What::AnotherKey, then: Then::Nothing, found: ["checkpoints", "checkpoints", "checkpoints", "", "checkpoints"] },
    Attack { name: "an event is removed, the key is another one, and everything is made and signed anew", what: What::Sql(RENUMBER), then: Then::SignByAnother, found: ["", "", "checkpoints", "checkpoints", "checkpoints"] },
    sql("an event and its delivery are added at the end, in form: the same as if the lender had sent it", APPEND, told("")),
];
