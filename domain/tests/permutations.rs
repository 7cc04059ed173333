//! Random histories, legal or not: the order of arrival and repetition change nothing, and what is
//! stored is what was decided. The seed is fixed, so each run tries the same histories.
#![allow(clippy::unwrap_used, reason = "a step that cannot be made is a failed test")]

mod random;

use std::{fmt, mem, path::Path};

use creditrail_domain::{
    application::ApplicationLifecycle,
    charge::ChargeLifecycle,
    customer_link::CustomerLinkLifecycle,
    payment_method::{PaymentMethodLifecycle, Status},
    transaction::TransactionLifecycle,
    *,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{prelude::*, sample::Index, test_runner::RngSeed};
use random::{
    Told, application_steps, card_steps,
    charges::{charge_steps, check_charge},
    lender_steps, link_steps, money_steps, onboarding_steps, transaction_steps,
};

fn reproducible(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x00c0_ffee),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Which of two reactions, or both, to what the documents leave open.
fn policies() -> impl Strategy<Value = Policies> {
    let reaction = || prop_oneof![Just(Reaction::Flag), Just(Reaction::Refuse)];
    (reaction(), reaction()).prop_map(|(capture_after_void, virtual_resume)| Policies {
        capture_after_void,
        virtual_resume,
        ..Policies::default()
    })
}

/// Whether a frozen fixture shows how the event is stored.
fn is_frozen(aggregate_type: &str, event_type: &str) -> bool {
    let file = format!("tests/fixtures/events/{aggregate_type}.{event_type}.json");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists()
}

/// A journal that has taken in the steps in this order, each received a second after the last.
fn received<L: Lifecycle>(order: &[&Told<L::Fact>], policies: &Policies) -> Journal<L> {
    let mut journal = Journal::default();
    for (place, told) in order.iter().enumerate() {
        let step = told.received(random::receipt() + SignedDuration::from_secs(place as i64));
        let known = journal.entry(step.id).is_some();
        let events = journal.decide(Command::Record(Box::new(step)), policies).unwrap();
        assert_eq!(events.is_empty(), known, "a known step and no other leads to no event");
        events.into_iter().for_each(|event| journal.apply(event));
    }
    journal
}

/// The entries without what tells when a step was received.
fn settled<L: Lifecycle>(journal: &Journal<L>) -> Vec<Entry<L::Fact>> {
    let mut entries = journal.entries().to_vec();
    for entry in &mut entries {
        entry.step.received_at = Timestamp::UNIX_EPOCH;
        entry.verdict.deadline = entry.verdict.deadline.map(|_| Timestamp::UNIX_EPOCH);
    }
    entries
}

/// All orders of up to four steps; of more, as many as four steps have, drawn from `shuffles`.
fn orders<'a, F>(steps: &'a [Told<F>], shuffles: &[[Index; 6]]) -> Vec<Vec<&'a Told<F>>> {
    let mut orders = vec![Vec::new()];
    if steps.len() <= 4 {
        for step in steps {
            let insert = |order: Vec<&'a Told<F>>| {
                (0..=order.len()).map(move |place| {
                    let mut order = order.clone();
                    order.insert(place, step);
                    order
                })
            };
            orders = orders.into_iter().flat_map(insert).collect();
        }
        return orders;
    }
    let shuffled = shuffles.iter().map(|places| {
        let mut order = Vec::new();
        for (step, place) in steps.iter().zip(places) {
            order.insert(place.index(order.len() + 1), step);
        }
        order
    });
    shuffled.collect()
}

/// Each order of arrival, with some steps repeated anywhere later, ends as any other does.
fn every_order_ends_equal<L: Lifecycle>(
    steps: &[Told<L::Fact>],
    shuffles: &[[Index; 6]],
    repeats: &[(Index, Index)],
    policies: &Policies,
    shown: fn(&L::State) -> String,
) -> Result<(), TestCaseError> {
    let as_drawn: Vec<_> = steps.iter().collect();
    let expected: Journal<L> = received(&as_drawn, policies);
    for mut order in orders(steps, shuffles) {
        for (which, place) in repeats {
            let repeated = *which.get(&order);
            let first = order.iter().position(|told| std::ptr::eq(*told, repeated)).unwrap();
            order.insert(first + 1 + place.index(order.len() - first), repeated);
        }
        let journal = received::<L>(&order, policies);
        prop_assert_eq!(settled(&journal), settled(&expected), "arrived as {:#?}", order);
        prop_assert_eq!(
            by_receipts(&journal, shown(&journal.state(policies))),
            by_receipts(&expected, shown(&expected.state(policies)))
        );
    }
    Ok(())
}

