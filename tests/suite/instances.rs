//! Many instances on one PostgreSQL database: what is acknowledged by any of them is there once,
//! whichever of them dies, and whatever happens to the server.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    crash::{Kept, attempt, steps_of},
    support::{
        Ledger, Service, Source, T1, T2, Tx, number,
        postgres::{self, Server},
        text, unix_now,
    },
};

const SENDERS: usize = 8;
/// Far more than a restart takes, and far less than a test may.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two instances that know nothing of each other but the database.
fn two_on(url: &str) -> [Ledger; 2] {
    [(); 2].map(|()| Ledger::of(Service::start_on(url, &[Source::named("imprint")]), "imprint"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_comes_to_two_instances_at_once_counts_once() {
    let instances = two_on(&postgres::database().await);
    for nth in 0..100 {
        let body = Tx::new(&format!("t{nth}")).approved(5000).body();
        let [one, other] = &instances;
        let (one, other) = tokio::join!(one.deliver(&body), other.deliver(&body));
        let mut outcomes = [text(&one, "outcome"), text(&other, "outcome")];
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["applied", "duplicate"]);
        assert_eq!(one["delivery_id"], other["delivery_id"]);
        assert_eq!(one["position"], other["position"]);
    }
    for instance in &instances {
        caught_up(instance).await;
        let counts = instance.counts().await;
        assert_eq!(number(&counts, "received"), 200);
        assert_eq!(number(&counts["outcomes"], "applied"), 100);
        assert_eq!(number(&counts["outcomes"], "duplicate"), 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_that_race_on_one_transaction_append_to_it_in_turn() {
    let instances = two_on(&postgres::database().await);
    let tx = Tx::new("t1");
    instances[0].receive(&tx.approved(10_000).at(T1)).await;
    let mut senders = JoinSet::new();
    for nth in 0..SENDERS {
        let (instance, tx) = (instances[nth % 2].clone(), tx);
        senders.spawn(async move {
            for capture in 0..10 {
                let step = tx.captured(100).event(&format!("c-{nth}-{capture}")).at(T2);
                assert_eq!(instance.receive(&step).await, "applied");
            }
        });
    }
    senders.join_all().await;
    for instance in &instances {
        caught_up(instance).await;
        let purchase = instance.transaction("t1").await;
        assert_eq!(number(&purchase, "captured"), 8000);
    }
    let events = instances[0].events_of("t1").await;
    let sequences: Vec<i64> = events.iter().map(|event| number(event, "sequence")).collect();
    assert_eq!(sequences, (1..=81).collect::<Vec<i64>>());
    let positions: Vec<i64> = events.iter().map(|event| number(event, "position")).collect();
    assert_eq!(positions, (1..=81).collect::<Vec<i64>>());
}

#[tokio::test]
async fn the_readers_of_an_instance_that_dies_are_taken_over_within_seconds() {
    let [one, other] = two_on(&postgres::database().await);
    for (dies, lives, id) in [(&one, &other, "t1"), (&other, &one, "t2")] {
        dies.receive(&Tx::new(id).approved(1000)).await;
        dies.service.kill();
        lives.receive(&Tx::new(id).captured(1000).at(T2)).await;
        let since = Instant::now();
        caught_up(lives).await;
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
        assert_eq!(number(&lives.transaction(id).await, "captured"), 1000);
        dies.service.start_again();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn killing_either_instance_in_mid_load_loses_nothing_and_counts_nothing_twice() {
    let instances = two_on(&postgres::database().await);
    let strike = |round: usize, instances: &[Ledger]| {
        let service = &instances[round % 2].service;
        service.kill();
        service.start_again();
    };
    under_load(&instances, 16, strike).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn crashes_of_the_server_in_mid_load_lose_nothing_and_count_nothing_twice() {
    let mut server = tokio::task::spawn_blocking(Server::start).await.expect("a server");
    let instances = two_on(&server.database().await);
    under_load(&instances, 10, move |_, _| server.restart_immediately()).await;
}

/// Sends webhooks to both instances until each is acknowledged, and strikes again and again while
/// they are on their way. Then all has to be there, once.
async fn under_load(
    instances: &[Ledger; 2],
    strikes: usize,
    mut strike: impl FnMut(usize, &[Ledger]) + Send,
) {
    let (attempts, acknowledged) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let stop = Arc::new(AtomicUsize::new(0));
    let mut senders = JoinSet::new();
    for nth in 0..SENDERS {
        let instances = instances.clone();
        let (attempts, acknowledged) = (Arc::clone(&attempts), Arc::clone(&acknowledged));
        let stop = Arc::clone(&stop);
        senders.spawn(async move {
            let mut told = BTreeMap::new();
            for history in 0.. {
                if stop.load(Ordering::SeqCst) > 0 {
                    break;
                }
                for (event_id, body) in steps_of(&format!("t-{nth}-{history}"), "customer-0") {
                    let until = Instant::now() + PATIENCE;
                    let mut turn = nth;
                    let delivery_id = loop {
                        attempts.fetch_add(1, Ordering::SeqCst);
                        turn += 1;
                        if let Some(id) = attempt(&instances[turn % 2], &body).await {
                            break id;
                        }
                        assert!(Instant::now() < until, "nobody takes {event_id}");
                    };
                    told.insert(event_id, delivery_id);
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            }
            told
        });
    }
    for round in 0..strikes {
        // Only what is under way can be hurt: a strike waits for acknowledgements since the last.
        let (before, until) = (acknowledged.load(Ordering::SeqCst), Instant::now() + PATIENCE);
        while acknowledged.load(Ordering::SeqCst) < before + 100 {
            assert!(Instant::now() < until, "round {round}: nothing is acknowledged any more");
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| strike(round, instances));
    }
    stop.store(1, Ordering::SeqCst);
    let told: BTreeMap<String, String> = senders.join_all().await.into_iter().flatten().collect();
    for instance in instances {
        caught_up(instance).await;
        instance.adds_up().await;
        let kept = Kept::of(instance).await;
        kept.is_exactly(&told);
        println!(
            "{strikes} strikes: {} calls, {} acknowledged, {} recorded, 0 lost, 0 counted twice \
             ({} repeats counted on the first)",
            attempts.load(Ordering::SeqCst),
            told.len(),
            kept.deliveries(),
            kept.repeats(),
        );
        the_totals_add_up(instance, told.len()).await;
    }
}

/// Every history is a whole one; so are the totals of their one customer.
async fn the_totals_add_up(instance: &Ledger, deliveries: usize) {
    let histories = i64::try_from(deliveries / 5).expect("few");
    let customer = instance.customer("customer-0").await;
    let balance = &customer["balances"][0];
    let figures = ["pending", "confirmed", "refunded", "net"].map(|field| number(balance, field));
    assert_eq!(figures, [2000, 4000, 500, 3500].map(|each| each * histories));
}

/// Waits until the readers, wherever they run, have passed all that is recorded.
async fn caught_up(instance: &Ledger) {
    let path = format!("/v1/sources/{}", instance.source);
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = instance.ask(&path, &[]).await;
        let status = answer.json();
        if answer.status == 200 && status["read_models"]["behind"] == 0 {
            let position = status["position"].as_i64();
            return instance.service.note_position(&instance.source, position);
        }
        assert!(Instant::now() < until, "the readers stay behind: {}", answer.text);
    }
}

#[tokio::test]
async fn while_the_database_is_away_calls_are_told_to_come_again_and_then_it_goes_on() {
    let mut server = tokio::task::spawn_blocking(Server::start).await.expect("a server");
    let source = [Source::named("imprint")];
    let imprint = Ledger::of(Service::start_on(&server.database().await, &source), "imprint");
    imprint.receive(&Tx::new("t1").approved(5000)).await;
    assert_eq!(imprint.ask("/readyz", &[]).await.status, 200);

    server.stop("-INT");
    for _ in 0..3 {
        let answer = imprint.post(Tx::new("t2").approved(1000).body()).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(answer.retry_after.is_some(), "it is told when to come again");
        assert_eq!(imprint.ask("/readyz", &[]).await.status, 503);
        assert_eq!(imprint.ask("/healthz", &[]).await.status, 200);
    }
    server.start_again();

    let until = Instant::now() + PATIENCE;
    while imprint.post(Tx::new("t2").approved(1000).body()).await.status != 200 {
        assert!(Instant::now() < until, "it does not recover");
    }
    caught_up(&imprint).await;
    assert_eq!(imprint.ask("/readyz", &[]).await.status, 200);
    assert_eq!(number(&imprint.transaction("t2").await, "authorized"), 1000);
    imprint.adds_up().await;
    let log = imprint.service.log();
    assert!(log.lines().count() < 200, "a busy loop fills the log:\n{log}");
}

#[tokio::test]
async fn a_service_with_the_rights_of_a_service_and_no_others_works() {
    let url = postgres::database().await;
    let (server, database) = url.rsplit_once('/').expect("a URL");
    let role = format!("service_{database}");
    postgres::run(&url, &format!("CREATE ROLE {role} LOGIN")).await;
    let migrated = Service::migrate(&url, &["--service-role", &role]);
    assert!(migrated.contains("has the rights"), "{migrated}");

    let as_role = server.replace("postgres@", &format!("{role}@")) + "/" + database;
    let source = [Source::named("imprint")];
    let imprint = Ledger::of(Service::start_on(&as_role, &source), "imprint");
    let forged = imprint.post_as("another-secret", unix_now(), "{}").await;
    assert_eq!(forged.status, 401);
    for _ in 0..2 {
        imprint.receive(&Tx::new("t1").approved(5000)).await;
    }
    imprint.is_sound().await;
    imprint.service.command("replay");
    assert_eq!(number(&imprint.transaction("t1").await, "authorized"), 5000);
    for forbidden in [
        "DELETE FROM creditrail.events",
        "UPDATE creditrail.events SET payload = '{}'",
        "DELETE FROM creditrail.deliveries",
        "UPDATE creditrail.deliveries SET body = ''",
        "TRUNCATE creditrail.events",
        "CREATE TABLE creditrail.mine (source text)",
    ] {
        let error = postgres::refused(&as_role, forbidden).await;
        assert!(error.contains("permission denied"), "{forbidden}: {error}");
    }
    // Not even who may do everything changes an event by accident.
    let error = postgres::refused(&url, "DELETE FROM creditrail.events").await;
    assert!(error.contains("append-only"), "{error}");
    drop(imprint);
    postgres::drop_database(&url);
    postgres::run(&format!("{server}/postgres"), &format!("DROP ROLE {role}")).await;
}

#[tokio::test]
async fn without_its_migrations_a_service_that_may_not_migrate_does_not_start() {
    let url = postgres::database().await;
    let told = Service::fails_to_start(&url, "migrate = false");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let files = std::fs::read_dir(folder).expect("the migrations").flatten();
    let is_one = |name: &str| name.starts_with(|first: char| first.is_ascii_digit());
    let needed = files.filter(|file| file.file_name().to_str().is_some_and(is_one)).count();
    assert!(told.contains(&format!("0 of {needed} migrations")), "{told}");
    assert!(told.contains("creditrail migrate"), "{told}");
    Service::migrate(&url, &[]);
    let source = [Source::named("imprint")];
    let imprint = Ledger::of(Service::start_on(&url, &source), "imprint");
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_server_that_would_not_keep_what_it_acknowledges_is_refused() {
    let unsafe_server = || Server::start_with(&["synchronous_commit = off"]);
    let server = tokio::task::spawn_blocking(unsafe_server).await.expect("a server");
    let told = Service::fails_to_start(&server.database().await, "");
    assert!(told.contains("synchronous_commit is off"), "{told}");
}
