//! One application, several lenders: DOMAIN.md 3.1d cell by cell, the overall status, the deprecated
//! twins, G30 and G31.

use serde_json::{Value, json};

use crate::support::{
    Dice, History, Ledger, Loan, Payload, Source, T0, T1, T2, T3, T4, T5, T6, Track, ago, column,
    converge, fixtures, items, number, orders, play, sorted, text,
};

const A: Loan = Loan::new("a1");
const L1: Track = A.lender("L1");
const L2: Track = A.lender("L2");
const L3: Track = A.lender("L3");

/// What led to a state, and the judgement of one more step of each kind of [`newcomers`].
type State = (&'static str, fn(Track) -> Vec<Payload>, [&'static str; 8]);

fn newcomers(lender: Track) -> [Payload; 8] {
    [
        lender.prequalified("900.00"),
        lender.prequalified("800.00"),
        lender.pending_consumer("sign the contract"),
        lender.approved("900.00"),
        lender.approved("800.00"),
        lender.declined(),
        lender.cancelled(),
        lender.confirmed("900.00", "token-2"),
    ]
}

#[rustfmt::skip] // It is a table.
const STATES: [State; 7] = [
    ("none",         |_| vec![], [
        "applied", "applied", "applied", "applied", "applied", "applied",
        "applied! cancelled_unseen",
        "applied! confirm_without_approval"]),
    ("prequalified", |l| vec![l.prequalified("900.00").at(T1)], [
        "duplicate", "applied", "applied", "applied", "applied", "applied", "applied",
        "applied! confirm_without_approval"]),
    ("pending",      |l| vec![l.pending_lender("checks").at(T1)], [
        "applied! back_to_prequalified",
        "applied! back_to_prequalified",
        "applied", "applied", "applied", "applied", "applied",
        "applied! confirm_without_approval"]),
    ("approved",     |l| vec![l.approved("900.00").at(T1)], [
        "applied! late_prequalification",
        "applied! late_prequalification",
        "applied! re_review",
        "duplicate",
        "applied",
        "applied! declined_after_approval",
        "applied",
        "applied"]),
    ("declined",     |l| vec![l.declined().at(T1)], [
        "refused track_terminal", "refused track_terminal", "refused track_terminal",
        "refused track_terminal", "refused track_terminal",
        "duplicate",
        "refused track_terminal", "refused track_terminal"]),
    ("cancelled",    |l| vec![l.approved("900.00").at(T1), l.cancelled().at(T2)], [
        "refused track_terminal", "refused ~", "refused ~", "refused ~", "refused ~", "refused ~",
        "duplicate",
        "refused ~"]),
    ("confirmed",    |l| vec![l.approved("900.00").at(T1), l.confirmed("900.00", "token-1").at(T2)], [
        "refused track_terminal",
        "refused track_terminal",
        "refused ~",
        "duplicate",
        "refused ~",
        "refused declined_after_confirm",
        "applied! cancelled_after_confirm",
        "applied! second_confirmation"]),
];

#[tokio::test]
async fn each_cell_of_the_table_is_judged_as_it_says() {
    let ledgers = Ledger::several_of::<2>("loans", Source::charge_after);
    for (state, led_there, cells) in STATES {
        for (nth, cell) in cells.into_iter().enumerate() {
            let id = format!("{state}-{nth}");
            let lender = Loan::new(&id).lender("L1");
            let mut steps = led_there(lender);
            let newcomer = newcomers(lender)[nth].clone().at(T5);
            let what = format!("{state} × {}", newcomer.body());
            steps.push(newcomer);
            play(&ledgers, &steps).await.newest_is(cell, &what);
        }
    }
}

