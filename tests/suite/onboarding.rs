//! Card onboarding: what its steps lead to (DOMAIN.md 3.1c, cell by cell), and what the five reasons
//! and the five codes mean: G27 to G29. Who may say it is in `onboarding_calls`.

use serde_json::{Value, json};

use crate::support::{
    History, Ledger, Onboarding, Payload, Service, Source, T0, T1, T2, T3, T4, T5, ago, instant,
    items, orders, play, text, until,
};

const O: Onboarding = Onboarding::new("o1");

#[tokio::test]
async fn an_onboarding_goes_from_the_signing_to_the_card() {
    let nordiska = Ledger::onboarding();
    #[rustfmt::skip] // It is a table.
    let life = [
        (O.signing_created("https://sign").at(T1), "open_signing",        "awaiting_signature", json!("accepted")),
        (O.signing_completed().at(T2),             "complete_signing",    "signed",             json!("accepted")),
        (O.completed("e1").at(T3),                 "complete_onboarding", "completed",          json!("accepted")),
    ];
    for (step, kind, status, decision) in life {
        assert_eq!(nordiska.receive(&step).await, "applied");
        let seen = History::of(&nordiska, &step).await;
        let newest = *seen.steps().last().expect("a step");
        assert_eq!((text(newest, "kind"), text(&seen.view, "status")), (kind, status));
        assert_eq!(seen.view["decision"], decision);
    }
    let end = nordiska.application("o1").await;
    assert_eq!(end["engagement_id"], "e1");
    assert_eq!((&end["reasons"], &end["history_gap"]), (&json!([]), &json!([])));
    let times: Vec<i64> =
        items(&end, "steps").iter().map(|step| instant(text(step, "occurred_at"))).collect();
    assert_eq!(times, [T1, T2, T3].map(instant), "the signed time is the step's");
    nordiska.is_sound().await;
}

#[tokio::test]
async fn a_signing_is_told_without_its_address() {
    let nordiska = Ledger::onboarding();
    nordiska.receive(&O.signing_created("https://sign/1").at(T1)).await;
    let open = nordiska.application("o1").await["signing"].clone();
    assert_eq!((&open["status"], &open["renewals"]), (&json!("open"), &json!(0)));
    assert_eq!(instant(text(&open, "opened_at")), instant(T1));
    assert_eq!(open["completed_at"], json!(null));

    nordiska.receive(&O.signing_created("https://sign/2").at(T2)).await;
    let renewed = nordiska.application("o1").await["signing"].clone();
    assert_eq!((&renewed["status"], &renewed["renewals"]), (&json!("open"), &json!(1)));
    assert_ne!(renewed["secret_ref"], open["secret_ref"]);

    nordiska.receive(&O.signing_completed().at(T3)).await;
    let done = nordiska.application("o1").await["signing"].clone();
    assert_eq!(done["status"], "completed");
    assert_eq!(instant(text(&done, "completed_at")), instant(T3));
}

/// What led to a state, and the judgement of one more step of each kind: another signing, the
/// signing's completion, the onboarding's, another rejection, another failure.
type State = (&'static str, fn(Onboarding) -> Vec<Payload>, [&'static str; 5]);

#[rustfmt::skip] // It is a table.
const STATES: [State; 10] = [
    ("unknown",   |_| vec![], [
        "applied", "parked", "parked", "applied", "applied"]),
    ("submitted", |_| vec![], [
        "applied", "parked", "parked", "applied", "applied"]),
    ("awaiting",  |o| vec![o.signing_created("https://1").at(T1)], [
        "applied",
        "applied",
        "parked",
        "applied! rejected_after_approval",
        "applied ~"]),
    ("signed",    |o| vec![o.signing_created("https://1").at(T1), o.signing_completed().at(T2)], [
        "applied! resign_requested",
        "refused already_signed",
        "applied",
        "applied! rejected_after_signing",
        "applied! failed_after_signing"]),
    ("completed", |o| vec![o.signing_created("https://1").at(T1), o.signing_completed().at(T2), o.completed("e1").at(T3)], [
        "refused already_completed",
        "refused already_completed",
        "refused engagement_conflict",
        "refused already_completed",
        "refused already_completed"]),
    ("documents", |o| vec![o.rejected("INVALID_DOCUMENTS").at(T1)], [
        "applied! reopened", "parked", "parked", "applied! reason_changed", "refused already_rejected"]),
    ("signatory", |o| vec![o.rejected("UNAUTHORIZED_SIGNATORY").at(T1)], [
        "applied! reopened", "parked", "parked", "applied! reason_changed", "refused already_rejected"]),
    ("business",  |o| vec![o.rejected("KYB_DENIAL").at(T1)], [
        "applied! reopened", "parked", "parked", "applied! reason_changed", "refused already_rejected"]),
    ("credit",    |o| vec![o.rejected("CREDIT_SCORING_DENIAL").at(T1)], [
        "refused already_rejected",
        "refused ~",
        "refused already_rejected",
        "refused already_rejected",
        "refused already_rejected"]),
    ("failed",    |o| vec![o.failed("TIMEOUT").at(T1)], [
        "applied! reopened", "parked", "parked", "applied", "applied"]),
];

