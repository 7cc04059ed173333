//! What a check cannot be faster than: reading the same rows, and hashing the same bytes.

use std::{path::Path, time::Instant};

use rusqlite::{Connection, types::ValueRef};
use sha2::{Digest as _, Sha256};

const EVENTS: &str = "SELECT e.*, d.* FROM events AS e
    LEFT JOIN deliveries AS d ON d.source = e.source AND d.first_position = e.position
    WHERE e.source = ? ORDER BY e.position";

/// So many events, and how many seconds they take.
#[derive(Default)]
pub struct Limits {
    pub events: u64,
    pub read: f64,
    pub hashed: f64,
}

/// Reads the logs of all sources once to have them in memory, and once more by the clock.
pub fn of(database: &Path) -> Limits {
    let connection = Connection::open(database).expect("it opens");
    read(&connection);
    let started = Instant::now();
    let (events, bytes) = read(&connection);
    let read = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let event = vec![7; usize::try_from(bytes / events.max(1)).expect("it fits")];
    for _ in 0..events {
        std::hint::black_box(Sha256::digest(&event));
    }
    Limits { events, read, hashed: started.elapsed().as_secs_f64() }
}

/// How many events there are, and how many bytes they and their deliveries have.
fn read(connection: &Connection) -> (u64, u64) {
    let mut select = connection.prepare(EVENTS).expect("a statement");
    let columns = select.column_count();
    let (mut events, mut bytes) = (0, 0);
    for (source, ..) in crate::fill::SOURCES {
        let mut rows = select.query([source]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            events += 1;
            for column in 0..columns {
                bytes += match row.get_ref(column).expect("a column") {
                    ValueRef::Text(text) | ValueRef::Blob(text) => text.len() as u64,
                    ValueRef::Null => 0,
                    ValueRef::Integer(_) | ValueRef::Real(_) => 8,
                };
            }
        }
    }
    (events, bytes)
}