#[tokio::test]
async fn a_pending_lender_moves_to_another_pending_state_or_gives_another_reason() {
    #[rustfmt::skip] // It is a table.
    let moves = [
        (L1.pending_lender("checks"),          L1.pending_lender("checks"),     "duplicate", "pending_lender",   "checks"),
        (L1.pending_lender("checks"),          L1.pending_lender("more"),       "applied",   "pending_lender",   "more"),
        (L1.pending_lender("checks"),          L1.pending_consumer("checks"),   "applied",   "pending_consumer", "checks"),
        (L1.pending_consumer("an id"),         L1.pending_merchant("invoice"),  "applied",   "pending_merchant", "invoice"),
        (L1.pending_merchant("invoice"),       L1.pending_lender("checks"),     "applied",   "pending_lender",   "checks"),
    ];
    for (one, other, judged, status, reason) in moves {
        let end = given([one.at(T1), other.at(T4)]).await;
        end.newest_is(judged, reason);
        let track = track(&end.view, "L1");
        assert_eq!((text(track, "status"), text(track, "reason")), (status, reason), "{track:#}");
    }
}

#[tokio::test]
async fn a_track_keeps_what_its_lender_said_last() {
    let end = given([L1.prequalified("1000.10").at(T1), L1.approved("900.00").at(T2)]).await;
    let track = track(&end.view, "L1");
    assert_eq!((&track["status"], number(track, "amount")), (&json!("approved"), 90_000));
    assert_eq!(track["currency"], "USD");
    // A late prequalification is recorded, and takes nothing back.
    let late = given([L1.approved("900.00").at(T1), L1.prequalified("1000.10").at(T2)]).await;
    assert_eq!(late.view["lenders"][0]["status"], "approved");
}

#[tokio::test]
async fn the_overall_status_is_that_of_the_lender_who_is_furthest() {
    #[rustfmt::skip] // It is a table.
    let boards: [(Vec<Payload>, &str, Option<&str>); 13] = [
        (vec![],                                                              "started",                None),
        (vec![L1.prequalified("9")],                                          "prequalified",           None),
        (vec![L1.prequalified("9"), L2.pending_lender("r")],                  "under_review",           None),
        (vec![L1.pending_lender("r"), L2.pending_consumer("r")],              "action_required",        None),
        (vec![L1.pending_merchant("r"), L2.prequalified("9")],                "action_required",        None),
        (vec![L1.approved("9"), L2.pending_consumer("r")],                    "approved",               Some("accepted")),
        (vec![L1.approved("9"), L1.confirmed("9", "t"), L2.approved("8")],    "confirmed",              Some("accepted")),
        (vec![L1.declined(), L2.prequalified("9")],                           "prequalified",           None),
        (vec![L1.declined(), L2.declined()],                                  "declined_by_all_known",  None),
        (vec![L1.declined(), L2.approved("9"), L2.cancelled()],               "declined_by_all_known",  None),
        (vec![L1.approved("9"), L1.cancelled()],                              "cancelled_by_all_known", None),
        (vec![L1.declined(), L2.declined(), L3.prequalified("9")],            "prequalified",           None),
        (vec![L1.declined(), L2.approved("9"), L3.pending_lender("r")],       "approved",               Some("accepted")),
    ];
    for (told, status, decision) in boards {
        let steps: Vec<Payload> = [A.created()]
            .into_iter()
            .chain(told)
            .zip([T0, T1, T2, T3])
            .map(|(step, time)| step.at(time))
            .collect();
        let end = play(&two(), &steps).await.is("status", status);
        assert_eq!(end.view["decision"], json!(decision), "{:#}", end.view);
        assert_eq!(end.view["reasons"], json!([]));
    }
}

#[tokio::test]
async fn three_lenders_stand_on_one_board() {
    let steps = [
        A.created().at(T0),
        L1.prequalified("500.00").at(T1),
        L3.approved("700.00").at(T2),
        L2.approved("600.00").at(T3),
        L1.declined().at(T4),
        L2.cancelled().at(T5),
        L3.confirmed("700.00", "token-1").at(T6),
    ];
    let end = given(steps).await.is("status", "confirmed").judged(["applied"; 7]).flagged([]);
    let board = items(&end.view, "lenders");
    assert_eq!(column(board, "lender_id"), ["L1", "L2", "L3"]);
    assert_eq!(column(board, "status"), ["declined", "cancelled", "confirmed"]);
    assert_eq!(number(&board[2], "amount"), 70_000);
    assert_eq!(items(&board[2], "token_refs").len(), 1);
    assert_eq!(end.view["decision"], "accepted");
}

