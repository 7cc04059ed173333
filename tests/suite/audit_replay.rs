//! Deciding again: today's code leads to what is recorded, and what does not is told one by one.

use serde_json::{Value, json};

use crate::{
    replay::{everything_happens, many_happen},
    support::{Card, Ledger, Source, T1, T2, T3, T4, Tx, items, number, text, until},
};

const JSON: [&str; 4] = ["audit", "replay", "--format", "json"];

#[tokio::test]
async fn what_the_same_program_decides_again_is_the_same() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    many_happen(&imprint, 200).await;
    let told = again(&imprint, &[]);
    assert!(told.is_well, "{told:#?}");
    told.differs_in(0);
    assert_eq!(told.of("imprint")["head"], imprint.service.position("imprint"));
    let kept = &imprint.counts().await["kept"];
    assert_eq!(&told.of("imprint")["deliveries"], kept);
    let (printed, errors) = imprint.service.runs(&["audit", "replay"]);
    let printed = printed.expect(&errors);
    assert!(printed.contains("imprint: 0 differences"), "{printed}");
    assert!(printed.contains("deliveries a second"), "{printed}");
}

/// The card is paused, resumed and paused again; another one only paused. A virtual card is not
/// resumed by default.
#[tokio::test]
async fn another_policy_makes_exactly_the_differences_that_it_should() {
    let imprint = Ledger::fresh();
    let (card, other) = (Card::virtual_card("v"), Card::virtual_card("w"));
    let outcomes = imprint
        .receives(&[
            card.is("ACTIVE").at(T1),
            other.is("ACTIVE").at(T1),
            card.moves("ACTIVE", "INACTIVE").at(T2),
            card.moves("INACTIVE", "ACTIVE").at(T3),
            other.moves("ACTIVE", "INACTIVE").at(T2),
        ])
        .await;
    assert_eq!(outcomes, ["applied", "applied", "applied", "refused", "applied"]);
    assert_eq!(imprint.card("v").await["status"], "inactive");
    assert!(imprint.service.stop().success());
    imprint.service.set_up(&[Source::named("imprint").policy("virtual_resume", "flag")]);
    let told = again(&imprint, &[]);
    assert!(!told.is_well);
    assert!(told.errors.contains("differences"), "{}", told.errors);
    let [decision] = &told.decisions()[..] else { panic!("{:#?}", told.decisions()) };
    assert_eq!((number(decision, "position"), &decision["cause"]), (4, &json!("policy")));
    assert_eq!(decision["fields"], json!(["event_type", "payload", "outcome"]));
    assert_eq!(decision["recorded"][0]["event_type"], "StepRefused");
    assert_eq!(decision["now"][0]["event_type"], "CardActivated");
    let rows = told.rows();
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row["key"] != "w"), "{rows:#?}");
    let card: Vec<_> = rows.iter().filter(|row| row["table"] == "payment_methods").collect();
    assert_eq!(card.len(), 1, "{rows:#?}");
    assert_eq!((text(card[0], "key"), text(card[0], "how")), ("v", "different"));
    assert!(card[0]["fields"].as_array().unwrap().contains(&json!("status")), "{rows:#?}");
    // Nothing of the service is changed.
    imprint.service.start_again();
    assert_eq!(imprint.card("v").await["status"], "inactive");
    assert!(!imprint.exceptions(&[]).await.is_empty());
}

