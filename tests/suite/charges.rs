//! Charges: the tables of DOMAIN.md 3.4 and what the operations add up to, G32 to G34. What a
//! partner says of a charge is in `charge_commands`.

use serde_json::Value;

use crate::support::{
    Charge, Dice, History, Ledger, Payload, Source, T0, T1, T2, T3, T4, T5, T6, column, converge,
    items, number, orders, play, sorted, text,
};

/// Parameters of a list, with their values.
type Filters = &'static [(&'static str, &'static str)];

const C: Charge = Charge::new("c1");

/// The state of an operation, and the judgement of an update to each state in the order of
/// [`OPERATION_STATES`].
const OPERATIONS: [(&str, [&str; 4]); 4] = [
    ("pending", ["duplicate", "applied", "applied", "applied"]),
    ("accepted", ["stale", "duplicate", "applied", "applied"]),
    ("completed", ["stale", "stale", "duplicate", "refused terminal_conflict"]),
    ("failure", ["stale", "stale", "refused terminal_conflict", "duplicate"]),
];

const OPERATION_STATES: [&str; 4] = ["pending", "accepted", "completed", "failure"];

#[tokio::test]
async fn an_operation_goes_forwards_only() {
    let ledgers = two();
    for (known, cells) in OPERATIONS {
        for (state, cell) in OPERATION_STATES.into_iter().zip(cells) {
            for kind in ["settle", "refund"] {
                let id = format!("{kind}-{known}-{state}");
                let charge = Charge::new(&id);
                let mut steps = vec![
                    charge.authorize("100.00").at(T0),
                    charge.settle("tx0", "100.00", "completed").at(T1),
                ];
                if kind == "settle" {
                    steps.pop();
                    steps.push(charge.settle("tx1", "60.00", known).at(T2));
                    steps.push(charge.settle_update("tx1", "60.00", state).at(T5));
                } else {
                    steps.push(charge.refund("tx1", "60.00", known).at(T2));
                    steps.push(charge.refund_update("tx1", "60.00", state).at(T5));
                }
                let end = play(&ledgers, &steps).await;
                end.newest_is(cell, &id);
                let expected = if cell == "applied" { state } else { known };
                assert_eq!(operation(&end.view, kind, "tx1")["state"], expected, "{id}");
            }
        }
    }
}

#[tokio::test]
async fn an_operation_begins_in_any_state() {
    let ledgers = two();
    for state in OPERATION_STATES {
        let (created, updated) = (format!("created-{state}"), format!("updated-{state}"));
        let (seen, unseen) = (Charge::new(&created), Charge::new(&updated));
        let steps = [seen.authorize("100.00").at(T0), seen.settle("tx1", "60.00", state).at(T1)];
        play(&ledgers, &steps).await.newest_is("applied", &created);
        let steps =
            [unseen.authorize("100.00").at(T0), unseen.settle_update("tx1", "60.00", state).at(T1)];
        let end = play(&ledgers, &steps).await;
        end.newest_is("applied! creation_unseen", &updated);
        assert_eq!(operation(&end.view, "settle", "tx1")["state"], state);
    }
}

#[tokio::test]
async fn the_creation_may_follow_its_update() {
    for (creation, update) in [(T1, T2), (T2, T1)] {
        given([
            C.authorize("100.00").at(T0),
            C.settle_update("tx1", "60.00", "completed").at(update),
            C.settle("tx1", "60.00", "pending").at(creation),
        ])
        .await
        .counts([("settled", 6000)])
        .flagged([]);
    }
}

#[tokio::test]
async fn the_names_of_the_api_are_known_too() {
    #[rustfmt::skip] // It is a table.
    let names = [
        ("Scheduled",       "pending"),
        ("Pending",         "pending"),
        ("PendingConsumer", "pending"),
        ("PendingMerchant", "pending"),
        ("Accepted",        "accepted"),
        ("Completed",       "completed"),
        ("Failed",          "failure"),
    ];
    let loans = Ledger::charge_after();
    for (name, state) in names {
        let steps = [
            Charge::new(name).authorize("100.00").at(T0),
            Charge::new(name).settle("tx1", "60.00", name).at(T1),
        ];
        assert_eq!(loans.receives(&steps).await, ["applied", "applied"], "{name}");
        let seen = loans.charge(name).await;
        assert_eq!(operation(&seen, "settle", "tx1")["state"], state, "{name}");
    }
}