#[tokio::test]
async fn two_lenders_may_be_confirmed_and_a_person_is_told() {
    let end = given([
        L1.approved("9").at(T1),
        L2.approved("8").at(T2),
        L1.confirmed("9", "token-1").at(T3),
        L2.confirmed("8", "token-2").at(T4),
    ])
    .await
    .is("status", "confirmed")
    .judged(["applied"; 4]);
    assert!(sorted(&end.view["flags"]).contains(&"multiple_confirmed_lenders".to_owned()));
}

#[tokio::test]
async fn a_loan_goes_through_its_lenders_as_the_page_says() {
    let steps = [
        A.created().at(T0),
        L1.prequalified("1000.10").at(T1),
        L2.declined().at(T2),
        L1.approved("900.00").at(T3),
        L1.account_approved("900.00").at("2025-02-27T20:00:05Z"),
        L1.confirmed("900.00", "token-1").at(T4),
    ];
    let judged = ["applied", "applied", "applied", "applied", "duplicate", "applied"];
    let end = given(steps).await.is("status", "confirmed").judged(judged).flagged([]);
    assert_eq!(column(items(&end.view, "lenders"), "status"), ["confirmed", "declined"]);
    assert_eq!(end.view["customer_id"], "a1-consumer");
    assert_eq!(end.view["partner_customer_id"], "a1-partner");
    assert_eq!(track(&end.view, "L1")["lender_reference_id"], "L1-reference");
}

#[tokio::test]
async fn a_creation_may_come_late_and_twice() {
    let steps = [L1.approved("9").at(T1), A.created().at(T2), A.created().at(T4)];
    given(steps).await.is("status", "approved").judged(["applied", "applied", "duplicate"]);
}

// --- twins ---

#[tokio::test]
async fn of_two_twins_one_counts_in_any_order_and_at_any_distance() {
    let pairs: [(Payload, Payload, &str); 3] = [
        (L1.prequalified("900.00"), L1.account_prequalified("900.00"), "prequalified"),
        (L1.approved("900.00"), L1.account_approved("900.00"), "approved"),
        (L1.declined(), L1.account_declined(), "declined"),
    ];
    #[rustfmt::skip] // It is a list.
    let distances = [
        "2025-02-27T20:00:00Z", "2025-02-27T20:00:01Z", "2025-02-27T20:09:59Z",
        "2025-02-27T20:10:01Z", "2025-03-01T20:00:00Z", "2025-02-27T19:59:59Z",
        "2025-02-26T20:00:00Z",
    ];
    for (one, twin, status) in pairs {
        for distance in distances {
            let end = given([one.clone().at(T3), twin.clone().at(distance)]).await;
            let mut outcomes = column_of(&end.steps(), "outcome");
            outcomes.sort();
            assert_eq!(outcomes, ["applied", "duplicate"], "{status} at {distance}");
            let track = track(&end.view, "L1");
            assert_eq!(track["status"], status);
            assert_eq!(end.view["customer_id"], "a1-consumer", "{status} at {distance}");
            assert_eq!(end.view["partner_customer_id"], "a1-partner");
            if status == "approved" {
                assert_eq!(track["lender_reference_id"], "L1-reference");
            }
            end.flagged([]);
        }
    }
}

#[tokio::test]
async fn a_pending_twin_brings_the_loan_and_the_other_one_the_reason() {
    #[rustfmt::skip] // It is a table.
    let pairs = [
        (L1.pending_consumer("an id"), L1.account_pending_consumer(), "pending_consumer"),
        (L1.pending_lender("an id"),   L1.account_pending_lender(),   "pending_lender"),
    ];
    for (one, twin, status) in pairs {
        for (time, twin_time) in [(T1, T2), (T2, T1)] {
            let end = given([one.clone().at(time), twin.clone().at(twin_time)]).await;
            let track = track(&end.view, "L1");
            assert_eq!(text(track, "status"), status);
            let told = ["reason", "loan_id", "link_id"].map(|field| text(track, field));
            assert_eq!(told, ["an id", "L1-loan", "L1-link"], "{status}: {track:#}");
        }
        given([one.at(T1), twin.at(T2)]).await.judged(["applied", "duplicate"]);
    }
}

