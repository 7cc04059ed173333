//! Read models are disposable: dropped and rebuilt from the log they are the same.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::support::{
    Card, Ledger, Source, T0, T1, T2, T3, T4, Tx, decision, fixtures, items, link, text, until,
};

#[tokio::test]
async fn a_replay_leaves_every_list_and_view_identical() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    let before = snapshot(&imprint).await;
    for view in
        ["transactions", "payment-methods", "applications", "exceptions", "deliveries", "customers"]
    {
        assert!(before.keys().any(|path| path.contains(view)), "{view} are compared");
    }

    for nth in 1..=2 {
        assert!(imprint.service.stop().success());
        imprint.service.command("replay");
        imprint.service.start_again();
        identical(&before, &snapshot(&imprint).await, &format!("after replay {nth}"));
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_restart_leaves_every_list_and_view_identical() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    let before = snapshot(&imprint).await;
    imprint.service.kill();
    imprint.service.start_again();
    identical(&before, &snapshot(&imprint).await, "after a kill");
}

#[tokio::test]
async fn what_arrives_after_a_replay_is_judged_as_before_it() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    imprint
        .receives(&[tx.approved(5000).at(T1), tx.captured(5000).at(T3), tx.voided(5000).at(T4)])
        .await;
    assert!(imprint.service.stop().success());
    imprint.service.command("replay");
    imprint.service.start_again();
    assert_eq!(imprint.receive(&tx.updated(8000).at(T2)).await, "applied");
    assert_eq!(imprint.transaction("t1").await["status"], "captured_remainder_voided");
    assert_eq!(imprint.exception("void_after_full_capture").await["status"], "auto_resolved");
}

#[tokio::test]
async fn the_old_rows_answer_until_a_replay_that_was_killed_has_gone_on_to_its_end() {
    let imprint = Ledger::fresh();
    many_happen(&imprint, 1200).await;
    everything_happens(&imprint).await;
    let right = snapshot(&imprint).await;
    imprint
        .service
        .run_sql(
            "UPDATE @transactions SET currency = 'EUR' WHERE key = 'decided';
             UPDATE @tallies SET count = count + 7 WHERE key = 'applied'",
        )
        .await;
    let wrong = imprint.counts().await;
    assert_eq!(wrong["balanced"], false, "{wrong:#}");

    let scratch = imprint.service.file("scratch");
    let mut replay = imprint.service.begun(&["replay", "--scratch", &scratch]);
    until("it has folded some of the log", async || is_begun(&scratch).then_some(())).await;
    stop(&replay);
    assert_eq!(imprint.counts().await["outcomes"], wrong["outcomes"]);
    assert_eq!(imprint.transaction("revised").await["status"], "captured_remainder_voided");
    replay.kill().expect("kill -9");
    replay.wait().expect("it is gone");
    assert_eq!(imprint.counts().await["outcomes"], wrong["outcomes"]);

    let (told, errors) = imprint.service.runs(&["replay", "--scratch", &scratch]);
    let told = told.expect(&errors);
    assert!(told.contains("going on with the scratch file"), "{told}");
    assert!(told.contains("imprint: 1 rows of transactions differed"), "{told}");
    assert!(told.contains("imprint: 1 rows of tallies differed"), "{told}");
    assert!(!std::path::Path::new(&scratch).exists(), "it is thrown away");
    identical(&right, &snapshot(&imprint).await, "after the replay");
    let told = imprint.service.command("replay");
    assert!(told.contains("no row differed"), "{told}");
}

#[tokio::test]
async fn a_replay_mends_whatever_was_lost_or_added_while_deliveries_come() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    let before = snapshot(&imprint).await;
    imprint
        .service
        .run_sql(
            "DELETE FROM @timeline; DELETE FROM @statistics; UPDATE @exceptions SET key = 'x' || key;
             UPDATE @customers SET strength = 'ended'; UPDATE @tallies SET count = 0;
             DELETE FROM @identifiers WHERE subject_type = 'transaction'",
        )
        .await;
    let service = Arc::clone(&imprint.service);
    let replay = tokio::task::spawn_blocking(move || service.command("replay"));
    let mut nth = 0;
    while !replay.is_finished() {
        nth += 1;
        imprint.receive(&Tx::new(&format!("meanwhile-{nth}")).approved(100)).await;
    }
    let told = replay.await.unwrap();
    for table in ["timeline", "statistics", "exceptions", "customers", "tallies", "identifiers"] {
        assert!(told.contains(&format!("rows of {table} differed")), "{table}: {told}");
    }
    let after = snapshot(&imprint).await;
    let kept = before.iter().filter(|(path, _)| path.contains("/customers/"));
    for (path, view) in kept {
        assert_eq!(view, &after[path], "{path}");
    }
    imprint.is_sound().await;
    let told = imprint.service.command("replay");
    assert!(told.contains("no row differed"), "{told}");
}

