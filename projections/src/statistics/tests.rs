use creditrail_domain::{
    Currency, Money, StepId,
    transaction::{Kind, Report, TransactionFact},
};

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn lag_of(occurred_at: &str, clock_fault: Option<ClockFault>) -> &'static str {
    let amount = Money { minor: 100, currency: Currency::from_code("USD").unwrap() };
    lag(&Step {
        id: StepId::derive("imprint", "key", "content"),
        key: "key".to_owned(),
        content: "content".to_owned(),
        occurred_at: occurred_at.parse().unwrap(),
        clock_fault,
        received_at: "2026-03-02T12:00:00Z".parse().unwrap(),
        origin: Origin::Delivery,
        outside_window: false,
        pan_masked: false,
        key_taken_by: None,
        told_by: None,
        fact: TransactionFact {
            report: Report::new(Kind::Approve, amount),
            customer_id: "customer-1".to_owned(),
            partner_customer_id: None,
            payment_method_id: "card-1".to_owned(),
            intent_id: None,
            authorization_code: None,
            network_transaction_id: None,
            purchase_method: None,
            merchant: None,
        },
    })
}

#[test]
fn a_lag_is_the_first_that_it_is_not_longer_than() {
    for (occurred_at, expected) in [
        ("2026-03-02T12:00:00.000001Z", "before"),
        ("2026-03-02T12:00:00Z", "1s"),
        ("2026-03-02T11:59:59Z", "1s"),
        ("2026-03-02T11:59:58.999999Z", "10s"),
        ("2026-03-02T11:59:50Z", "10s"),
        ("2026-03-02T11:59:00Z", "1m"),
        ("2026-03-02T11:50:00Z", "10m"),
        ("2026-03-02T11:00:00Z", "1h"),
        ("2026-03-01T12:00:00Z", "1d"),
        ("2026-03-01T11:59:59Z", "more"),
    ] {
        assert_eq!(lag_of(occurred_at, None), expected, "{occurred_at}");
        assert_eq!(lag_of(occurred_at, Some(ClockFault::Missing)), "untimed");
        assert_eq!(lag_of(occurred_at, Some(ClockFault::ZoneAssumed)), expected);
    }
}

#[test]
fn a_week_is_named_by_its_monday() {
    for (given, monday) in [
        ("2026-03-02", "2026-03-02"),
        ("2026-03-08", "2026-03-02"),
        ("2026-01-01", "2025-12-29"),
        ("2024-02-29", "2024-02-26"),
    ] {
        assert_eq!(What::Applications.period(day(given)), day(monday));
        assert_eq!(What::Deliveries.period(day(given)), day(given));
    }
}

#[test]
fn a_span_of_days_is_a_range_of_keys() {
    let (from, to) = What::Deliveries.keys(day("2026-02-28"), day("2026-03-02"));
    let is_in = |key: &str| from.as_str() <= key && key < to.as_str();
    for within in ["2026-02-28/applied", "2026-03-01/x", "2026-03-02/", "2026-03-02/~\u{10ffff}"] {
        assert!(is_in(&format!("deliveries/{within}")), "{within}");
    }
    for without in ["deliveries/2026-02-27/z", "deliveries/2026-03-03/a", "lag/2026-03-01/1s"] {
        assert!(!is_in(without), "{without}");
    }
    let (from, _) = What::Declines.keys(day("2026-03-04"), day("2026-03-04"));
    assert_eq!(from, "declines/2026-03-02", "the week as a whole");
}

#[test]
fn a_label_may_have_any_sign_in_it() {
    let at = "2026-03-04T12:00:00Z".parse().unwrap();
    let key = What::Declines.key(at, "lender:a/b");
    assert_eq!(read_key(&key), Some(("2026-03-02", "lender:a/b")));
}
