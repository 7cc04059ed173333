//! Any order and any repetition of the same webhooks ends in the same state and the same open
//! exceptions.

use serde_json::{Value, json};

use crate::support::{
    Card, Dice, History, Ledger, T0, T1, T2, T3, T4, T5, T6, Tx, Webhook, converge, fixtures,
    number, orders, settled, text,
};

const TIMES: [&str; 7] = [T0, T1, T2, T3, T4, T5, T6];

#[tokio::test]
async fn all_24_orders_of_the_seeds_purchase_each_twice_end_in_the_printed_totals() {
    let ledgers = Ledger::several::<24>();
    let mut ends = Vec::new();
    for (imprint, order) in ledgers.iter().zip(orders(&fixtures::FOUR_STEPS)) {
        let twice: Vec<&str> = order.iter().chain(&order).copied().collect();
        ends.push(end_of_the_purchase(imprint, &twice).await);
    }
    let [first, others @ ..] = ends.as_slice() else { panic!("24 ends") };
    for (nth, end) in others.iter().enumerate() {
        assert_eq!(first, end, "order 0 against order {}", nth + 1);
    }
}

#[tokio::test]
async fn repeats_in_between_change_nothing() {
    let [calm, hasty] = Ledger::several::<2>();
    let mut dice = Dice::seeded(24);
    let each_twice = fixtures::FOUR_STEPS.repeat(2);
    assert_eq!(
        end_of_the_purchase(&calm, &each_twice).await,
        end_of_the_purchase(&hasty, &dice.shuffled(&each_twice)).await
    );
}

/// Receives eight deliveries, four of them repeats, and checks all that the seeds say about the
/// end.
async fn end_of_the_purchase(imprint: &Ledger, deliveries: &[&str]) -> Value {
    for body in deliveries {
        imprint.deliver(body).await;
    }
    let purchase = imprint.transaction(fixtures::PURCHASE).await;
    let fields = ["authorized", "captured", "refunded", "hold"];
    assert_eq!(fields.map(|field| number(&purchase, field)), [3451, 3451, 3451, 0]);
    assert_eq!(text(&purchase, "status"), "captured");
    assert_eq!(text(&purchase, "refund_status"), "full");

    let counts = imprint.counts().await;
    assert_eq!(number(&counts, "received"), 8);
    assert_eq!(number(&counts["outcomes"], "applied"), 4);
    assert_eq!(number(&counts["outcomes"], "duplicate"), 4);
    assert_eq!(counts["balanced"], true);

    let buyer = imprint.customer(fixtures::BUYER).await;
    json!({
        "purchase": settled(&purchase),
        "balances": settled(&buyer["balances"]),
        "exceptions": open_exceptions(imprint).await,
    })
}

#[tokio::test]
async fn a_key_that_is_used_again_for_other_content_is_refused_in_both_orders() {
    let ledgers = Ledger::several::<2>();
    let tx = Tx::new("t1");
    let uses = [
        tx.approved(5000).at(T1),
        tx.captured(5000).event("used-again").at(T2),
        tx.captured(5001).event("used-again").at(T2),
    ];
    let mut turned = uses.clone();
    turned.reverse();
    let [one, other] = &ledgers;
    one.receives(&uses).await;
    other.receives(&turned).await;

    let (end, other_end) = (History::of(one, &uses[0]).await, History::of(other, &uses[0]).await);
    assert_eq!(end.settled(), other_end.settled());
    for imprint in &ledgers {
        let exception = imprint.exception("key_reused").await;
        assert_eq!((text(&exception, "kind"), text(&exception, "status")), ("refused", "open"));
        let counts = imprint.counts().await;
        assert_eq!(number(&counts["outcomes"], "refused"), 1);
        assert_eq!(number(&counts["outcomes"], "duplicate"), 0);
        // Exactly one of the two counts.
        let captured = number(&imprint.transaction("t1").await, "captured");
        assert!([5000, 5001].contains(&captured), "{captured}");
    }
}