#[tokio::test]
async fn a_twin_without_a_partners_id_for_the_consumer_brings_what_it_has() {
    let twin = L1.account_approved("900.00").with("merchantConsumerId", json!(null));
    let end = given([L1.approved("900.00").at(T1), twin.at(T2)]).await;
    assert_eq!(end.view["customer_id"], "a1-consumer");
    assert_eq!(end.view["partner_customer_id"], json!(null));
}

#[tokio::test]
async fn a_twin_is_kept_as_a_delivery_of_its_own() {
    let loans = Ledger::charge_after();
    let twin = L1.account_approved("900.00").at(T2);
    let told = loans.receives(&[L1.approved("900.00").at(T1), twin.clone(), twin]).await;
    assert_eq!(told, ["applied", "duplicate", "duplicate"]);
    assert_eq!(loans.list("/v1/deliveries", &[]).await.len(), 2);
    let counts = loans.counts().await;
    assert_eq!(number(&counts["outcomes"], "duplicate"), 2);
    assert_eq!(items(&loans.application("a1").await, "steps").len(), 2);
    loans.adds_up().await;
}

// --- confirmations ---

#[tokio::test]
async fn the_deprecated_confirmation_as_it_is_printed_counts_once() {
    let loans = Ledger::charge_after();
    let printed = fixtures::charge_after("application.apply-confirmed");
    let at = |time| fixtures::filled(printed, &[("createdAt", time), ("token", "token-1")]);
    let told =
        [loans.deliver(at(T1)).await, loans.deliver(at(T1)).await, loans.deliver(at(T3)).await];
    let outcomes = told.each_ref().map(|answer| text(answer, "outcome"));
    assert_eq!(outcomes, ["applied", "duplicate", "duplicate"]);
    assert_eq!(told[0]["delivery_id"], told[1]["delivery_id"]);
    assert_ne!(told[0]["delivery_id"], told[2]["delivery_id"]);
    let seen = loans.application("the-applicationId").await;
    assert_eq!(seen["status"], "confirmed");
    let track = track(&seen, "the-lenderId");
    assert_eq!((number(track, "amount"), items(track, "token_refs").len()), (12_345, 1));
    loans.adds_up().await;
}

#[tokio::test]
async fn both_names_of_a_confirmation_are_one_by_their_token() {
    let approved = L1.approved("900.00").at(T1);
    let (apply, checkout) =
        (L1.apply_confirmed("900.00", "token-1"), L1.confirmed("900.00", "token-1"));
    let steps = [approved.clone(), apply.clone().at(T2), checkout.at(T3)];
    let end = given(steps).await.judged(["applied", "applied", "duplicate"]).flagged([]);
    assert_eq!(items(track(&end.view, "L1"), "token_refs").len(), 1);

    let other = L1.confirmed("900.00", "token-2");
    let end = given([approved, apply.at(T2), other.at(T3)]).await.judged(["applied"; 3]);
    assert_eq!(items(track(&end.view, "L1"), "token_refs").len(), 2);
    end.flagged(["second_confirmation"]);
}

#[tokio::test]
async fn a_cancellation_after_the_confirmation_is_refused_once_there_is_a_charge() {
    let loans = Ledger::charge_after();
    loans.receives(&[L1.approved("9").at(T1), L1.confirmed("9", "token-1").at(T2)]).await;
    loans.creates_charge(&json!({"charge_id": "c1", "application_id": "a1"})).await.is(201);
    // Dated after the charge, which was created now.
    assert_eq!(loans.receive(&L1.cancelled().at(&ago(-3600))).await, "refused");
    assert_eq!(loans.application("a1").await["status"], "confirmed");
}

// --- any order ---

#[tokio::test]
async fn every_order_of_a_loan_ends_the_same() {
    let history = [
        A.created().at(T0),
        L1.approved("900.00").at(T1),
        L1.account_approved("900.00").at(T2),
        L1.confirmed("900.00", "token-1").at(T3),
    ];
    let ledgers = Ledger::several_of::<24>("loans", Source::charge_after);
    let mut ends = Vec::new();
    for (loans, order) in ledgers.iter().zip(orders(&history)) {
        loans.receives(&order).await;
        assert!(loans.receives(&order).await.iter().all(|told| told == "duplicate"));
        ends.push(History::of(loans, &order[0]).await.settled());
        loans.adds_up().await;
    }
    for end in &ends[1..] {
        assert_eq!(end, &ends[0]);
    }
}