/// A second pause makes sense once the card was resumed between: if the late resumption counts, the
/// pause is revised with it, one event more than if it is refused.
#[tokio::test]
async fn fewer_events_leave_their_places_empty_and_more_are_compared_as_recorded() {
    for (before, today, events) in [("flag", "refuse", [2, 1]), ("refuse", "flag", [1, 2])] {
        let source = |policy| Source::named("imprint").policy("virtual_resume", policy);
        let imprint = Ledger::with(source(before));
        let (card, other) = (Card::virtual_card("v"), Card::virtual_card("other"));
        imprint
            .receives(&[
                card.is("ACTIVE").at(T1),
                card.moves("ACTIVE", "INACTIVE").at(T2),
                card.moves("ACTIVE", "INACTIVE").event("again").at(T4),
                card.moves("INACTIVE", "ACTIVE").at(T3),
                other.is("ACTIVE").at(T1),
                other.moves("ACTIVE", "INACTIVE").at(T2),
            ])
            .await;
        assert_eq!(imprint.card("other").await["status"], "inactive");
        assert!(imprint.service.stop().success());
        let settings = imprint.service.file("before.toml");
        let policies = format!(
            "[[source]]\nname = \"imprint\"\n[source.policies]\nvirtual_resume = \"{before}\"\n"
        );
        std::fs::write(&settings, policies).unwrap();
        imprint.service.set_up(&[source(today)]);
        let told = again(&imprint, &["--settings-before", &settings]);
        let [decision] = &told.decisions()[..] else { panic!("{:#?}", told.decisions()) };
        assert_eq!((number(decision, "position"), text(decision, "cause")), (4, "policy"));
        let count = |of: &str| items(decision, of).len();
        assert_eq!([count("recorded"), count("now")], events);
        let is_more = events[1] > events[0];
        assert_eq!(told.of("imprint")["rows_as_recorded"], is_more);
        let rows = told.rows();
        assert_eq!(rows.is_empty(), is_more, "{rows:#?}");
        assert!(rows.iter().all(|row| row["key"] != "other"), "{rows:#?}");
        let changed = rows.iter().any(|row| row["table"] == "payment_methods" && row["key"] == "v");
        assert_eq!(changed, !is_more, "{rows:#?}");
    }
}

#[tokio::test]
async fn the_settings_of_before_tell_a_policy_from_a_mistake() {
    let flagging = Source::named("imprint").policy("virtual_resume", "flag");
    let imprint = Ledger::with(flagging);
    let card = Card::virtual_card("v");
    let steps = [
        card.is("ACTIVE").at(T1),
        card.moves("ACTIVE", "INACTIVE").at(T2),
        card.moves("INACTIVE", "ACTIVE").at(T3),
    ];
    imprint.receives(&steps).await;
    imprint.service.stop();
    let before = imprint.service.file("before.toml");
    let policies = "[[source]]\nname = \"imprint\"\nkind = \"imprint\"\ncurrency = \"USD\"\n\
                    [source.policies]\nvirtual_resume = \"flag\"\n";
    std::fs::write(&before, policies).unwrap();
    imprint.service.set_up(&[Source::named("imprint")]);
    for (options, cause) in [(vec![], "code"), (vec!["--settings-before", &before], "policy")] {
        let told = again(&imprint, &options);
        let causes: Vec<_> = told.decisions().iter().map(|it| it["cause"].clone()).collect();
        assert_eq!(causes, [cause]);
    }
}

