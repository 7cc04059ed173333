//! A log of ten million events, put in by one statement, and what is asked of one thing in it.

use std::{path::Path, time::Instant};

use creditrail::app::{
    Creditrail,
    moments::{AsOf, When},
    things::Thing,
};
use rusqlite::Connection;

use crate::{
    child::Binary,
    fill,
    stock::{self, Stock, spread},
};

/// How many things are asked for.
const ASKED: u64 = 200;
/// The aims, in milliseconds.
const PROVEN: u64 = 50;
const SHOWN: u64 = 20;

/// Events like the first one, of a thing each, whose ids are spread as real ones are; and readers that
/// have passed them: what is asked here is folded from the log.
const FILL: &str = "
    PRAGMA journal_mode = OFF;
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

pub async fn run(database: &Path, events: u64) -> u64 {
    println!("\n{events} events");
    let url = format!("sqlite://{}", database.display());
    if !database.exists() {
        let instance = fill::open(&url).await;
        let first = Stock::of(1000).transaction(7).swap_remove(0);
        fill::send(&instance.creditrail, first).await;
        instance.caught_up_in(&[stock::IMPRINT]).await;
        drop(instance);
        let started = Instant::now();
        let fill = FILL.replace("{events}", &events.to_string());
        let connection = Connection::open(database).expect("it opens");
        connection.execute_batch(&fill).expect("it is filled");
        println!("  filled in {:.0} s", started.elapsed().as_secs_f64());
    }
    let (creditrail, _worker) = fill::build(&url).await;
    let started = Instant::now();
    let hashed = creditrail.grow_tree(stock::IMPRINT, |_| {}).await.expect("a tree");
    println!("  a tree over {hashed} events in {:.0} s", started.elapsed().as_secs_f64());
    asked(&creditrail, events).await;
    drop(creditrail);
    let done = Binary::on(database).run(&["audit", "verify", "--log", stock::IMPRINT]);
    crate::aimed(
        "events without deliveries checked",
        events as f64 / done.seconds,
        (crate::VERIFIED, done.most),
    );
    done.most
}

async fn asked(creditrail: &Creditrail, events: u64) {
    let (mut proven, mut shown) = (Vec::new(), Vec::new());
    for nth in 0..ASKED {
        let position = 2 + spread(nth) % (events - 1);
        let id = format!("{:08x}-{position}", (position * 2_654_435_761) & 0xffff_ffff);
        let started = Instant::now();
        let proof = creditrail.prove(Thing::Transaction, stock::IMPRINT, &id).await;
        proven.push(started.elapsed());
        assert_eq!(proof.expect("a proof").events, 1);
        let as_of = position + spread(!nth) % (events - position + 1);
        let as_of = AsOf::Position(i64::try_from(as_of).expect("a position"));
        let started = Instant::now();
        let when = When { as_of: Some(as_of), happened_by: None };
        let seen = creditrail.seen(stock::IMPRINT, when).await.expect("a moment");
        let address = (stock::IMPRINT, id.as_str());
        let document = creditrail.at(Thing::Transaction, address, seen).await.expect("it is read");
        shown.push(started.elapsed());
        assert!(document.is_some(), "{id} as of {as_of:?}");
    }
    for (what, mut took, aim) in
        [("a proof of one event", proven, PROVEN), ("one thing as of a moment", shown, SHOWN)]
    {
        took.sort_unstable();
        let ms = |place: usize| took[place.min(took.len() - 1)].as_secs_f64() * 1e3;
        println!(
            "{what:<44}{:>9.2} ms at the median, {:.2} ms at the 99th percentile   aim {aim} ms",
            ms(took.len() / 2),
            ms(took.len() * 99 / 100)
        );
    }
}