#[tokio::test]
async fn each_cell_of_the_table_is_judged_as_it_says() {
    let ledgers = Ledger::several_of::<2>("nordiska", Source::old_onboarding);
    for (state, led_there, cells) in STATES {
        for (nth, cell) in cells.into_iter().enumerate() {
            let id = format!("{state}-{nth}");
            let onboarding = Onboarding::new(&id);
            let mut steps = led_there(onboarding);
            if state == "submitted" {
                for nordiska in &ledgers {
                    let said = json!({"application_id": id, "started_at": T0});
                    nordiska.registers(&said).await.is(201);
                }
            }
            // The second completion of a signing says the same as the first: so it says more.
            let newcomers = [
                onboarding.signing_created("https://2"),
                onboarding.signing_completed().with("attempt", json!(2)),
                onboarding.completed("e2"),
                onboarding.rejected("KYC_DENIAL"),
                onboarding.failed("NAME_MISMATCH"),
            ];
            steps.push(newcomers[nth].clone().at(T5));
            let what = format!("{state} × {}", newcomers[nth].body());
            play(&ledgers, &steps).await.newest_is(cell, &what);
        }
    }
}

#[tokio::test]
async fn a_rejection_for_the_customers_identity_may_be_reopened_too() {
    let steps = [O.rejected("KYC_DENIAL").at(T1), O.signing_created("https://1").at(T2)];
    let end = given(&steps).await.is("status", "awaiting_signature");
    end.newest_is("applied! reopened", "KYC_DENIAL");
}

#[tokio::test]
async fn the_same_again_is_a_duplicate_whenever_it_is_signed() {
    let nordiska = Ledger::onboarding();
    let told = nordiska
        .receives(&[T1, T1, T3].map(|time| O.signing_created("https://sign").at(time)))
        .await;
    assert_eq!(told, ["applied", "duplicate", "duplicate"]);
    let end = nordiska.application("o1").await;
    assert_eq!(end["signing"]["renewals"], 0);
    nordiska.adds_up().await;
}

#[tokio::test]
async fn steps_of_one_instant_follow_the_line_of_an_onboarding() {
    let steps = [
        O.signing_created("https://1").at(T1),
        O.signing_completed().at(T1),
        O.completed("e1").at(T1),
    ];
    given(&steps).await.is("status", "completed").flagged([]);
    // What belongs to an earlier stage is never refused.
    let renewed_at_once =
        [steps[0].clone(), steps[1].clone(), O.signing_created("https://2").at(T1)];
    let end = given(&renewed_at_once).await.is("status", "signed");
    assert!(end.steps().iter().all(|step| step["outcome"] != "refused"), "{:#}", end.view);
}

#[tokio::test]
async fn a_completion_that_overtakes_its_signing_waits_for_it() {
    let [overtakes, is_late] = [(T1, T2), (T2, T1)].map(|(completed, created)| {
        [O.signing_completed().at(completed), O.signing_created("https://1").at(created)]
    });
    for pair in [overtakes, is_late] {
        let nordiska = Ledger::onboarding();
        let [completed, created] = pair;
        let told = nordiska.receives(&[completed, created, O.completed("e1").at(T3)]).await;
        assert_eq!(told, ["parked", "applied", "applied"]);
        let end = History::of(&nordiska, &O.completed("e1")).await;
        end.is("status", "completed").judged(["applied"; 3]);
    }
}

