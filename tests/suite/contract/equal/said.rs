//! What the three lenders say: histories in disorder, with repetitions, other content under a known
//! key, and much that is refused or cannot be read.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::{super::fresh::NOW, IMPRINT, LOANS, ONBOARDING, kind};
use crate::support::{
    Card, Charge, Dice, Loan, Onboarding, Payload, T0, T1, T2, T3, T4, T5, T6, Track, Tx, Webhook,
    decision, link,
};

const SEED: u64 = 7;
const TIMES: [&str; 7] = [T0, T1, T2, T3, T4, T5, T6];
/// Signed before the window.
const LONG_AGO: &str = "2025-02-25T12:00:00Z";

/// The headers and the body of one call.
pub type Call = (HeaderMap, Bytes);

/// Ten thousand. Every other stretch comes in disorder.
pub fn imprint() -> Vec<Call> {
    let histories = (0..).flat_map(|nth| history(nth).into_iter().chain(odd(nth)));
    let mut bodies: Vec<String> = histories.take(10_000).collect();
    let mut dice = Dice::seeded(SEED);
    for stretch in bodies.chunks_mut(400).step_by(2) {
        let shuffled = dice.shuffled(stretch);
        stretch.clone_from_slice(&shuffled);
    }
    let now = kind(IMPRINT).time(NOW / 1_000_000);
    bodies.into_iter().map(|body| call(IMPRINT, body, &now)).collect()
}

/// A thousand. Each is signed when it happened.
pub fn onboarding() -> Vec<Call> {
    let mut dice = Dice::seeded(SEED);
    let mut said = Vec::new();
    for nth in 0.. {
        said.extend(an_onboarding(nth, &mut dice));
        said.extend(odd_onboarding(nth));
        if said.len() >= 1000 {
            break;
        }
    }
    let said = in_disorder(&said, &mut dice).into_iter();
    said.map(|(body, signed_at)| call(ONBOARDING, body, &signed_at)).collect()
}

/// A thousand.
pub fn loans() -> Vec<Call> {
    let mut dice = Dice::seeded(SEED);
    let mut said = Vec::new();
    for nth in 0.. {
        let steps = an_application(nth, &mut dice).into_iter().chain(a_charge(nth, &mut dice));
        said.extend(steps.map(|step| step.body()));
        said.extend(odd_loan(nth));
        if said.len() >= 1000 {
            break;
        }
    }
    in_disorder(&said, &mut dice).into_iter().map(|body| call(LOANS, body, "")).collect()
}

/// Every other stretch as it is, and some of it once more.
fn in_disorder<T: Clone>(said: &[T], dice: &mut Dice) -> Vec<T> {
    let mut all = Vec::new();
    for (nth, stretch) in said.chunks(50).enumerate() {
        let mut stretch = stretch.to_vec();
        stretch.extend((0..3).map(|_| dice.pick(&stretch)).collect::<Vec<_>>());
        all.extend(if nth.is_multiple_of(2) { dice.shuffled(&stretch) } else { stretch });
    }
    all
}

fn call(source: &str, body: String, time: &str) -> Call {
    let kind = kind(source);
    let headers = kind.headers(kind.secret(), time, body.as_bytes()).into_iter();
    let headers = headers.map(|(name, value)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::try_from(value).unwrap())
    });
    (headers.collect(), Bytes::from(body))
}

// --- Imprint ---

/// Four steps.
fn history(nth: usize) -> Vec<String> {
    let (id, amount) = (format!("t{nth}"), i64::try_from(nth).unwrap());
    let tx = Tx::new(&id);
    let last = if nth.is_multiple_of(7) { tx.voided(amount) } else { tx.refunded(amount) };
    let steps = [
        tx.approved(5000 + amount).at(T1),
        tx.updated(8000).at(T3),
        tx.captured(3451 + amount).at(T4),
        last.at(T5),
    ];
    of_customer(nth, steps)
}

