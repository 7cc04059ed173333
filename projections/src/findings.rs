//! What has been silent for long, and where the browser and the lender contradict each other.

mod unmatched;

use creditrail_domain::{Flag, Lifecycle, Policies, StepId, step::Fact};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    History, Stream,
    history::{Customer, Decision, Moment, StepHistory, Steps},
    row::{Cell, Change, ReadModel, Table, Write},
    steps::subject_of,
};

/// Findings, one row for each step and code.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "findings",
    columns: &[
        "first_position",
        "list",
        "code",
        "customer_id",
        "stands_from",
        "unless",
        "document",
    ],
};

/// A decision of which no card has come.
pub const DECISION_WITHOUT_CARD: &str = "decision_without_card";
/// A card of which no decision has come.
pub const CARD_WITHOUT_DECISION: &str = "card_without_decision";

/// The lists, each with the flags that are in it and what to do about them.
pub const LISTS: [(&str, &[(Flag, &str)]); 2] = [
    (
        "stale",
        &[
            (Flag::SigningOverdue, "ask the customer to sign"),
            (Flag::ApplicationStale, "ask the lender or the customer"),
            (Flag::HoldOverdue, "ask the lender whether the hold is still there"),
            (Flag::OperationStuck, "ask the lender what became of the operation"),
            (Flag::ChargeUnsettled, "settle or void the charge"),
            (Flag::TokenUnused, "create a charge, or let the confirmation go"),
        ],
    ),
    (
        "discrepancies",
        &[
            (Flag::AcceptedUnconfirmed, "wait for the lender's decision before anything is given"),
            (Flag::RejectedUnconfirmed, "ask the lender for its decision"),
            (Flag::SdkWebhookMismatch, "tell the customer what the lender decided"),
        ],
    ),
];

/// When a finding stands that another one of its customer settles: never. As long as that one is there.
pub const SETTLED: i64 = i64::MAX;

/// When a decision without a card, or a card without a decision, begins to stand, by its document; in
/// microseconds since 1970. Never, if it does not say since when it is so.
pub fn stands_from(document: &str, policies: &Policies) -> i64 {
    #[derive(serde::Deserialize)]
    struct Told {
        since: Timestamp,
    }
    let told = serde_json::from_str::<Told>(document);
    told.map_or(SETTLED, |Told { since }| unmatched::stands_from(since, policies).as_microsecond())
}

/// The codes of a list.
pub fn codes(list: &str) -> Vec<&'static str> {
    let of_list = LISTS.into_iter().filter(|(name, _)| *name == list);
    let flags = of_list.flat_map(|(_, flags)| flags.iter().map(|(flag, _)| flag.code()));
    let unmatched = [DECISION_WITHOUT_CARD, CARD_WITHOUT_DECISION];
    let unmatched = unmatched.into_iter().filter(|_| list == "discrepancies");
    flags.chain(unmatched).collect()
}

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    match &stream.history {
        History::Application(steps) => {
            let decided = unmatched::decisions(stream, steps, policies);
            of_all(stream, steps, policies).into_iter().chain(decided).collect()
        }
        History::PaymentMethod(steps) => unmatched::card(stream, steps, policies),
        History::Charge(steps) => of_all(stream, steps, policies),
        History::Transaction(steps) => {
            let nobody = Customer::default();
            steps.touched().flat_map(|step| of_step(stream, &step, &nobody)).collect()
        }
        History::CustomerLink(_)
        | History::Exception(_)
        | History::Access(_)
        | History::Privacy(_)
        | History::Secret(_) => Vec::new(),
    }
}

/// All steps anew: one may tell whom those before it are about.
fn of_all<L: Lifecycle>(stream: &Stream, steps: &Steps<L>, policies: &Policies) -> Vec<Change> {
    let customer = steps.customer(policies);
    steps.all().flat_map(|step| of_step(stream, &step, &customer)).collect()
}

fn of_step<F: Fact>(
    stream: &Stream,
    step: &StepHistory<'_, F>,
    customer: &Customer,
) -> Vec<Change> {
    let flagged = |moment: &Moment<Decision<F>>| match &moment.what {
        Decision::Recorded(verdict) | Decision::Revised { to: verdict, .. } => {
            !verdict.flags.is_empty()
        }
        Decision::Overdue | Decision::Overridden(_) => false,
    };
    if !step.moments.iter().any(flagged) {
        return Vec::new();
    }
    let found = LISTS.into_iter().flat_map(|(list, flags)| {
        flags.iter().filter_map(move |(flag, advice)| {
            of_flag(stream, step, customer, &Finding { list, flag: *flag, advice })
        })
    });
    found.collect()
}

struct Finding {
    list: &'static str,
    flag: Flag,
    advice: &'static str,
}

/// The row of a flag that the step has, or none any more if it had it once.
fn of_flag<F: Fact>(
    stream: &Stream,
    step: &StepHistory<'_, F>,
    customer: &Customer,
    finding: &Finding,
) -> Option<Change> {
    let Finding { list, flag, advice } = finding;
    let since = step.moments.iter().find(|moment| match &moment.what {
        Decision::Recorded(verdict) | Decision::Revised { to: verdict, .. } => {
            verdict.flags.contains(flag)
        }
        Decision::Overdue | Decision::Overridden(_) => false,
    })?;
    let entry = step.entry;
    let position = step.moments.last()?.position;
    let key = StepId::derive(&stream.source, flag.code(), &entry.step.id.to_string()).to_string();
    if !(entry.verdict.is_applied() && entry.verdict.flags.contains(flag)) {
        return Some(Change { key, write: Write::Delete, position, cells: Vec::new() });
    }
    let party = customer.or(entry.step.fact.party());
    let subject = subject_of(stream, &entry.step.fact);
    let document = json!({
        "id": key,
        "source": stream.source,
        "code": flag.code(),
        "class": flag.code(),
        "application_id": subject.id_of("application"),
        "subject": subject,
        "customer_id": party.customer_id,
        "partner_customer_id": party.partner_customer_id,
        "since": entry.step.occurred_at,
        "found_at": since.recorded_at,
        "message": flag.meaning(),
        "suggestion": advice,
        "delivery_id": entry.step.id,
    });
    let cells = vec![
        since.position.into(),
        (*list).into(),
        flag.code().into(),
        party.customer_id.into(),
        entry.step.occurred_at.as_microsecond().into(),
        None::<&str>.into(),
        Cell::document(&document),
    ];
    Some(Change { key, write: Write::Replace, position, cells })
}