#[tokio::test]
async fn an_operation_keeps_its_amount_but_may_be_completed_for_less() {
    #[rustfmt::skip] // It is a table.
    let changes = [
        ("pending",   "50.00", "completed", "applied! amount_adjusted",          5000),
        ("pending",   "70.00", "completed", "refused operation_amount_conflict", 0),
        ("accepted",  "70.00", "completed", "refused operation_amount_conflict", 0),
        ("completed", "50.00", "completed", "refused ~",                         6000),
    ];
    for (known, amount, state, judged, settled) in changes {
        let end = given([
            C.authorize("100.00").at(T0),
            C.settle("tx1", "60.00", known).at(T1),
            C.settle_update("tx1", amount, state).at(T2),
        ])
        .await;
        end.newest_is(judged, amount);
        end.counts([("settled", settled)]);
    }
}

/// What led to a state, and the judgement of one more step of each kind of [`newcomers`].
type State = (&'static str, fn(Charge) -> Vec<Payload>, [&'static str; 6]);

fn newcomers(charge: Charge) -> [Payload; 6] {
    [
        charge.authorize("100.00"),
        charge.authorize("90.00"),
        charge.settle("tx8", "30.00", "completed"),
        charge.refund("tx9", "10.00", "completed"),
        charge.chargeback("cb9", "10.00"),
        charge.chargeback_reversal("cbr9", "40.00"),
    ]
}

fn settled_in_part(c: Charge) -> Vec<Payload> {
    vec![c.authorize("100.00").at(T0), c.settle("tx1", "60.00", "completed").at(T1)]
}

fn settled_in_full(c: Charge) -> Vec<Payload> {
    vec![c.authorize("100.00").at(T0), c.settle("tx1", "100.00", "completed").at(T1)]
}

#[rustfmt::skip] // It is a table.
const STATES: [State; 6] = [
    ("unknown",    |_| vec![], [
        "applied",
        "applied",
        "applied! authorization_unseen ~",
        "applied! authorization_unseen refund_before_settle ~",
        "applied! authorization_unseen ~",
        "parked"]),
    ("authorized", |c| vec![c.authorize("100.00").at(T0)], [
        "duplicate",
        "refused second_authorize",
        "applied",
        "applied! refund_before_settle ~",
        "applied! chargeback_without_settle ~",
        "parked"]),
    ("in part",    settled_in_part, [
        "duplicate", "refused second_authorize", "applied", "applied", "applied", "parked"]),
    ("in full",    settled_in_full, [
        "duplicate",
        "refused second_authorize",
        "applied! settle_exceeds_authorized",
        "applied", "applied", "parked"]),
    ("disputed",   |c| [settled_in_part(c), vec![c.chargeback("cb1", "40.00").at(T2)]].concat(), [
        "duplicate",
        "refused second_authorize",
        "applied! settle_during_chargeback",
        "applied! double_credit_risk",
        "applied",
        "applied"]),
    ("refunded",   |c| [settled_in_full(c), vec![c.refund("tx2", "100.00", "completed").at(T2)]].concat(), [
        "refused second_authorize",
        "refused second_authorize",
        "applied! settle_after_full_refund ~",
        "applied! over_refund ~",
        "applied! double_credit_risk ~",
        "parked"]),
];

#[tokio::test]
async fn each_cell_of_the_table_is_judged_as_it_says() {
    let ledgers = two();
    for (state, led_there, cells) in STATES {
        for (nth, cell) in cells.into_iter().enumerate() {
            let id = format!("{}-{nth}", state.replace(' ', "-"));
            let charge = Charge::new(&id);
            let mut steps = led_there(charge);
            let newcomer = newcomers(charge)[nth].clone().at(T5);
            let what = format!("{state} × {}", newcomer.body());
            steps.push(newcomer);
            play(&ledgers, &steps).await.newest_is(cell, &what);
        }
    }
}

#[tokio::test]
async fn amounts_above_their_limit_count_and_are_flagged() {
    let over = [settled_in_part(C), vec![C.settle("tx2", "50.00", "completed").at(T2)]].concat();
    play(&two(), &over)
        .await
        .counts([("settled", 11_000), ("open_to_settle", 0)])
        .flagged(["settle_exceeds_authorized"]);
    let over = [settled_in_part(C), vec![C.refund("tx2", "70.00", "completed").at(T2)]].concat();
    play(&two(), &over).await.counts([("refunded", 7000)]).flagged(["over_refund"]);
}