#[tokio::test]
async fn both_uses_of_a_key_are_known_for_ever() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    let (first, second) = (tx.captured(5000).event("one"), tx.captured(5001).event("one"));
    imprint.receives(&[first.clone(), second.clone()]).await;
    let again = imprint.receives(&[first, second]).await;
    assert_eq!(again, ["duplicate", "duplicate"]);
    imprint.adds_up().await;
}

#[tokio::test]
async fn the_same_content_in_another_layout_is_a_duplicate() {
    let imprint = Ledger::fresh();
    let told = imprint.deliver(fixtures::APPROVED).await;
    let content: Value = serde_json::from_str(fixtures::APPROVED).unwrap();
    for layout in [
        content.to_string(),
        format!("\n\t{}  ", fixtures::APPROVED.replace(": ", " :  ")),
        fixtures::APPROVED.replace("New York", "New Y\\u006frk"),
    ] {
        let again = imprint.deliver(layout).await;
        assert_eq!(again["outcome"], "duplicate");
        assert_eq!(again["delivery_id"], told["delivery_id"]);
    }
}

#[tokio::test]
async fn any_history_of_a_transaction_ends_the_same_in_any_order() {
    let ledgers = Ledger::several::<3>();
    let mut dice = Dice::seeded(3451);
    for nth in 0..30 {
        let id = format!("t{nth}");
        let steps = random_steps(&mut dice, &id);
        let end = converge(&ledgers, &mut dice, &steps).await;
        let figure = |field| number(&end.view, field);
        let (hold, authorized) = (figure("hold"), figure("authorized"));
        assert!((0..=authorized).contains(&hold), "{:#}", end.view);
    }
    for imprint in &ledgers {
        imprint.adds_up().await;
    }
}

/// Up to six steps, legal or not: among them other currencies, other customers and keys used again.
fn random_steps(dice: &mut Dice, id: &str) -> Vec<Webhook> {
    let mut steps = Vec::new();
    for nth in 0..=dice.roll(6) {
        let kinds = ["APPROVED", "UPDATED", "VOIDED", "CAPTURED", "CAPTURED", "REFUNDED"];
        let (kind, amount) = (dice.pick(&kinds), dice.pick(&[0, 1000, 2000, 5000, 8000]));
        let mut step = Tx::new(id).step(kind, amount).at(dice.pick(&TIMES));
        // One in twelve takes the key of the step before.
        let key = if dice.roll(12) == 0 { nth.max(1) - 1 } else { nth };
        step = step.event(&format!("{id}-event-{key}"));
        if dice.roll(12) == 0 {
            step = step.currency("EUR");
        }
        if dice.roll(12) == 0 {
            step = step.customer("another");
        }
        steps.push(step);
    }
    steps
}

#[tokio::test]
async fn any_history_of_a_card_ends_the_same_in_any_order() {
    let ledgers = Ledger::several::<3>();
    let mut dice = Dice::seeded(72);
    for nth in 0..30 {
        let id = format!("c{nth}");
        let card = Card::of_type(&id, dice.pick(&["VIRTUAL", "PHYSICAL"]));
        let states = ["ACTIVE", "INACTIVE", "CANCELED"];
        let mut times = dice.shuffled(&TIMES);
        times.truncate(1 + dice.roll(6));
        let mut step = |time: &&str| {
            let (previous, new) = (dice.pick(&states), dice.pick(&states));
            let step = [card.is(new), card.moves(previous, new)][dice.roll(2)].clone();
            step.at(time)
        };
        let steps: Vec<Webhook> = times.iter().map(&mut step).collect();
        converge(&ledgers, &mut dice, &steps).await;
    }
}

async fn open_exceptions(imprint: &Ledger) -> Vec<Value> {
    let open = imprint.exceptions(&[("status", "open")]).await;
    let mut open: Vec<Value> = open.iter().map(settled).collect();
    open.sort_by_key(Value::to_string);
    open
}
