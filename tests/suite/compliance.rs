//! What is counted from decisions: notices, retention, from when to apply again.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{
    Answer, Ledger, Loan, Onboarding, Payload, T0, T1, T2, T3, decision, instant, text,
};

const O: Onboarding = Onboarding::new("o1");
const A: Loan = Loan::new("a1");
const NOTICE: &[(&str, &str)] = &[("kind", "adverse_action_notice")];

#[tokio::test]
async fn a_rejection_is_to_be_told_within_30_days_and_kept_for_25_months() {
    let imprint = Ledger::fresh();
    let rejected = decision("REJECTED").partner("p").at("2024-01-31T12:00:00Z");
    assert_eq!(imprint.receive(&rejected).await, "applied");
    let clocks = clocks(&imprint, &[]).await;
    let due: Vec<_> = clocks.iter().map(|row| (text(row, "kind"), text(row, "due_at"))).collect();
    // A leap year, and a shorter month two years later.
    let expected = [
        ("adverse_action_notice", "2024-03-01T12:00:00Z"),
        ("retention_end", "2026-02-28T12:00:00Z"),
    ];
    assert_eq!(due, expected);
    let [notice, retention] = &clocks[..] else { panic!("{clocks:#?}") };
    assert_eq!(text(notice, "basis"), "Regulation B, 12 CFR 1002.9(a)(1)(i)");
    assert_eq!(text(retention, "basis"), "Regulation B, 12 CFR 1002.12(b)(1)");
    assert_eq!(text(notice, "partner_customer_id"), "p");
    let application = imprint.application(text(&notice["subject"], "id")).await;
    assert_eq!(application["steps"][0]["id"], notice["started_by"]);
    // Nobody has answered it, and its time is long past.
    assert_eq!((text(notice, "status"), &notice["due_within_days"]), ("past", &json!(0)));
}

#[tokio::test]
async fn an_acceptance_asks_for_no_notice() {
    let imprint = Ledger::fresh();
    imprint.receive(&decision("OFFER_ACCEPTED").customer("a")).await;
    let clocks = clocks(&imprint, &[]).await;
    assert_eq!(clocks.len(), 1, "{clocks:#?}");
    assert_eq!(text(&clocks[0], "kind"), "retention_end");
}

#[tokio::test]
async fn who_was_denied_may_apply_again_from_the_day_that_the_lender_named() {
    let nordiska = Ledger::onboarding();
    nordiska.receive(&O.rejected("CREDIT_SCORING_DENIAL").at("2024-11-30T10:00:00Z")).await;
    let [again] = &clocks(&nordiska, &[("kind", "reapply_from")]).await[..] else { panic!() };
    assert_eq!(again["due_at"], "2025-02-28T00:00:00Z");
    assert_eq!((text(again, "status"), text(again, "basis")), ("past", "the lender's policy"));
    sent(&nordiska, again, &json!({"reason": "a letter"}))
        .await
        .is_problem(400, "invalid_parameter");
}