/// The text with each time of receipt named by the step that was received then: the times are the
/// order of arrival, but whose they are is not.
fn by_receipts<L: Lifecycle>(journal: &Journal<L>, text: String) -> String {
    journal.entries().iter().fold(text, |text, Entry { step, .. }| {
        text.replace(&step.received_at.to_string(), &format!("receipt of {:?}", step.id))
    })
}

fn debug(state: &impl fmt::Debug) -> String {
    format!("{state:?}")
}

/// Without which of its two ids an application was known by first: that is the order of arrival.
fn by_either_id(state: &application::State) -> String {
    let mut applications = state.applications().to_vec();
    for known in &mut applications {
        if let Some(other) = known.alias.filter(|other| *other < known.id) {
            known.alias = Some(mem::replace(&mut known.id, other));
        }
    }
    debug(&applications)
}

fn shuffles() -> impl Strategy<Value = Vec<[Index; 6]>> {
    prop::collection::vec(any::<[Index; 6]>(), 24)
}

fn repeats() -> impl Strategy<Value = Vec<(Index, Index)>> {
    prop::collection::vec(any::<(Index, Index)>(), 0..4)
}

proptest! {
    #![proptest_config(reproducible(192))]

    #[test]
    fn every_order_of_arrival_of_a_transaction_ends_equal(
        steps in transaction_steps(),
        shuffles in shuffles(),
        repeats in repeats(),
        policies in policies(),
    ) {
        every_order_ends_equal::<TransactionLifecycle>(&steps, &shuffles, &repeats, &policies, debug)?;
    }

    #[test]
    fn every_order_of_arrival_of_a_card_ends_equal(
        steps in card_steps(),
        shuffles in shuffles(),
        repeats in repeats(),
        policies in policies(),
    ) {
        every_order_ends_equal::<PaymentMethodLifecycle>(&steps, &shuffles, &repeats, &policies, debug)?;
    }

    #[test]
    fn every_order_of_arrival_of_an_applicants_statements_ends_equal(
        steps in application_steps(),
        shuffles in shuffles(),
        repeats in repeats(),
        policies in policies(),
    ) {
        every_order_ends_equal::<ApplicationLifecycle>(&steps, &shuffles, &repeats, &policies, by_either_id)?;
    }

    #[test]
    fn every_order_of_arrival_of_an_onboarding_ends_equal(
        steps in onboarding_steps(),
        shuffles in shuffles(),
        repeats in repeats(),
        policies in policies(),
    ) {
        every_order_ends_equal::<ApplicationLifecycle>(&steps, &shuffles, &repeats, &policies, debug)?;
    }

    #[test]
    fn every_order_of_arrival_of_what_lenders_report_ends_equal(
        steps in lender_steps(),
        shuffles in shuffles(),
        repeats in repeats(),
        policies in policies(),
    ) {
        every_order_ends_equal::<ApplicationLifecycle>(&steps, &shuffles, &repeats, &policies, debug)?;
    }

    #[test]
    fn every_order_of_arrival_of_a_charge_ends_equal(
        steps in charge_steps(),
        shuffles in shuffles(),
        repeats in repeats(),
        minutes in 0..6_i64,
    ) {
        // How long after its reversal a chargeback may be dated.
        let reversal_parked_for = SignedDuration::from_mins(minutes);
        let policies = Policies { reversal_parked_for, ..Policies::default() };
        every_order_ends_equal::<ChargeLifecycle>(&steps, &shuffles, &repeats, &policies, debug)?;
    }

    #[test]
    fn every_order_of_arrival_of_a_link_ends_equal(
        steps in link_steps(),
        shuffles in shuffles(),
        repeats in repeats(),
        policies in policies(),
    ) {
        every_order_ends_equal::<CustomerLinkLifecycle>(&steps, &shuffles, &repeats, &policies, debug)?;
    }
}