#[tokio::test]
async fn the_status_follows_from_the_figures() {
    let settle = |amount: &str| C.settle("tx1", amount, "completed");
    let refund = |amount: &str| C.refund("tx2", amount, "completed");
    #[rustfmt::skip] // It is a table: settled, refunded, open to settle, refundable, net.
    let figures: [(Vec<Payload>, &str, [i64; 5]); 10] = [
        (vec![],                                               "authorized",                           [0, 0, 10_000, 0, 0]),
        (vec![C.settle("tx1", "60", "failure")],               "authorized",                           [0, 0, 10_000, 0, 0]),
        (vec![settle("60")],                                   "partially_settled",                    [6000, 0, 4000, 6000, 6000]),
        (vec![settle("60"), refund("20")],                     "partially_settled_partially_refunded", [6000, 2000, 4000, 4000, 4000]),
        (vec![settle("60"), refund("60")],                     "partially_settled_refunded",           [6000, 6000, 4000, 0, 0]),
        (vec![settle("100")],                                  "settled",                              [10_000, 0, 0, 10_000, 10_000]),
        (vec![settle("100"), refund("20")],                    "settled_partially_refunded",           [10_000, 2000, 0, 8000, 8000]),
        (vec![settle("100"), refund("100")],                   "refunded",                             [10_000, 10_000, 0, 0, 0]),
        (vec![settle("100"), C.chargeback("cb1", "100")],      "charged_back",                         [10_000, 0, 0, 0, 0]),
        (vec![settle("100"), C.refund("tx2", "20", "failure")], "settled",                             [10_000, 0, 0, 10_000, 10_000]),
    ];
    for (told, status, shown) in figures {
        let steps: Vec<Payload> = [C.authorize("100")]
            .into_iter()
            .chain(told)
            .zip([T0, T1, T2])
            .map(|(step, time)| step.at(time))
            .collect();
        let fields = ["settled", "refunded", "open_to_settle", "refundable", "net_to_merchant"];
        let end = play(&two(), &steps).await.is("status", status).is("currency", "USD");
        assert_eq!(fields.map(|field| number(&end.view, field)), shown, "{:#}", end.view);
        assert_eq!(number(&end.view, "authorized"), 10_000);
    }
}

#[tokio::test]
async fn what_is_under_way_takes_room_but_is_no_money_yet() {
    let end = given([
        C.authorize("100.00").at(T0),
        C.settle("tx1", "60.00", "completed").at(T1),
        C.settle("tx2", "30.00", "accepted").at(T2),
        C.refund("tx3", "20.00", "pending").at(T3),
    ])
    .await;
    end.counts([
        ("settled", 6000),
        ("refunded", 0),
        ("open_to_settle", 1000),
        ("refundable", 4000),
        ("net_to_merchant", 6000),
    ]);
}

#[tokio::test]
async fn a_charge_with_partial_settles_refund_chargeback_and_reversal_adds_up() {
    let end = given([
        C.authorize("100.00").at(T0),
        C.settle("tx1", "60.00", "pending").at(T1),
        C.settle_update("tx1", "60.00", "completed").at(T2),
        C.settle_update("tx1", "60.00", "accepted").at(T3),
        C.refund("tx2", "20.00", "completed").at(T4),
        C.chargeback("cb1", "40.00").at(T5),
        C.chargeback_reversal("cbr1", "40.00").at(T6),
    ])
    .await
    .is("status", "partially_settled_partially_refunded")
    .judged(["applied", "applied", "applied", "stale", "applied", "applied", "applied"])
    .flagged([]);
    assert_eq!(column(items(&end.view, "chargebacks"), "transaction_id"), ["cb1"]);
    end.counts([
        ("authorized", 10_000),
        ("settled", 6000),
        ("refunded", 2000),
        ("charged_back", 4000),
        ("chargebacks_reversed", 4000),
        ("open_to_settle", 4000),
        ("refundable", 4000),
        ("net_to_merchant", 4000),
    ]);
}