/// What comes after the history of this number, if anything.
fn odd(nth: usize) -> Vec<String> {
    let (id, other) = (format!("t{nth}"), format!("t{}", nth.saturating_sub(7)));
    let (tx, card) = (Tx::new(&id), Card::virtual_card(&id));
    let [partner, stranger] = [format!("P'{}", nth / 40), format!("stranger-{nth}")];
    let capture = tx.captured(1).at(T4);
    match nth % 20 {
        0 => vec![format!("no json {nth}"), "no json".to_owned()],
        1 => vec![json!({"object": "REWARD", "data": {"id": nth}}).to_string()],
        // Older than what the lender said before: stale.
        2 => of_customer(nth, [tx.updated(6000).at(T2)]),
        // A repetition, and other content under the same key.
        3 => of_customer(nth, [capture.clone(), capture.clone(), capture.at(T5)]),
        5 => of_customer(nth, [tx.approved(7000).event(&format!("{id}-again")).at(T2)]),
        // The key of a step of another transaction.
        7 => of_customer(nth, [capture.event(&other)]),
        // Never approved.
        9 => of_customer(nth, [Tx::new(&format!("lost-{nth}")).voided(5).at(T3)]),
        11 => of_customer(
            nth,
            [
                card.is("ACTIVE").at(T1),
                card.moves("ACTIVE", "INACTIVE").partner(&partner).at(T2),
                card.moves("INACTIVE", "ACTIVE").at(T3),
            ],
        ),
        // Two customers with one id of the partner.
        13 => [link(&format!("c{}", nth / 5), &partner), link(&stranger, &partner)]
            .map(|link| link.body())
            .into(),
        15 => of_customer(
            nth,
            [
                decision("ACCEPTED").partner(&partner),
                decision("REJECTED").partner(&partner).created_at(T0),
            ],
        ),
        17 => of_customer(nth, [capture.with("amount", json!("1,00"))]),
        19 => of_customer(nth, [tx.captured(i64::MAX).event(&format!("{id}-all")).at(T6)]),
        _ => Vec::new(),
    }
}

/// Five histories in a row are those of one customer.
fn of_customer<const N: usize>(nth: usize, webhooks: [Webhook; N]) -> Vec<String> {
    webhooks.map(|webhook| webhook.customer(&format!("c{}", nth / 5)).body()).into()
}

// --- card onboarding ---

/// What is said of one onboarding, and when it is signed.
fn an_onboarding(nth: usize, dice: &mut Dice) -> Vec<(String, String)> {
    let id = format!("o{nth}");
    let o = Onboarding::new(&id);
    let [one, other] = ["first", "second"]
        .map(|session| o.signing_created(&format!("https://sign.example/{id}/{session}?key=4c1f")));
    let reasons = ["KYC_DENIAL", "CREDIT_SCORING_DENIAL", "INVALID_DOCUMENTS", "A_NEW_REASON"];
    let codes = ["INTERNAL_ERROR", "ADDRESS_MISMATCH", "TIMEOUT", "A_NEW_CODE"];
    let rejected = o.rejected(dice.pick(&reasons));
    let (failed, signed) = (o.failed(dice.pick(&codes)), o.signing_completed());
    let completed = o.completed(&format!("engagement-{nth}"));
    let steps = match dice.roll(9) {
        0..3 => vec![one, signed, completed],
        3 => vec![one, rejected],
        4 => vec![failed, one, signed, completed],
        // What comes before is missing.
        5 => vec![completed],
        6 => vec![signed, rejected],
        7 => vec![one],
        _ => dice.shuffled(&[one, other, signed, completed, rejected, failed]),
    };
    let from = dice.roll(2);
    let steps = steps.into_iter().zip(&TIMES[from..]);
    steps.map(|(step, time)| (step.body(), (*time).to_owned())).collect()
}

/// What comes after the onboarding of this number, if anything.
fn odd_onboarding(nth: usize) -> Vec<(String, String)> {
    let id = format!("o{nth}");
    let o = Onboarding::new(&id);
    let said = match nth % 11 {
        0 => vec![(format!("no json {nth}"), T1), ("{\"signingUrl\":\"https://cut".to_owned(), T1)],
        1 => vec![(o.step("ONBOARDING_PAUSED").body(), T2)],
        2 => vec![(o.signing_created("").without("signingUrl").body(), T2)],
        3 => vec![(o.completed("another").body(), T6)],
        // The same, spaced and signed otherwise.
        4 => vec![
            (o.signing_completed().body(), T5),
            (format!(" {} ", o.signing_completed().body()), T6),
        ],
        5 => vec![(o.signing_created("https://sign.example/late").body(), LONG_AGO)],
        6 => vec![(o.failed("TIMEOUT").with("note", json!("card 4111111111111111")).body(), T4)],
        7 => {
            vec![(o.rejected("KYB_DENIAL").with("signingUrl", json!(["in", "a list"])).body(), T3)]
        }
        _ => Vec::new(),
    };
    said.into_iter().map(|(body, time)| (body, time.to_owned())).collect()
}