/// A new read model of an upgrade has no bookmark.
#[tokio::test]
async fn a_reader_that_has_not_begun_is_brought_to_the_head() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    let before = snapshot(&imprint).await;
    assert!(imprint.service.stop().success());
    imprint
        .service
        .run_sql(
            "DELETE FROM @bookmarks WHERE reader IN ('charges', 'timeline');
             DELETE FROM @timeline; DELETE FROM @tallies;",
        )
        .await;
    imprint.service.command("replay");
    imprint.service.start_again();
    identical(&before, &snapshot(&imprint).await, "after the replay");
}

#[tokio::test]
async fn a_scratch_file_of_other_settings_or_another_file_is_not_gone_on_with() {
    let imprint = Ledger::fresh();
    many_happen(&imprint, 1200).await;
    let scratch = imprint.service.file("scratch");
    let mut replay = imprint.service.begun(&["replay", "--scratch", &scratch]);
    until("it has folded some of the log", async || is_begun(&scratch).then_some(())).await;
    replay.kill().expect("kill -9");
    replay.wait().expect("it is gone");
    let (told, errors) = imprint.service.runs(&["replay", "transactions", "--scratch", &scratch]);
    let told = told.expect(&errors);
    assert!(told.contains("beginning anew, the scratch file is of no use"), "{told}");

    let other = imprint.service.file("other.db");
    let file = rusqlite::Connection::open(&other).unwrap();
    file.execute_batch("CREATE TABLE precious (it TEXT)").unwrap();
    let (told, errors) = imprint.service.runs(&["replay", "--scratch", &other]);
    assert!(told.is_none() && errors.contains("is no scratch file"), "{errors}");
    file.execute_batch("INSERT INTO precious VALUES ('kept')").unwrap();
}

/// Transactions of four steps, several on their way at once.
pub async fn many_happen(imprint: &Ledger, count: usize) {
    let one = async |nth: usize| {
        let id = format!("many-{nth}");
        let tx = Tx::new(&id);
        imprint.receive(&tx.approved(5000).at(T1)).await;
        imprint.receive(&tx.captured(5000).at(T3)).await;
        imprint.receive(&tx.voided(5000).at(T4)).await;
        imprint.receive(&tx.updated(8000).at(T2)).await;
    };
    let at_once = 16;
    let several = (0..at_once).map(async |first| {
        for nth in (first..count / 4).step_by(at_once) {
            one(nth).await;
        }
    });
    futures_util::future::join_all(several).await;
}

/// Whether a replay has folded some of the log into its scratch file.
pub fn is_begun(scratch: &str) -> bool {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(file) = rusqlite::Connection::open_with_flags(scratch, flags) else { return false };
    let farthest = "SELECT COALESCE(MAX(position), 0) FROM bookmarks";
    file.query_row(farthest, [], |row| row.get::<_, i64>(0)).is_ok_and(|at| at > 0)
}

fn stop(process: &std::process::Child) {
    let pid = process.id().to_string();
    let stopped = std::process::Command::new("kill").args(["-STOP", &pid]).status();
    assert!(stopped.is_ok_and(|status| status.success()));
}