#[tokio::test]
async fn a_reversal_waits_for_its_chargeback() {
    let loans = Ledger::charge_after();
    loans.receives(&settled_in_full(C)).await;
    let (chargeback, reversal) =
        (C.chargeback("cb1", "40.00").at(T2), C.chargeback_reversal("cbr1", "40.00").at(T3));
    assert_eq!(loans.receives(&[reversal, chargeback.clone()]).await, ["parked", "applied"]);
    History::of(&loans, &chargeback).await.judged(["applied"; 4]).counts([
        ("charged_back", 4000),
        ("chargebacks_reversed", 4000),
        ("net_to_merchant", 10_000),
    ]);
}

#[tokio::test]
async fn a_reversal_above_the_open_chargebacks_is_refused() {
    let steps = [
        settled_in_full(C),
        vec![C.chargeback("cb1", "40.00").at(T2), C.chargeback_reversal("cbr1", "50.00").at(T3)],
    ];
    let end = play(&two(), &steps.concat()).await;
    end.newest_is("refused reversal_exceeds_chargeback", "50 of 40");
    end.counts([("chargebacks_reversed", 0), ("charged_back", 4000)]);
}

#[tokio::test]
async fn an_operation_cannot_both_be_completed_and_fail() {
    let end = given([
        C.authorize("100.00").at(T0),
        C.settle("tx1", "60.00", "pending").at(T1),
        C.settle_update("tx1", "60.00", "completed").at(T2),
        C.settle_update("tx1", "60.00", "failure").at(T3),
    ])
    .await
    .judged(["applied", "applied", "applied", "refused terminal_conflict"]);
    let conflict = |one: &&Value| one["code"] == "terminal_conflict";
    let exception = end.exceptions.iter().find(conflict).expect("it is listed");
    assert_eq!(exception["severity"], "high");
    end.counts([("settled", 6000)]);
}

#[tokio::test]
async fn a_settle_before_its_authorization_counts_and_is_flagged_until_it_comes() {
    let loans = Ledger::charge_after();
    let settle = C.settle("tx1", "60.00", "completed").at(T1);
    assert_eq!(loans.receive(&settle).await, "applied");
    let early = History::of(&loans, &settle).await.counts([("settled", 6000), ("authorized", 0)]);
    assert!(sorted(&early.view["flags"]).contains(&"authorization_unseen".to_owned()));
    assert_eq!(loans.receive(&C.authorize("100.00").at(T0)).await, "applied");
    History::of(&loans, &settle).await.is("status", "partially_settled").flagged([]);
}

#[tokio::test]
async fn charges_are_listed_by_status_and_application() {
    let loans = Ledger::charge_after();
    loans.receives(&settled_in_full(Charge::new("c1"))).await;
    loans.receive(&Charge::new("c2").authorize("100.00").at(T0)).await;
    loans.receive(&Charge::new("c1").chargeback("cb1", "1.00").at(T2)).await;
    #[rustfmt::skip] // It is a table.
    let asked: [(Filters, &[&str]); 5] = [
        (&[],                                     &["c1", "c2"]),
        (&[("status", "authorized")],             &["c2"]),
        (&[("status", "settled")],                &["c1"]),
        (&[("application_id", "c1-application")], &["c1"]),
        (&[("customer_id", "c1-consumer")],       &["c1"]),
    ];
    for (filters, expected) in asked {
        let rows = loans.list("/v1/charges", filters).await;
        let mut found = column(&rows, "charge_id");
        found.sort_unstable();
        assert_eq!(found, expected, "{filters:?}");
    }
    let wrong = loans.ask("/v1/charges", &[("status", "nonsense")]).await;
    wrong.names("status");
    assert_eq!(loans.ask("/v1/charges/charge-after/none", &[]).await.status, 404);
}

// All 120 orders of five steps, in tests by what comes first: each has its own time.

#[tokio::test]
async fn every_order_that_begins_with_the_authorization_ends_the_same() {
    ends_the_same(0).await;
}

#[tokio::test]
async fn every_order_that_begins_with_the_settle_ends_the_same() {
    ends_the_same(1).await;
}

#[tokio::test]
async fn every_order_that_begins_with_the_update_of_the_settle_ends_the_same() {
    ends_the_same(2).await;
}

#[tokio::test]
async fn every_order_that_begins_with_the_chargeback_ends_the_same() {
    ends_the_same(3).await;
}

#[tokio::test]
async fn every_order_that_begins_with_the_reversal_ends_the_same() {
    ends_the_same(4).await;
}