#[tokio::test]
async fn what_was_edited_behind_the_programs_back_is_found() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    let told = imprint.delivers(&tx.approved(5000).at(T1)).await;
    imprint.receives(&[tx.captured(5000).at(T3), Tx::new("t2").approved(700).at(T4)]).await;
    // Else a reader that comes later writes over what is edited.
    assert_eq!(imprint.transaction("t1").await["captured"], 5000);
    again(&imprint, &[]).differs_in(0);
    let service = &imprint.service;
    if service.is_postgres() {
        service.run_sql("ALTER TABLE @events DISABLE TRIGGER ALL").await;
    } else {
        service.run_sql("DROP TRIGGER events_are_not_updated").await;
        service.run_sql("DROP TRIGGER events_are_not_deleted").await;
    }
    let payload = if service.is_postgres() { "payload::text" } else { "payload" };
    let json = if service.is_postgres() { "::json" } else { "" };

    // A row.
    service.run_sql("UPDATE @transactions SET captured = 1 WHERE key = 't1'").await;
    let found = again(&imprint, &[]);
    found.differs_in(1);
    let row = &found.rows()[0];
    assert_eq!((text(row, "table"), text(row, "key")), ("transactions", "t1"));
    assert_eq!((text(row, "how"), &row["fields"]), ("different", &json!(["captured"])));
    assert_eq!((&row["is"], &row["should"]), (&json!([1]), &json!([5000])));
    let (printed, ..) = imprint.service.asked(&["audit", "replay"]);
    assert!(printed.contains("captured is 1, should be 5000"), "{printed}");
    service.run_sql("UPDATE @transactions SET captured = 5000 WHERE key = 't1'").await;

    // An event.
    let edit = |from: &str, to: &str| {
        format!(
            "UPDATE @events SET payload = replace({payload}, '{from}', '{to}'){json} WHERE position = 1"
        )
    };
    service.run_sql(&edit("5000", "4999")).await;
    let found = again(&imprint, &[]);
    found.differs_in(1);
    let decision = &found.decisions()[0];
    assert_eq!((number(decision, "position"), text(decision, "cause")), (1, "code"));
    assert_eq!(decision["delivery_id"], told["delivery_id"]);
    assert_eq!(decision["fields"], json!(["payload"]));
    service.run_sql(&edit("4999", "5000")).await;
    again(&imprint, &[]).differs_in(0);

    // What became of it, in its row alone.
    service.run_sql("UPDATE @deliveries SET outcome = 'refused' WHERE number = 1").await;
    let found = again(&imprint, &[]);
    found.differs_in(1);
    let decision = &found.decisions()[0];
    assert_eq!((text(decision, "cause"), &decision["fields"]), ("delivery", &json!(["outcome"])));
    service.run_sql("UPDATE @deliveries SET outcome = 'applied' WHERE number = 1").await;

    // A body.
    let body = if service.is_postgres() {
        "overlay(body PLACING '\\x00' FROM 100)"
    } else {
        "CAST(substr(body, 1, 99) || x'00' || substr(body, 101) AS BLOB)"
    };
    service.run_sql(&format!("UPDATE @deliveries SET body = {body} WHERE number = 1")).await;
    let found = again(&imprint, &[]);
    let decision = &found.decisions()[0];
    assert_eq!((number(decision, "position"), text(decision, "cause")), (1, "delivery"));
    assert!(!found.is_well);
}

#[tokio::test]
async fn a_log_that_has_lost_events_is_told_and_a_head_that_is_not_reached_is_an_error() {
    let imprint = Ledger::fresh();
    many_happen(&imprint, 20).await;
    let service = &imprint.service;
    if service.is_postgres() {
        service.run_sql("ALTER TABLE @events DISABLE TRIGGER ALL").await;
    } else {
        service.run_sql("DROP TRIGGER events_are_not_deleted").await;
    }
    service.run_sql("DELETE FROM @events WHERE position = 3").await;
    let found = again(&imprint, &[]);
    let decision = &found.decisions()[0];
    assert_eq!(number(decision, "position"), 3, "{decision:#}");
    assert_eq!(text(decision, "cause"), "missing");

    let head = imprint.events().await.last().map(|event| number(event, "position")).unwrap();
    service.run_sql(&format!("DELETE FROM @events WHERE position = {head}")).await;
    let found = again(&imprint, &[]);
    assert!(!found.is_well);
    let ends = format!("the head was not reached: the log ends at position {}", head - 1);
    assert!(found.errors.contains(&ends), "{}", found.errors);
}