/// One of each: outcomes, flags, conflicts, revisions, repeats, commands of a partner and a person.
pub async fn everything_happens(imprint: &Ledger) {
    for body in fixtures::PAGE.iter().chain(&fixtures::FOUR_STEPS) {
        imprint.deliver(body).await;
    }
    imprint.deliver("no json").await;
    imprint.deliver(r#"{"object":"REWARD","data":{}}"#).await;
    let (revised, decided, parked) = (Tx::new("revised"), Tx::new("decided"), Tx::new("parked"));
    let (paused, old, new) =
        (Card::virtual_card("v"), Card::physical_card("o"), Card::physical_card("n"));
    imprint
        .receives(&[
            revised.approved(5000).at(T1),
            revised.captured(5000).at(T3),
            revised.voided(5000).at(T4),
            revised.updated(8000).at(T2),
            decided.approved(5000).at(T1),
            decided.approved(8000).event("second").at(T2),
            parked.voided(5000).at(T2),
            paused.is("ACTIVE").at(T1),
            paused.moves("ACTIVE", "INACTIVE").at(T2),
            paused.moves("INACTIVE", "ACTIVE").at(T3),
            old.is("INACTIVE").customer("a").design("d").at(T1),
            old.moves("INACTIVE", "CANCELED").customer("a").design("d").at(T2),
            new.is("INACTIVE").customer("a").design("d").created_at(T3).at(T3),
            link("a", "p"),
            link("b", "p"),
            decision("REJECTED").customer("b").created_at(T0),
        ])
        .await;

    let session = json!({"partner_customer_id": "p", "session_id": "s", "started_at": T0});
    let told = imprint.command("/v1/applications/imprint", &session).await.is(201);
    let path = format!("/v1/applications/imprint/{}/client-report", text(&told, "application_id"));
    imprint.command(&path, &json!({"result": "OFFER_ACCEPTED"})).await.is(200);
    imprint.receive(&decision("REJECTED").partner("p")).await;

    let second = imprint.exception("second_approval").await;
    let path = format!("/v1/exceptions/{}/resolve", text(&second, "id"));
    let said = json!({"action": "convert", "convert_to": "update", "reason": "an increment", "actor": "ada"});
    imprint.command(&path, &said).await.is(200);
}

/// Every list, and every view that a list leads to, by path.
pub async fn snapshot(imprint: &Ledger) -> BTreeMap<String, Value> {
    #[rustfmt::skip] // It is a table.
    let lists = [
        ("transactions",    "transaction_id"),
        ("payment-methods", "payment_method_id"),
        ("applications",    "application_id"),
        ("deliveries",      "delivery_id"),
    ];
    let mut all = BTreeMap::new();
    let mut customers = std::collections::BTreeSet::new();
    for (list, id) in lists {
        let rows = imprint.list(&format!("/v1/{list}"), &[]).await;
        for row in &rows {
            let path = format!("/v1/{list}/imprint/{}", text(row, id));
            all.insert(path.clone(), imprint.view(&path).await);
            customers.extend(row["customer_id"].as_str().map(str::to_owned));
        }
        all.insert(format!("/v1/{list}"), Value::Array(rows));
    }
    for customer in customers {
        for path in ["", "/timeline"] {
            let path = format!("/v1/customers/imprint/{customer}{path}");
            all.insert(path.clone(), imprint.view(&path).await);
        }
        let found = imprint.ask("/v1/search", &[("q", &customer)]).await.is(200);
        assert!(!items(&found, "items").is_empty());
        all.insert(format!("/v1/search?q={customer}"), found);
    }
    let exceptions = imprint.exceptions(&[]).await;
    all.insert("/v1/exceptions".to_owned(), Value::Array(exceptions));
    all.insert("/v1/events".to_owned(), Value::Array(imprint.events().await));
    all.insert("/v1/sources/imprint".to_owned(), imprint.counts().await);
    all
}

pub fn identical(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>, when: &str) {
    assert!(before.keys().eq(after.keys()), "{when}: other paths");
    for (path, view) in before {
        assert_eq!(view, &after[path], "{when}: {path}");
    }
}

/// An end of a link that waits for its beginning makes no pair until its deadline has passed.
#[tokio::test]
async fn a_pair_that_a_deadline_made_is_dated_by_the_deadline() {
    let imprint = Ledger::with(Source::named("imprint").policy("parked_for", "1s"));
    imprint.receives(&[link("a", "p").with("status", json!("INACTIVE")), link("b", "p")]).await;
    // The clock of deadlines looks every second: the conflict is what there is to wait for.
    while imprint.exceptions(&[("code", "identity_conflict")]).await.is_empty() {}
    let before = snapshot(&imprint).await;
    imprint.service.stop();
    imprint.service.command("replay");
    imprint.service.start_again();
    identical(&before, &snapshot(&imprint).await, "after the deadline");
}