/// As of each time at which a step happened, whatever came later and in whichever order all of it
/// came: it is as if nothing else had come.
fn later_steps_leave_no_trace<L: Lifecycle>(
    steps: &[Told<L::Fact>],
    shuffles: &[[Index; 6]],
    shown: fn(&L::State) -> String,
) -> Result<(), TestCaseError> {
    let policies = Policies::default();
    for order in orders(steps, &shuffles[..4]) {
        let (mut log, mut journal) = (Vec::new(), Journal::<L>::default());
        for (place, told) in order.iter().enumerate() {
            let step = told.received(random::receipt() + SignedDuration::from_secs(place as i64));
            let events = journal.decide(Command::Record(Box::new(step)), &policies).unwrap();
            events.iter().cloned().for_each(|event| journal.apply(event));
            log.extend(events.into_iter().map(|event| (place, event)));
        }
        for entry in journal.entries() {
            let time = entry.step.occurred_at;
            let by = HappenedBy { time, known_at: time };
            let mut then = Journal::<L>::default();
            let events = Journal::<L>::happened_by(log.clone(), by, &policies);
            events.into_iter().for_each(|(_, event)| then.apply(event));
            let is_in = |told: &Told<L::Fact>| {
                let step = told.received(random::receipt());
                then.entry(step.id).is_some()
            };
            let only: Vec<_> = order.iter().copied().filter(|told| is_in(told)).collect();
            let expected = received::<L>(&only, &policies);
            let all_in = journal.entries().iter().filter(|entry| entry.step.occurred_at <= time);
            prop_assert_eq!(then.entries().len(), all_in.count());
            prop_assert_eq!(settled(&then), settled(&expected), "by {} of {:#?}", time, order);
            prop_assert_eq!(
                by_receipts(&then, shown(&then.state(&policies))),
                by_receipts(&expected, shown(&expected.state(&policies)))
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(reproducible(128))]

    #[test]
    fn what_had_happened_to_a_transaction_tells_nothing_of_what_came_after(
        steps in transaction_steps(),
        shuffles in shuffles(),
    ) {
        later_steps_leave_no_trace::<TransactionLifecycle>(&steps, &shuffles, debug)?;
    }

    #[test]
    fn what_had_happened_to_a_card_tells_nothing_of_what_came_after(
        steps in card_steps(),
        shuffles in shuffles(),
    ) {
        later_steps_leave_no_trace::<PaymentMethodLifecycle>(&steps, &shuffles, debug)?;
    }

    #[test]
    fn what_had_happened_to_an_applicant_tells_nothing_of_what_came_after(
        steps in application_steps(),
        shuffles in shuffles(),
    ) {
        later_steps_leave_no_trace::<ApplicationLifecycle>(&steps, &shuffles, by_either_id)?;
    }

    #[test]
    fn what_had_happened_to_an_onboarding_tells_nothing_of_what_came_after(
        steps in onboarding_steps(),
        shuffles in shuffles(),
    ) {
        later_steps_leave_no_trace::<ApplicationLifecycle>(&steps, &shuffles, debug)?;
    }

    #[test]
    fn what_lenders_had_reported_tells_nothing_of_what_came_after(
        steps in lender_steps(),
        shuffles in shuffles(),
    ) {
        later_steps_leave_no_trace::<ApplicationLifecycle>(&steps, &shuffles, debug)?;
    }

    #[test]
    fn what_had_happened_to_a_charge_tells_nothing_of_what_came_after(
        steps in charge_steps(),
        shuffles in shuffles(),
    ) {
        later_steps_leave_no_trace::<ChargeLifecycle>(&steps, &shuffles, debug)?;
    }

    #[test]
    fn what_had_happened_to_a_link_tells_nothing_of_what_came_after(
        steps in link_steps(),
        shuffles in shuffles(),
    ) {
        later_steps_leave_no_trace::<CustomerLinkLifecycle>(&steps, &shuffles, debug)?;
    }
}

/// Something that is asked of a journal between its steps.
#[derive(Clone, Debug)]
enum Asked {
    /// The next step.
    Step,
    /// The clock moves on by so many hours.
    Hours(i64),
    /// An operator decides about a step that is known.
    Decision(Index, &'static str),
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let decisions = prop::sample::select(vec!["apply", "discard", "convert"]);
    let asked = prop_oneof![
        5 => Just(Asked::Step),
        1 => (1_i64..100).prop_map(Asked::Hours),
        1 => (any::<Index>(), decisions).prop_map(|(which, how)| Asked::Decision(which, how)),
    ];
    prop::collection::vec(asked, 1..14)
}

/// Asks all of it, and hands each state on the way to `check`. Every event passes through JSON
/// into a second journal, which has to stay equal to the first.
fn live_and_replayed<L: Lifecycle>(
    steps: &[Told<L::Fact>],
    asked: &[Asked],
    mut check: impl FnMut(&Journal<L>, &L::State) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let policies = Policies::default();
    let mut steps = steps.iter();
    let (mut live, mut replayed) = (Journal::<L>::default(), Journal::<L>::default());
    let mut now = random::receipt();
    for asked in asked {
        let command = match asked {
            Asked::Step => steps.next().map(|told| Command::Record(Box::new(told.received(now)))),
            Asked::Hours(hours) => {
                now += SignedDuration::from_hours(*hours);
                Some(Command::PassTime { now })
            }
            Asked::Decision(..) if live.entries().is_empty() => None,
            Asked::Decision(which, action) => Some(Command::Override {
                step: which.get(live.entries()).step.id,
                action: (*action).to_owned(),
                convert_to: (*action == "convert").then(|| "capture".to_owned()),
                reason: "as the lender confirmed".to_owned(),
                actor: "kim".to_owned(),
                at: now,
            }),
        };
        let Some(command) = command else { continue };
        for event in live.decide(command, &policies).unwrap_or_default() {
            let stored = serde_json::to_string(&event).unwrap();
            let read: StepEvent<L::Fact> = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(&read, &event, "{}", stored);
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), stored);
            prop_assert!(is_frozen(L::TYPE, event.name()), "no fixture of {}", event.name());
            live.apply(event);
            replayed.apply(read);
        }
        prop_assert_eq!(&replayed, &live);
        check(&live, &live.state(&policies))?;
    }
    // What is due at once may make something else due, but each step is due once.
    for _ in 0..=live.entries().len() {
        let due = live.decide(Command::PassTime { now }, &policies).unwrap();
        due.into_iter().for_each(|event| live.apply(event));
    }
    prop_assert_eq!(live.decide(Command::PassTime { now }, &policies), Ok(Vec::new()));
    let snapshot = serde_json::to_string(&live).unwrap();
    prop_assert_eq!(serde_json::from_str::<Journal<L>>(&snapshot).unwrap(), live);
    Ok(())
}

/// What one step of a transaction contributes to a sum, if it counts.
fn counted(entry: &Entry<transaction::TransactionFact>, kind: transaction::Kind) -> i64 {
    let report = match entry.overridden.as_ref().map(|decided| &decided.action) {
        Some(OverrideAction::ConvertTo(fact)) => fact.report,
        _ => entry.step.fact.report,
    };
    if entry.verdict.is_applied() && report.kind() == kind { report.amount().minor } else { 0 }
}

proptest! {
    #![proptest_config(reproducible(192))]

    #[test]
    fn a_capture_or_refund_counts_in_every_order_of_arrival_with_or_without_a_time(
        steps in money_steps(),
        shuffles in shuffles(),
    ) {
        let all: Vec<_> = steps.iter().collect();
        for order in orders(&steps, &shuffles).into_iter().chain([all]) {
            let policies = Policies::default();
            for known in 1..=order.len() {
                let journal = received::<TransactionLifecycle>(&order[..known], &policies);
                let sum = |kind| order[..known].iter().map(|told| told.amount_of(kind)).sum::<i64>();
                let state = journal.state(&policies);
                prop_assert_eq!(state.captured(), sum(transaction::Kind::Capture));
                prop_assert_eq!(state.refunded(), sum(transaction::Kind::Refund));
                prop_assert_eq!(journal.entries().len(), known);
            }
        }
    }
}

proptest! {
    #![proptest_config(reproducible(1000))]

    #[test]
    fn a_transaction_is_replayed_to_what_it_was_and_its_totals_hold(
        steps in transaction_steps(),
        asked in asked(),
    ) {
        use transaction::Kind;
        live_and_replayed::<TransactionLifecycle>(&steps, &asked, |journal, state| {
            let entries = journal.entries().iter();
            // An operator may force a sum past what can be counted.
            let sum = |kind| {
                entries.clone().fold(0, |sum: i64, entry| sum.saturating_add(counted(entry, kind)))
            };
            prop_assert_eq!(state.captured(), sum(Kind::Capture));
            prop_assert_eq!(state.refunded(), sum(Kind::Refund));
            prop_assert!((0..=state.authorized()).contains(&state.hold()));
            let voided = journal.entries().iter().any(|entry| {
                entry.verdict.is_applied() && entry.step.fact.report.kind() == Kind::Void
                    && entry.overridden.is_none()
            });
            prop_assert!(!voided || state.hold() == 0, "a void leaves no hold");
            Ok(())
        })?;
    }

    #[test]
    fn a_card_is_replayed_to_what_it_was_and_is_canceled_for_good(
        steps in card_steps(),
        asked in asked(),
    ) {
        live_and_replayed::<PaymentMethodLifecycle>(&steps, &asked, |journal, state| {
            let forced = journal.entries().iter().any(|entry| entry.overridden.is_some());
            let canceled = journal.entries().iter().any(|entry| {
                entry.verdict.is_applied() && entry.step.fact.new_status == Some(Status::Canceled)
            });
            let is_canceled = state.status() == Some(Status::Canceled);
            prop_assert!(forced || canceled == is_canceled, "canceled is final");
            prop_assert_eq!(state.canceled_at().is_some(), is_canceled);
            Ok(())
        })?;
    }

    #[test]
    fn an_applicants_applications_are_replayed_to_what_they_were(
        steps in application_steps(),
        asked in asked(),
    ) {
        live_and_replayed::<ApplicationLifecycle>(&steps, &asked, |_, _| Ok(()))?;
    }

    #[test]
    fn a_charge_is_replayed_to_what_it_was_and_its_money_adds_up(
        steps in charge_steps(),
        asked in asked(),
    ) {
        live_and_replayed::<ChargeLifecycle>(&steps, &asked, |journal, state| {
            check_charge(journal.entries(), state)
        })?;
    }

    #[test]
    fn money_of_a_charge_is_refused_for_a_conflict_alone_and_never_parked(
        steps in charge_steps(),
    ) {
        use charge::Report::{Authorized, ChargebackReversed, Linked, Voided};
        let order: Vec<_> = steps.iter().collect();
        let journal = received::<ChargeLifecycle>(&order, &Policies::default());
        for entry in journal.entries() {
            let is_money = !matches!(
                entry.step.fact.report,
                Authorized(_) | ChargebackReversed(_) | Linked { .. } | Voided { .. }
            );
            // What has no id contradicts no operation: it is another.
            let is_unnamed = matches!(
                &entry.step.fact.report,
                charge::Report::Operation(report) if report.lender_transaction_id.is_none()
            );
            match &entry.verdict.outcome {
                Outcome::Refused(refused) if is_money => prop_assert!(matches!(
                    refused.code,
                    Refusal::KeyReused | Refusal::CurrencyMismatch | Refusal::CustomerConflict
                        | Refusal::OperationAmountConflict | Refusal::TerminalConflict
                ) && (!is_unnamed || !matches!(
                    refused.code,
                    Refusal::OperationAmountConflict | Refusal::TerminalConflict
                ))),
                Outcome::Parked { .. } => prop_assert!(!is_money),
                _ => {}
            }
        }
    }

    #[test]
    fn a_link_is_replayed_to_what_it_was(steps in link_steps(), asked in asked()) {
        live_and_replayed::<CustomerLinkLifecycle>(&steps, &asked, |_, _| Ok(()))?;
    }
}

/// Tells the clock's time until nothing is due any more.
fn time_passes<L: Lifecycle>(journal: &mut Journal<L>, now: Timestamp) {
    loop {
        let due = journal.decide(Command::PassTime { now }, &Policies::default()).unwrap();
        if due.is_empty() {
            return;
        }
        due.into_iter().for_each(|event| journal.apply(event));
    }
}

/// Whether the clock was told between the steps or only in the end, in which all deadlines have
/// passed, all ends equal.
fn time_told_between_changes_nothing<L: Lifecycle>(
    steps: &[Told<L::Fact>],
    hours: &[i64],
) -> Result<(), TestCaseError> {
    let policies = Policies::default();
    let mut told_between = Journal::<L>::default();
    let mut now = random::receipt();
    for (told, hours) in steps.iter().zip(hours) {
        let record = Command::Record(Box::new(told.received(now)));
        let events = told_between.decide(record, &policies).unwrap();
        events.into_iter().for_each(|event| told_between.apply(event));
        // A second besides, so that no two are received at once.
        now += SignedDuration::from_hours(*hours) + SignedDuration::from_secs(1);
        time_passes(&mut told_between, now);
    }
    let mut told_in_the_end = received::<L>(&steps.iter().collect::<Vec<_>>(), &policies);
    let end = now + SignedDuration::from_hours(24 * 365);
    for journal in [&mut told_between, &mut told_in_the_end] {
        time_passes(journal, end);
    }
    let verdicts = |journal: &Journal<L>| {
        let entries = settled(journal).into_iter();
        entries.map(|entry| (entry.step.id, entry.verdict)).collect::<Vec<_>>()
    };
    prop_assert_eq!(verdicts(&told_between), verdicts(&told_in_the_end));
    let waits = |entry: &Entry<L::Fact>| entry.verdict.outcome.name() == "parked";
    prop_assert!(!told_in_the_end.entries().iter().any(waits), "all deadlines have passed");
    prop_assert_eq!(
        by_receipts(&told_between, debug(&told_between.state(&policies))),
        by_receipts(&told_in_the_end, debug(&told_in_the_end.state(&policies)))
    );
    Ok(())
}

/// What is due is due one of these times after its receipt, however long ago it happened.
fn due_by_receipt<L: Lifecycle>(
    steps: &[Told<L::Fact>],
    windows: &[SignedDuration],
) -> Result<(), TestCaseError> {
    let policies = Policies::default();
    let journal = received::<L>(&steps.iter().collect::<Vec<_>>(), &policies);
    for (step, at) in journal.deadlines(&policies) {
        let entry = journal.entry(step).unwrap();
        let after = at.duration_since(entry.step.received_at);
        prop_assert!(windows.contains(&after), "{:?} after the receipt of {:?}", after, entry);
    }
    Ok(())
}

/// For how many hours nothing comes after a step.
fn silences() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 24 * 8, 24 * 40]), 6)
}