async fn ends_the_same(first: usize) {
    let history = [
        C.authorize("100.00").at(T0),
        C.settle("tx1", "60.00", "pending").at(T1),
        C.settle_update("tx1", "60.00", "completed").at(T2),
        C.chargeback("cb1", "40.00").at(T3),
        C.chargeback_reversal("cbr1", "40.00").at(T4),
    ];
    let begun_so = orders(&history).into_iter().skip(24 * first).take(24);
    // In the order of time it ends as all others do.
    let all: Vec<_> = [history.to_vec()].into_iter().chain(begun_so).collect();
    let ledgers = Ledger::several_of::<25>("loans", Source::charge_after);
    assert_eq!(all.len(), ledgers.len());
    let mut ends = Vec::new();
    for (loans, order) in ledgers.iter().zip(all) {
        loans.receives(&order).await;
        assert!(loans.receives(&order).await.iter().all(|told| told == "duplicate"));
        ends.push(History::of(loans, &order[0]).await.settled());
    }
    for end in &ends[1..] {
        assert_eq!(end, &ends[0]);
    }
}

#[tokio::test]
async fn any_history_of_a_charge_ends_the_same_in_any_order_and_adds_up() {
    let ledgers = Ledger::several_of::<3>("loans", Source::charge_after);
    let mut dice = Dice::seeded(34);
    for nth in 0..30 {
        let id = format!("c{nth}");
        let steps: Vec<Payload> = (0..=dice.roll(6)).map(|_| random_step(&mut dice, &id)).collect();
        adds_up(&converge(&ledgers, &mut dice, &steps).await.view);
    }
    for loans in &ledgers {
        loans.adds_up().await;
    }
}

/// Legal or not.
fn random_step(dice: &mut Dice, id: &str) -> Payload {
    let charge = Charge::new(id);
    let amount = dice.pick(&["100", "60.00", "40.5"]);
    let (transaction, state) = (dice.pick(&["tx1", "tx2"]), dice.pick(&OPERATION_STATES));
    let step = match dice.roll(8) {
        0 => charge.authorize("100.00"),
        1 => charge.settle(transaction, amount, state),
        2 | 3 => charge.settle_update(transaction, amount, state),
        4 => charge.refund(transaction, amount, state),
        5 => charge.refund_update(transaction, amount, state),
        6 => charge.chargeback(dice.pick(&["cb1", "cb2"]), amount),
        _ => charge.chargeback_reversal("cbr1", amount),
    };
    step.at(dice.pick(&[T0, T1, T2, T3, T4, T5, T6]))
}

/// The figures of a charge against its operations, by the formulas of DOMAIN.md 3.6.
fn adds_up(view: &Value) {
    let sum = |kind: &str, counted: &[&str]| -> i64 {
        let counts = |one: &&Value| one["kind"] == kind && counted.contains(&text(one, "state"));
        items(view, "operations").iter().filter(counts).map(|one| number(one, "amount")).sum()
    };
    let figure = |field| number(view, field);
    let (settled, refunded) = (sum("settle", &["completed"]), sum("refund", &["completed"]));
    let not_failed = ["pending", "accepted", "completed"];
    let charged_back: i64 =
        items(view, "chargebacks").iter().map(|one| number(one, "amount")).sum();
    let open = charged_back - figure("chargebacks_reversed");
    assert!(open >= 0, "{view:#}");
    let room = (figure("authorized") - sum("settle", &not_failed)).max(0);
    #[rustfmt::skip] // It is a table.
    let expected = [
        ("settled",         settled),
        ("refunded",        refunded),
        ("charged_back",    charged_back),
        ("open_to_settle",  room),
        ("net_to_merchant", settled - refunded - open),
    ];
    for (field, amount) in expected {
        assert_eq!(figure(field), amount, "{field} of {view:#}");
    }
}

fn operation<'a>(charge: &'a Value, kind: &str, transaction: &str) -> &'a Value {
    let is_it = |one: &&Value| one["kind"] == kind && one["lender_transaction_id"] == transaction;
    items(charge, "operations").iter().find(is_it).expect("the operation is listed")
}

/// Plays the steps in order, and backwards with repeats, on a service of its own.
async fn given<const N: usize>(steps: [Payload; N]) -> History {
    play(&two(), &steps).await
}

fn two() -> [Ledger; 2] {
    Ledger::several_of("loans", Source::charge_after)
}