#[tokio::test]
async fn a_warning_becomes_more_urgent_as_the_day_comes_near() {
    let (day, now) = (SignedDuration::from_hours(24), Timestamp::now());
    #[rustfmt::skip] // It is a table.
    let decided = [
        (0,  "open", json!(null)), (19, "open", json!(null)), (21, "open", json!(10)),
        (26, "open", json!(5)),    (29, "open", json!(1)),    (31, "past", json!(0)),
    ];
    let nordiska = Ledger::onboarding();
    for (days, status, within) in &decided {
        let id = format!("after-{days}");
        let at = (now - day * *days - SignedDuration::from_mins(5)).to_string();
        nordiska.receive(&Onboarding::new(&id).rejected("KYC_DENIAL").at(&at)).await;
        let found = clocks(&nordiska, NOTICE).await;
        let row = found.iter().find(|row| row["subject"]["id"] == id).expect("it is counted");
        assert_eq!((text(row, "status"), &row["due_within_days"]), (*status, within), "{days}");
    }
    // The first to run out comes first, and the filters go by the clock.
    let of = async |filters: &[(&str, &str)]| {
        let found = clocks(&nordiska, filters).await;
        found.iter().map(|row| text(&row["subject"], "id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&[NOTICE[0], ("status", "past")]).await, ["after-31"]);
    let open = ["after-29", "after-26", "after-21", "after-19", "after-0"];
    assert_eq!(of(&[NOTICE[0], ("status", "open")]).await, open);
    let soon = (now + day * 10).to_string();
    let soon = [NOTICE[0], ("due_before", soon.as_str())];
    assert_eq!(of(&soon).await, ["after-31", "after-29", "after-26", "after-21"]);
    assert_eq!(of(&[soon[1], ("status", "open")]).await, ["after-29", "after-26", "after-21"]);
    let wrong = nordiska.ask("/v1/compliance", &[("due_before", "soon")]).await;
    wrong.is_problem(400, "invalid_parameter");

    let home = nordiska.ask("/", &[]).await.text;
    let (_, home) = home.split_once("Notices due").expect("a section");
    let (home, _) = home.split_once("</section>").expect("its end");
    for id in ["after-31", "after-29", "after-26", "after-21"] {
        assert!(home.contains(id), "{id}");
    }
    assert!(home.contains("overdue") && home.contains("within a day"));
    assert!(!home.contains("after-19"), "nobody has to look yet");
}

#[tokio::test]
async fn a_person_says_once_that_a_notice_was_sent_and_why() {
    for ledger in [Ledger::fresh(), Ledger::onboarding(), Ledger::charge_after()] {
        match ledger.kind() {
            crate::support::Kind::Imprint => {
                ledger.receive(&decision("REJECTED").partner("p").at(T1)).await
            }
            crate::support::Kind::CardOnboarding => {
                ledger.receive(&O.rejected("KYC_DENIAL").at(T1)).await
            }
            crate::support::Kind::ChargeAfter => {
                ledger.receive(&A.lender("L1").declined().at(T1)).await
            }
        };
        let [notice] = &clocks(&ledger, NOTICE).await[..] else { panic!() };
        sent(&ledger, notice, &json!({"actor": "kim"})).await.is_problem(400, "invalid_parameter");
        let said = json!({"actor": "kim", "reason": "letter 4711"});
        sent(&ledger, notice, &said).await.is(200);
        sent(&ledger, notice, &said).await.is_problem(409, "already_closed");

        let [done] = &clocks(&ledger, NOTICE).await[..] else { panic!() };
        let who = ["status", "actor", "reason"].map(|field| text(done, field));
        assert_eq!(who, ["done", "kim", "letter 4711"]);
        assert_eq!((&done["id"], &done["due_within_days"]), (&notice["id"], &json!(null)));
        assert!(instant(text(done, "ended_at")) > instant(text(done, "starts_at")), "{done:#}");
        // The records are kept for 25 months after the notification.
        let [kept] = &clocks(&ledger, &[("kind", "retention_end")]).await[..] else { panic!() };
        assert_eq!((&kept["started_by"], text(kept, "status")), (&done["ended_by"], "open"));
        // It is in the log, among the steps, and among what people did.
        let events = ledger.events().await;
        assert!(events.iter().any(|event| event["event_type"] == "NoticeSent"), "{events:#?}");
        let application = ledger.application(text(&done["subject"], "id")).await;
        let steps = application["steps"].as_array().unwrap();
        assert!(steps.iter().any(|step| step["kind"] == "send_notice"), "{application:#}");
        let told = ledger.list("/v1/access-records", &[("actor", "kim")]).await;
        assert!(told.iter().any(|record| record["reason"] == "letter 4711"), "{told:#?}");
        ledger.adds_up().await;
    }
}

#[tokio::test]
async fn each_lender_that_declines_owes_a_notice_until_another_lenders_credit_is_accepted() {
    let loans = Ledger::charge_after();
    let (one, other, third) = (A.lender("L1"), A.lender("L2"), A.lender("L3"));
    loans.receives(&[one.declined().at(T0), other.approved("9").at(T1)]).await;
    assert_eq!(notices(&loans).await, [("L1".to_owned(), "past".to_owned())]);
    loans.receive(&other.confirmed("9", "t").at(T2)).await;
    assert_eq!(notices(&loans).await, [("L1".to_owned(), "closed".to_owned())]);
    loans.receive(&third.declined().at(T3)).await;
    let expected = [("L1", "closed"), ("L3", "closed")];
    assert_eq!(notices(&loans).await, expected.map(|(id, is)| (id.to_owned(), is.to_owned())));
}

#[tokio::test]
async fn a_cancellation_of_what_the_customer_uses_is_one_of_an_account() {
    let loans = Ledger::charge_after();
    let one = A.lender("L1");
    let told = [one.approved("9").at(T0), one.confirmed("9", "t").at(T1), one.cancelled().at(T2)];
    loans.receives(&told).await;
    let [notice] = &clocks(&loans, NOTICE).await[..] else { panic!() };
    assert_eq!(text(notice, "basis"), "Regulation B, 12 CFR 1002.9(a)(1)(iii)");
    assert_eq!(notice["starts_at"], T2);
}

#[tokio::test]
async fn a_session_that_opens_the_application_again_ends_what_was_counted() {
    let nordiska = Ledger::onboarding();
    let told: [Payload; 2] =
        [O.rejected("KYC_DENIAL").at(T1), O.signing_created("https://sign").at(T2)];
    assert_eq!(nordiska.receives(&told).await, ["applied", "applied"]);
    let [notice] = &clocks(&nordiska, NOTICE).await[..] else { panic!() };
    assert_eq!((text(notice, "status"), text(notice, "ended_at")), ("closed", T2));
    let [kept] = &clocks(&nordiska, &[("kind", "retention_end")]).await[..] else { panic!() };
    assert_eq!(text(kept, "starts_at"), T2);
}

#[tokio::test]
async fn what_a_person_lets_count_is_counted_from_then_on() {
    let imprint = Ledger::fresh();
    imprint.receive(&decision("OFFER_ACCEPTED").customer("a").at(T1)).await;
    // Another decision on the same application is refused, until a person lets it count.
    imprint.receive(&decision("REJECTED").customer("a").at(T2)).await;
    let before = clocks(&imprint, NOTICE).await;
    let conflict = imprint.exception("decision_conflict").await;
    let path = format!("/v1/exceptions/{}/resolve", text(&conflict, "id"));
    let said = json!({"action": "apply", "reason": "by phone", "actor": "kim"});
    imprint.command(&path, &said).await.is(200);
    let after = clocks(&imprint, NOTICE).await;
    assert_eq!((before.len(), after.len()), (0, 1), "{after:#?}");
}

async fn notices(ledger: &Ledger) -> Vec<(String, String)> {
    let found = clocks(ledger, NOTICE).await;
    let both = |row: &Value| (text(row, "lender_id").to_owned(), text(row, "status").to_owned());
    found.iter().map(both).collect()
}

async fn clocks(ledger: &Ledger, filters: &[(&str, &str)]) -> Vec<Value> {
    ledger.list("/v1/compliance", filters).await
}

async fn sent(ledger: &Ledger, clock: &Value, said: &Value) -> Answer {
    ledger.command(&format!("/v1/compliance/{}/done", text(clock, "id")), said).await
}
