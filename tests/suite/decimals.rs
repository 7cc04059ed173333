//! Decimal texts become integers of minor units and pass through no float on the way: G35.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use crate::support::{Charge, Ledger, Loan, Service, Source, T0, T1, T2, items, number, text};

#[tokio::test]
async fn an_amount_is_taken_as_it_is_written_or_not_at_all() {
    #[rustfmt::skip] // It is a table.
    let amounts = [
        ("USD", "1000.10",                        Some(100_010)),
        ("USD", "0.29",                           Some(29)),
        ("USD", "1.005e3",                        Some(100_500)),
        ("USD", "1e2",                            Some(10_000)),
        ("USD", "9007199254740993.01",            Some(900_719_925_474_099_301)),
        ("USD", "123.455",                        None),
        ("USD", "0.001",                          None),
        ("USD", "1e-3",                           None),
        ("USD", "\"12.30\"",                      None),
        ("USD", "-1",                             None),
        ("USD", "-0.01",                          None),
        ("USD", "null",                           None),
        ("USD", "true",                           None),
        ("USD", "{}",                             None),
        ("USD", "[1]",                            None),
        ("USD", "12.",                            None),
        ("USD", ".5",                             None),
        ("USD", "+1",                             None),
        ("USD", "1e400",                          None),
        ("USD", "1e99999999999",                  None),
        ("USD", "123456789012345678901234567890", None),
        ("JPY", "5000",                           Some(5000)),
        ("JPY", "5e3",                            Some(5000)),
        ("JPY", "5000.5",                         None),
        ("KWD", "1.234",                          Some(1234)),
        ("KWD", "0.1",                            Some(100)),
        ("KWD", "1.2345",                         None),
    ];
    let [dollars, yen, dinars] = three_currencies();
    for (nth, (currency, token, minor)) in amounts.into_iter().enumerate() {
        let loans =
            [&dollars, &yen, &dinars].into_iter().find(|one| one.source == source_of(currency));
        let loans = loans.expect("a source of this currency");
        let id = format!("a{nth}");
        let told = loans.delivers(&Loan::new(&id).lender("L1").approved(token)).await;
        let outcome = if minor.is_some() { "applied" } else { "malformed" };
        assert_eq!(told["outcome"], outcome, "{token} {currency}");
        if let Some(minor) = minor {
            let track = &items(&loans.application(&id).await, "lenders")[0].clone();
            assert_eq!(
                (number(track, "amount"), text(track, "currency")),
                (minor, currency),
                "{token}"
            );
        }
    }
    for loans in [dollars, yen, dinars] {
        loans.adds_up().await;
    }
}

#[tokio::test]
async fn a_malformed_amount_is_named_and_kept_as_it_was_written() {
    let loans = Ledger::charge_after();
    let charge = Charge::new("c1");
    for step in [
        charge.authorize("123.455"),
        charge.settle("tx1", "123.455", "completed"),
        charge.chargeback("cb1", "123.455"),
    ] {
        let told = loans.delivers(&step).await;
        assert_eq!(told["outcome"], "malformed");
        let kept = loans.delivery(&told).await;
        assert!(text(&kept, "body").contains("123.455"), "{kept:#}");
        assert!(text(&kept, "message").contains("amount"), "{kept:#}");
    }
    assert!(loans.list("/v1/charges", &[]).await.is_empty());
    loans.adds_up().await;
}

#[tokio::test]
async fn a_tenth_and_two_tenths_are_three_tenths() {
    let loans = Ledger::charge_after();
    let charge = Charge::new("c1");
    loans
        .receives(&[
            charge.authorize("0.3").at(T0),
            charge.settle("tx1", "0.1", "completed").at(T1),
            charge.settle("tx2", "0.2", "completed").at(T2),
        ])
        .await;
    let seen = loans.charge("c1").await;
    assert_eq!((number(&seen, "settled"), number(&seen, "authorized")), (30, 30));
    assert_eq!((text(&seen, "status"), number(&seen, "open_to_settle")), ("settled", 0));
}