/// One that is killed in the middle goes on there and tells the same: what it had found before too.
#[tokio::test]
async fn one_that_is_killed_goes_on_where_it_was_and_tells_the_same() {
    let flagging = Source::named("imprint").policy("virtual_resume", "flag");
    let imprint = Ledger::with(flagging);
    let card = Card::virtual_card("v");
    let steps = [
        card.is("ACTIVE").at(T1),
        card.moves("ACTIVE", "INACTIVE").at(T2),
        card.moves("INACTIVE", "ACTIVE").at(T3),
    ];
    imprint.receives(&steps).await;
    many_happen(&imprint, 1600).await;
    imprint.is_sound().await;
    assert!(imprint.service.stop().success());
    imprint.service.set_up(&[Source::named("imprint")]);
    let whole = again(&imprint, &[]);
    whole.differs_in(whole.decisions().len() + whole.rows().len());
    assert_eq!(whole.decisions().len(), 1, "{whole:#?}");

    let scratch = imprint.service.file("scratch");
    let words = ["audit", "replay", "--scratch", &scratch];
    let mut replay = imprint.service.begun(&words);
    let is_on_its_way = || decided(&scratch).is_some_and(|deliveries| deliveries > 0);
    until("it has decided some", async || {
        assert!(replay.try_wait().unwrap().is_none(), "too fast to be killed");
        is_on_its_way().then_some(())
    })
    .await;
    replay.kill().expect("kill -9");
    replay.wait().expect("it is gone");
    let before = decided(&scratch).expect("it is kept");
    let (told, errors, _) = imprint.service.asked(&words);
    assert!(told.starts_with("going on with the scratch file"), "{told}{errors}");
    let deliveries = number(whole.of("imprint"), "deliveries");
    assert!(before < deliveries, "it was killed at its end: {before} of {deliveries}");
    assert!(told.contains(&format!("{deliveries} deliveries decided again")), "{told}");
    assert!(told.contains("imprint: 1 differences: code"), "{told}");
    assert!(told.contains("imprint at 3: code"), "{told}");
    for (table, rows) in whole.of("imprint")["rows"].as_object().unwrap() {
        assert!(told.contains(&format!("imprint: {rows} rows of {table} differ")), "{told}");
    }
    assert!(!std::path::Path::new(&scratch).exists(), "it is thrown away");
    let (told, _, _) = imprint.service.asked(&words);
    assert!(!told.contains("going on"), "{told}");
}

/// How many deliveries the scratch file says are decided.
fn decided(scratch: &str) -> Option<i64> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let file = rusqlite::Connection::open_with_flags(scratch, flags).ok()?;
    let noted = "SELECT value FROM scratch_notes WHERE name = 'walk imprint'";
    let state: String = file.query_row(noted, [], |row| row.get(0)).ok()?;
    serde_json::from_str::<Value>(&state).ok()?["replayed"]["deliveries"].as_i64()
}

/// The last delivery leaves a place empty at the end of what comes out.
#[tokio::test]
async fn an_empty_place_at_the_end_is_no_end_of_the_log() {
    let imprint = Ledger::with(Source::named("imprint").policy("virtual_resume", "flag"));
    let card = Card::virtual_card("v");
    imprint
        .receives(&[
            card.is("ACTIVE").at(T1),
            card.moves("ACTIVE", "INACTIVE").at(T2),
            card.moves("ACTIVE", "INACTIVE").event("again").at(T4),
            card.moves("INACTIVE", "ACTIVE").at(T3),
        ])
        .await;
    assert_eq!(imprint.card("v").await["status"], "inactive");
    assert!(imprint.service.stop().success());
    imprint.service.set_up(&[Source::named("imprint")]);
    let told = again(&imprint, &[]);
    let [decision] = &told.decisions()[..] else { panic!("{:#?}", told.decisions()) };
    assert_eq!([items(decision, "recorded").len(), items(decision, "now").len()], [2, 1]);
    assert!(!told.errors.contains("the log ends"), "{}", told.errors);
    assert_eq!(told.of("imprint")["head"], 5);
}

/// What `audit replay` told.
#[derive(Debug)]
struct Again {
    is_well: bool,
    lines: Vec<Value>,
    errors: String,
}

fn again(ledger: &Ledger, options: &[&str]) -> Again {
    let words = [&JSON[..], options].concat();
    let (printed, errors, is_well) = ledger.service.asked(&words);
    let lines = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    Again { is_well, lines, errors }
}

impl Again {
    fn differs_in(&self, count: usize) {
        let found = self.decisions().len() + self.rows().len();
        assert_eq!(found, count, "{self:#?}");
        assert_eq!(self.is_well, count == 0, "{self:#?}");
    }

    fn of_kind(&self, kind: &str) -> Vec<&Value> {
        let lines = self.lines.iter().filter(|line| line["difference"] == kind);
        lines.map(|line| &line["told"]).collect()
    }

    fn decisions(&self) -> Vec<&Value> {
        self.of_kind("decision")
    }

    fn rows(&self) -> Vec<&Value> {
        self.of_kind("row")
    }

    /// What it says of a source in the end.
    fn of(&self, source: &str) -> &Value {
        let mut ends = self.lines.iter().map(|line| &line["replayed"]);
        ends.find(|end| end["source"] == source).expect("the end")
    }
}