#[tokio::test]
async fn a_failure_that_is_mended_reopens() {
    let steps = [O.failed("ADDRESS_MISMATCH").at(T1), O.signing_created("https://1").at(T2)];
    let end = given(&steps).await.is("status", "awaiting_signature");
    assert_eq!((&end.view["reasons"], &end.view["decision"]), (&json!([]), &json!("accepted")));
    end.flagged(["reopened"]);
}

#[tokio::test]
async fn any_order_and_repetition_of_a_history_ends_the_same() {
    let histories = [
        vec![
            O.signing_created("https://1").at(T1),
            O.signing_completed().at(T2),
            O.completed("e1").at(T3),
        ],
        vec![
            O.failed("ADDRESS_MISMATCH").at(T0),
            O.signing_created("https://1").at(T1),
            O.signing_completed().at(T2),
            O.completed("e1").at(T3),
        ],
        vec![
            O.signing_created("https://1").at(T1),
            O.signing_created("https://2").at(T2),
            O.signing_completed().at(T3),
            O.rejected("CREDIT_SCORING_DENIAL").at(T4),
        ],
    ];
    for history in histories {
        let ledgers = Ledger::several_of::<24>("nordiska", Source::old_onboarding);
        let mut ends = Vec::new();
        for (nordiska, order) in ledgers.iter().zip(orders(&history)) {
            nordiska.receives(&order).await;
            assert!(nordiska.receives(&order).await.iter().all(|told| told == "duplicate"));
            let end = History::of(nordiska, &order[0]).await;
            ends.push(end.settled());
            nordiska.adds_up().await;
        }
        for end in &ends[1..] {
            assert_eq!(end, &ends[0]);
        }
    }
}

// --- what time brings ---

#[tokio::test]
async fn what_waited_too_long_is_adopted_and_the_gap_is_named() {
    let nordiska = impatient();
    #[rustfmt::skip] // It is a table.
    let gaps = [
        (Onboarding::new("o1").signing_completed(),  "signed",    json!(["open_signing"])),
        (Onboarding::new("o2").completed("e1"),      "completed", json!(["open_signing", "complete_signing"])),
    ];
    for (step, status, gap) in gaps {
        let id = if status == "signed" { "o1" } else { "o2" };
        assert_eq!(nordiska.receive(&step.at(&ago(20))).await, "parked");
        let end = until("the adoption", async || becomes(&nordiska, id, status).await).await;
        assert_eq!(end["history_gap"], gap, "{end:#}");
        let step = &items(&end, "steps")[0];
        assert_eq!(step["outcome"], "applied");
        assert!(step["flags"].to_string().contains("history_gap"), "{step:#}");
    }
    nordiska.adds_up().await;
}

#[tokio::test]
async fn a_rejected_onboarding_is_not_adopted_as_signed_but_a_person_is_told() {
    let nordiska = impatient();
    let rejected = Onboarding::new("o1").rejected("KYC_DENIAL").at(&ago(30));
    let signed = Onboarding::new("o1").signing_completed().at(&ago(20));
    assert_eq!(nordiska.receives(&[rejected, signed]).await, ["applied", "parked"]);
    until("an exception", async || {
        let listed = nordiska.exceptions(&[("status", "open")]).await;
        listed.into_iter().find(|one| one["subject"]["id"] == "o1")
    })
    .await;
    assert_eq!(nordiska.application("o1").await["status"], "rejected");
}

// --- what the reasons and the codes mean ---