/// Chance is seeded: a failure prints the smallest text that fails, and comes again.
#[test]
fn any_decimal_is_read_as_its_digits_say() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let [dollars, yen, dinars] = three_currencies();
    let nth = Cell::new(0);
    let config = Config {
        cases: 200,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(123_455),
        ..Config::default()
    };
    let ran = TestRunner::new(config).run(&decimals(), |token| {
        nth.set(nth.get() + 1);
        let id = format!("a{}", nth.get());
        for (loans, places) in [(&dollars, 2), (&yen, 0), (&dinars, 3)] {
            let told =
                runtime.block_on(loans.delivers(&Loan::new(&id).lender("L1").approved(&token)));
            match minor_units(&token, places) {
                Reading::Exact(minor) => {
                    prop_assert_eq!(&told["outcome"], "applied");
                    let seen = runtime.block_on(loans.application(&id));
                    prop_assert_eq!(seen["lenders"][0]["amount"].as_i64(), Some(minor));
                }
                Reading::TooFine => prop_assert_eq!(&told["outcome"], "malformed"),
                // 12.340 USD: more digits than there are, and none of them lost.
                Reading::Padded => {}
            }
        }
        Ok(())
    });
    match ran {
        Ok(()) => {}
        Err(TestError::Fail(why, token)) => panic!("{token}: {why}"),
        Err(other) => panic!("{other}"),
    }
}

/// Numbers as JSON writes them, up to a billion.
fn decimals() -> impl Strategy<Value = String> {
    let fraction = prop_oneof![
        Just(String::new()),
        (1_usize..=4, 0_u32..10_000).prop_map(|(width, digits)| {
            let digits = format!("{digits:04}");
            format!(".{}", &digits[4 - width..])
        }),
    ];
    let exponent = prop_oneof![
        3 => Just(String::new()),
        1 => (prop_oneof![Just("e"), Just("E")], prop_oneof![Just(""), Just("+"), Just("-")], 0_u32..4)
            .prop_map(|(letter, sign, power)| format!("{letter}{sign}{power}")),
    ];
    (0_u64..1_000_000, fraction, exponent)
        .prop_map(|(whole, fraction, exponent)| format!("{whole}{fraction}{exponent}"))
}

enum Reading {
    Exact(i64),
    /// A digit that counts is below the smallest unit.
    TooFine,
    /// Only zeros are below it.
    Padded,
}

/// The reference: it moves the point among the digits of the text, and computes nothing.
fn minor_units(token: &str, places: i32) -> Reading {
    let (mantissa, power) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let power: i32 = power.parse().expect("a small exponent");
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).expect("short") + power + places;
    let length = i32::try_from(digits.len()).expect("short");
    if point > length {
        digits += &"0".repeat(usize::try_from(point - length).expect("positive"));
    }
    if point < 0 {
        digits.insert_str(0, &"0".repeat(usize::try_from(-point).expect("positive")));
    }
    let (units, below) = digits.split_at(usize::try_from(point.max(0)).expect("positive"));
    if below.contains(|digit| digit != '0') {
        Reading::TooFine
    } else if !below.is_empty() {
        Reading::Padded
    } else {
        Reading::Exact(if units.is_empty() { 0 } else { units.parse().expect("digits") })
    }
}

fn source_of(currency: &str) -> String {
    format!("loans-{}", currency.to_lowercase())
}

/// Of none, two and three decimals.
fn three_currencies() -> [Ledger; 3] {
    let codes = ["USD", "JPY", "KWD"];
    let sources = codes.map(|code| Source::charge_after(&source_of(code)).currency(code));
    let dollars = Ledger::of(Service::start(&sources), &source_of("USD"));
    codes.map(|code| dollars.beside(&source_of(code)))
}