#[tokio::test]
async fn any_history_of_a_loan_ends_the_same_in_any_order() {
    let ledgers = Ledger::several_of::<3>("loans", Source::charge_after);
    let mut dice = Dice::seeded(900);
    for nth in 0..30 {
        let id = format!("a{nth}");
        let steps: Vec<Payload> = (0..=dice.roll(6)).map(|_| random_step(&mut dice, &id)).collect();
        converge(&ledgers, &mut dice, &steps).await;
    }
    for loans in &ledgers {
        loans.adds_up().await;
    }
}

/// Legal or not.
fn random_step(dice: &mut Dice, id: &str) -> Payload {
    let application = Loan::new(id);
    let lender = application.lender(dice.pick(&["L1", "L1", "L2"]));
    let amount = dice.pick(&["900.00", "800.5"]);
    let step = match dice.roll(13) {
        0 => application.created(),
        1 => lender.prequalified(amount),
        2 => lender.account_prequalified(amount),
        3 => lender.approved(amount),
        4 => lender.account_approved(amount),
        5 => lender.pending_lender("checks"),
        6 => lender.account_pending_lender(),
        7 => lender.pending_consumer(dice.pick(&["an id", "a payslip"])),
        8 => lender.pending_merchant("invoice"),
        9 => lender.declined(),
        10 => lender.cancelled(),
        11 => lender.apply_confirmed(amount, "token-1"),
        _ => lender.confirmed(amount, dice.pick(&["token-1", "token-2"])),
    };
    step.at(dice.pick(&[T0, T1, T2, T3, T4, T5, T6]))
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_named() {
    let loans = Ledger::charge_after();
    #[rustfmt::skip] // It is a table.
    let unreadable = [
        (A.created().without("applicationId"),                   "malformed",    "applicationId"),
        (A.created().with("applicationId", json!(null)),         "malformed",    "applicationId"),
        (L1.approved("9").without("lenderId"),                   "malformed",    "lenderId"),
        (L1.approved("9").without("amount"),                     "malformed",    "amount"),
        (A.created().with("eventType", json!("application.x")),  "unrecognised", ""),
    ];
    for (step, outcome, field) in unreadable {
        let told = loans.delivers(&step).await;
        assert_eq!(told["outcome"], outcome, "{field}");
        let listed = loans.exceptions(&[("code", outcome)]).await;
        let about = |one: &&Value| one["delivery_id"] == told["delivery_id"];
        let exception = listed.iter().find(about).expect("it is listed");
        assert!(text(exception, "message").contains(field), "{exception:#}");
    }
    loans.is_sound().await;
}

#[tokio::test]
async fn only_the_credential_of_the_source_opens_it() {
    let loans = Ledger::charge_after();
    let body = A.created().body();
    let unsigned = loans.call(body.clone(), &[]).await;
    unsigned.is_problem(401, "unauthenticated");
    for credential in
        ["", "charge-after-credential", "Bearer another", "bearer charge-after-credential"]
    {
        let answer = loans.call(body.clone(), &[("Authorization", credential)]).await;
        assert_eq!((answer.status, &answer.text), (401, &unsigned.text), "{credential}");
    }
    let told = loans.deliver(&body).await;
    assert_eq!(told["outcome"], "applied");
    let kept = loans.delivery(&told).await;
    assert_eq!(kept["secret_id"], "first");
    assert!(!kept.to_string().contains(crate::support::AUTHORIZATION), "{kept:#}");
}

/// Plays the steps in order, and backwards with repeats, on a service of its own.
async fn given<const N: usize>(steps: [Payload; N]) -> History {
    play(&two(), &steps).await
}

fn two() -> [Ledger; 2] {
    Ledger::several_of("loans", Source::charge_after)
}

fn track<'a>(application: &'a Value, lender_id: &str) -> &'a Value {
    let board = items(application, "lenders");
    board.iter().find(|track| track["lender_id"] == lender_id).expect("the lender is on the board")
}

fn column_of(rows: &[&Value], field: &str) -> Vec<String> {
    rows.iter().map(|row| text(row, field).to_owned()).collect()
}