#[tokio::test]
async fn each_reason_and_each_code_says_what_to_do() {
    #[rustfmt::skip] // It is a table.
    let printed = [
        ("rejected", "KYC_DENIAL",             "decline",     "Contact support, provide additional documentation"),
        ("rejected", "KYB_DENIAL",             "decline",     "Contact support for business verification issues"),
        ("rejected", "CREDIT_SCORING_DENIAL",  "decline",     "Can reapply after 3 months"),
        ("rejected", "UNAUTHORIZED_SIGNATORY", "",            "Provide proof of signatory authorization"),
        ("rejected", "INVALID_DOCUMENTS",      "document",    "Re-upload valid documents"),
        ("failed",   "INTERNAL_ERROR",         "technical",   "Contact support, retry after resolution"),
        ("failed",   "ADDRESS_MISMATCH",       "correctable", "Update application with correct address"),
        ("failed",   "NAME_MISMATCH",          "correctable", "Verify spelling, provide correct legal name"),
        ("failed",   "ID_VERIFICATION_FAILED", "document",    "Provide additional documentation"),
        ("failed",   "TIMEOUT",                "technical",   "Retry application"),
    ];
    let nordiska = Ledger::onboarding();
    for (status, code, class, action) in printed {
        let onboarding = Onboarding::new(code);
        let step =
            if status == "rejected" { onboarding.rejected(code) } else { onboarding.failed(code) };
        assert_eq!(nordiska.receive(&step.at(T1)).await, "applied");
        let end = nordiska.application(code).await;
        assert_eq!(end["status"], status);
        let decision = (status == "rejected").then_some("rejected");
        assert_eq!(end["decision"], json!(decision), "{code}: a failure is no decision");
        let reason = &items(&end, "reasons")[0];
        assert_eq!((text(reason, "code"), text(reason, "customer_action")), (code, action));
        assert!(class.is_empty() || reason["class"] == class, "{reason:#}");
        let may_reapply = code == "CREDIT_SCORING_DENIAL";
        assert_eq!(end["reapply_after"].is_string(), may_reapply, "{code}: {end:#}");
    }
}

#[tokio::test]
async fn three_calendar_months_end_with_the_month() {
    #[rustfmt::skip] // It is a table.
    let denials = [
        ("2024-11-30T10:00:00Z",      "2025-02-28"),
        ("2023-11-30T10:00:00Z",      "2024-02-29"),
        ("2024-05-31T10:00:00Z",      "2024-08-31"),
        ("2024-08-31T10:00:00Z",      "2024-11-30"),
        ("2024-12-15T23:59:59Z",      "2025-03-15"),
        ("2024-10-01T00:30:00+02:00", "2024-12-30"),
    ];
    let nordiska = Ledger::onboarding();
    for (denied_at, reapply_after) in denials {
        let id = format!("denied-{}", instant(denied_at));
        nordiska
            .receive(&Onboarding::new(&id).rejected("CREDIT_SCORING_DENIAL").at(denied_at))
            .await;
        assert_eq!(nordiska.application(&id).await["reapply_after"], reapply_after, "{denied_at}");
    }
}

#[tokio::test]
async fn an_application_before_the_three_months_are_over_is_refused_to_the_partner() {
    let nordiska = Ledger::onboarding();
    let applies = |id: &str, who: &str, at: &str| json!({"application_id": id, "partner_customer_id": who, "started_at": at});
    nordiska.registers(&applies("o1", "p", "2024-11-29T08:00:00Z")).await.is(201);
    nordiska.receive(&O.rejected("CREDIT_SCORING_DENIAL").at("2024-11-30T10:00:00Z")).await;

    let too_early = applies("o2", "p", "2025-02-27T23:59:59Z");
    nordiska.registers(&too_early).await.is_problem(409, "reapply_too_early");
    assert_eq!(nordiska.ask("/v1/applications/nordiska/o2", &[]).await.status, 404);
    nordiska.registers(&applies("o3", "q", "2025-02-27T23:59:59Z")).await.is(201);
    nordiska.registers(&applies("o4", "p", "2025-02-28T00:00:00Z")).await.is(201);
    assert_eq!(nordiska.application("o4").await["status"], "submitted");
}

#[tokio::test]
async fn any_other_rejection_lets_the_partner_apply_at_once() {
    let nordiska = Ledger::onboarding();
    let applies = |id: &str, at: &str| json!({"application_id": id, "partner_customer_id": "p", "started_at": at});
    nordiska.registers(&applies("o1", T0)).await.is(201);
    nordiska.receive(&O.rejected("INVALID_DOCUMENTS").at(T1)).await;
    nordiska.registers(&applies("o2", T2)).await.is(201);
}

/// Plays the steps in order, and backwards with repeats: both end the same.
async fn given(steps: &[Payload]) -> History {
    let ledgers = Ledger::several_of::<2>("nordiska", Source::old_onboarding);
    play(&ledgers, steps).await
}

/// A source whose parked steps wait for two seconds.
fn impatient() -> Ledger {
    let source = Source::card_onboarding("nordiska").policy("onboarding_parked_for", "2s");
    Ledger::of(Service::start(&[source]), "nordiska")
}

async fn becomes(nordiska: &Ledger, id: &str, status: &str) -> Option<Value> {
    let seen = nordiska.application(id).await;
    (seen["status"] == status).then_some(seen)
}