// --- ChargeAfter ---

/// An application with up to three lenders, of whom each says up to four things.
fn an_application(nth: usize, dice: &mut Dice) -> Vec<Payload> {
    let id = format!("a{nth}");
    let loan = Loan::new(&id);
    let mut steps = vec![loan.created().at(T0)];
    for lender in ["l'1", "l\"2", "l3"].into_iter().take(1 + dice.roll(3)) {
        let track = loan.lender(lender);
        let first = dice.roll(3);
        for time in &TIMES[first..first + 1 + dice.roll(4)] {
            steps.extend(says(&track, nth, dice).into_iter().map(|step| step.at(time)));
        }
    }
    steps
}

/// One thing, some under both of its names.
fn says(track: &Track<'_>, nth: usize, dice: &mut Dice) -> Vec<Payload> {
    let (amount, token) = (format!("{}.50", 100 + nth), format!("token-of-{nth}"));
    match dice.roll(10) {
        0 => vec![track.prequalified(&amount), track.account_prequalified(&amount)],
        1 => vec![track.account_approved(&amount)],
        2 | 3 => vec![track.approved(&amount), track.account_approved(&amount)],
        4 => vec![track.pending_lender("look"), track.account_pending_lender()],
        5 => vec![track.pending_consumer("sign")],
        6 => vec![track.pending_merchant("ship")],
        7 => vec![dice.pick(&[track.declined(), track.account_declined(), track.cancelled()])],
        8 => vec![track.apply_confirmed(&amount, &token)],
        _ => vec![track.confirmed(&amount, &token), track.apply_confirmed(&amount, &token)],
    }
}

/// A charge, and what becomes of it.
fn a_charge(nth: usize, dice: &mut Dice) -> Vec<Payload> {
    let id = format!("c{nth}");
    let charge = Charge::new(&id);
    let states = ["pending", "accepted", "completed", "failure"];
    let state = dice.pick(&states);
    let mut steps = vec![charge.settle("s1", "60.00", "pending").at(T1)];
    if dice.roll(6) > 0 {
        steps.push(charge.authorize("100.00").at(T0));
    }
    let more = [
        charge.settle_update("s1", "60.00", dice.pick(&states)).at(T2),
        charge.settle_update("s1", "60.00", state).at(T3),
        charge.settle("s2", "40.00", state).at(T2),
        charge.refund("r1", "60.00", state).at(T3),
        charge.refund_update("r1", "60.00", dice.pick(&states)).at(T4),
        charge.chargeback("b1", "60").at(T4),
        charge.chargeback_reversal("b1", "60").at(T5),
        charge.chargeback_reversal("b2", "1").at(T5),
    ];
    steps.extend(dice.shuffled(&more).into_iter().take(dice.roll(6)));
    steps
}

/// What comes after the application and the charge of this number, if anything.
fn odd_loan(nth: usize) -> Vec<String> {
    let (id, of_charge) = (format!("a{nth}"), format!("c{nth}"));
    let (track, charge) = (Loan::new(&id).lender("l3"), Charge::new(&of_charge));
    match nth % 9 {
        0 => vec![format!("no json {nth}"), "{\"token\":\"cut".to_owned()],
        1 => vec![Loan::new(&id).created().with("eventType", json!("application.paused")).body()],
        // Other content under the same key.
        2 => vec![charge.authorize("99.00").at(T0).body()],
        3 => vec![track.approved("1,00").body(), track.approved("1.005").at(T2).body()],
        4 => vec![charge.settle("s3", "5.00", "frozen").at(T3).body()],
        5 => vec![charge.settle_update("s1", "60.00", "pending").at(T6).body()],
        6 => vec![track.declined().without("lenderId").body(), charge.authorize("7").at(T2).body()],
        7 => vec![track.declined().at(T2).body(), track.approved("5").at(T4).body()],
        _ => Vec::new(),
    }
}
