//! A log of ten million events, and what is asked of one thing in it.

use std::{path::Path, time::Instant};

use creditrail::app::{
    Creditrail,
    moments::{AsOf, When},
    things::Thing,
};

use crate::{
    child::Binary,
    fill, many,
    stock::{self, Stock, spread},
};

/// How many things are asked for.
const ASKED: u64 = 200;
/// The aims, in milliseconds.
const PROVEN: u64 = 50;
const SHOWN: u64 = 20;

pub async fn run(database: &Path, events: u64) -> u64 {
    println!("\n{events} events");
    let url = format!("sqlite://{}", database.display());
    if !database.exists() {
        let instance = fill::open(&url).await;
        let first = Stock::of(1000).transaction(7).swap_remove(0);
        fill::send(&instance.creditrail, first).await;
        instance.caught_up_in(&[stock::IMPRINT]).await;
        drop(instance);
        many::fill(database, events);
    }
    let (creditrail, worker) = fill::build(&url).await;
    // Its writer records who has something proven.
    let worker = tokio::spawn(worker.run());
    let started = Instant::now();
    let hashed = creditrail.grow_tree(stock::IMPRINT, |_| {}).await.expect("a tree");
    println!("  a tree over {hashed} events in {:.0} s", started.elapsed().as_secs_f64());
    asked(&creditrail, events).await;
    worker.abort();
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
        let what = (Thing::Transaction, stock::IMPRINT, id.as_str());
        let proof = creditrail.prove(what, ("bench", "a figure")).await;
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
            ms((took.len() * 99).div_ceil(100) - 1)
        );
    }
}