proptest! {
    #![proptest_config(reproducible(1000))]

    #[test]
    fn what_is_due_counts_from_the_receipt_and_not_from_when_it_happened(
        transaction in transaction_steps(),
        applicant in application_steps(),
        onboarding in onboarding_steps(),
        lenders in lender_steps(),
    ) {
        let p = Policies::default();
        let holds = p.hold_windows.values().copied().chain([p.hold_window, p.parked_for]);
        due_by_receipt::<TransactionLifecycle>(&transaction, &holds.collect::<Vec<_>>())?;
        let stale = p.application_stale_after;
        let windows = [stale, p.accepted_unconfirmed_after, p.rejected_unconfirmed_after];
        due_by_receipt::<ApplicationLifecycle>(&applicant, &windows)?;
        let windows = [stale, p.signing_overdue_after, p.onboarding_parked_for];
        due_by_receipt::<ApplicationLifecycle>(&onboarding, &windows)?;
        due_by_receipt::<ApplicationLifecycle>(&lenders, &[stale, p.token_unused_after])?;
    }

    #[test]
    fn an_onboarding_ends_the_same_whenever_the_clock_was_told(
        steps in onboarding_steps(),
        silences in silences(),
    ) {
        time_told_between_changes_nothing::<ApplicationLifecycle>(&steps, &silences)?;
    }

    #[test]
    fn what_lenders_report_ends_the_same_whenever_the_clock_was_told(
        steps in lender_steps(),
        silences in silences(),
    ) {
        time_told_between_changes_nothing::<ApplicationLifecycle>(&steps, &silences)?;
    }

    #[test]
    fn an_onboarding_is_replayed_to_what_it_was_and_asks_for_one_thing_at_most(
        steps in onboarding_steps(),
        asked in asked(),
    ) {
        live_and_replayed::<ApplicationLifecycle>(&steps, &asked, |_, state| {
            let application::State::Onboarding(onboarding) = state else { return Ok(()) };
            let open = state.actions().iter().filter(|action| action.closed.is_none());
            let open: Vec<_> = open.map(|action| action.kind.name()).collect();
            let asks_for = match onboarding.status().public_name() {
                "submitted" => &[][..],
                "awaiting_signature" => &["redirect_to_signing"],
                "signed" => &["initiate_card_creation"],
                "completed" => &["store_engagement_id"],
                "rejected" => &["provide_documents", "reapply"],
                _ => &["retry_application", "correct_data"],
            };
            prop_assert!(open.len() <= 1 && open.iter().all(|kind| asks_for.contains(kind)));
            Ok(())
        })?;
    }

    #[test]
    fn what_lenders_report_is_replayed_to_what_it_was_and_each_action_fits_its_track(
        steps in lender_steps(),
        asked in asked(),
    ) {
        live_and_replayed::<ApplicationLifecycle>(&steps, &asked, |_, state| {
            let application::State::Lenders(lenders) = state else { return Ok(()) };
            for action in state.actions().iter().filter(|action| action.closed.is_none()) {
                let track = &lenders.tracks[action.lender_id.as_ref().unwrap()];
                let status = match action.kind.name() {
                    "consumer_action" => "pending_consumer",
                    "merchant_action" => "pending_merchant",
                    _ => "confirmed",
                };
                prop_assert_eq!(track.status.name(), status, "{:?}", action);
            }
            Ok(())
        })?;
    }
}
