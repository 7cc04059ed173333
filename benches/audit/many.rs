//! A log of very many events, put in by one statement.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::Connection;

/// Events like the first one, of a thing each, whose ids are spread as real ones are; and readers that
/// have passed them: what is asked here is folded from the log.
const FILL: &str = "
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -1000000;
    WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {events})
        INSERT INTO events SELECT e.source, i, e.aggregate_type,
            format('%s/%08x-%s', e.source, (i * 2654435761) & 4294967295, i), 1, e.event_type,
            e.event_version, e.payload, '{}', e.occurred_at, e.recorded_at + i
        FROM n, (SELECT * FROM events WHERE source = 'imprint' AND position = 1) AS e;
    UPDATE heads SET position = {events}, recorded_at = recorded_at + {events}
        WHERE source = 'imprint';
    UPDATE bookmarks SET position = {events} WHERE source = 'imprint' AND reader <> 'tree';
    PRAGMA journal_mode = WAL;";

/// How long a file may be in use before.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fills a file in which one event of the source `imprint` is recorded: so many events there are then.
pub fn fill(database: &Path, events: u64) {
    let started = Instant::now();
    let fill = FILL.replace("{events}", &events.to_string());
    let connection = Connection::open(database).expect("it opens");
    // Whoever had it open may still be closing it.
    while connection.pragma_update(None, "journal_mode", "OFF").is_err() {
        assert!(started.elapsed() < PATIENCE, "the file is in use");
        std::thread::sleep(Duration::from_millis(50));
    }
    connection.execute_batch(&fill).expect("it is filled");
    println!("  filled in {:.0} s", started.elapsed().as_secs_f64());
}
