//! What a partner has to know of what was sent: the domain's own fold over the distinct authentic
//! steps, apart from any store.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use creditrail_domain::{
    Currency, Money, Policies, Step, StepId, application,
    charge::{self, ChargeLifecycle},
    customer_link::CustomerLinkLifecycle,
    journal::{Command, Journal, Lifecycle},
    payment_method::{self, PaymentMethodLifecycle},
    transaction::{self, TransactionLifecycle},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sources::{
    AnyStep, Call, Decoded, Kind, Lender, OutsideWindow, SourceConfig, imprint::SignatureForm,
    lender, reading::to_microseconds, scrub,
};

/// Reads deliveries as the partner's source does.
pub struct Reader {
    source: String,
    lender: Box<dyn Lender>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("source", &self.source).finish_non_exhaustive()
    }
}

/// A delivery as it is read.
#[derive(Clone, Debug)]
pub struct Understood {
    /// The id that it has with the partner: the same content under the same key has the same.
    pub id: StepId,
    decoded: Decoded,
}

impl Reader {
    /// Of a source of that name and kind; `None` for a kind that a host brings.
    pub fn new(source: &str, kind: Kind, currency: Currency) -> Option<Self> {
        let config = SourceConfig {
            name: source.to_owned(),
            kind,
            currency,
            secrets: Vec::new(),
            authorization: None,
            signature: SignatureForm::default(),
            outside_window: OutsideWindow::default(),
            policies: Policies::default(),
        };
        Some(Self { source: source.to_owned(), lender: lender(&config)? })
    }

    /// A body that was received then, and signed then where the lender signs a time.
    pub fn read(
        &self,
        body: &str,
        received_at: Timestamp,
        signed_at: Option<Timestamp>,
    ) -> Understood {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let scrubbed = scrub::scrub(&body, self.lender.secret_fields());
        let pan_masked = scrubbed.masked > 0;
        let signed_at = signed_at.map(to_microseconds);
        let call = Call { received_at, signed_at, outside_window: false, pan_masked };
        let decoded = self.lender.decode(&scrubbed.body, call);
        let id = StepId::derive(&self.source, &decoded.dedup_key, &decoded.content);
        Understood { id, decoded }
    }
}

/// What is known of some deliveries, at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// What became of each.
    pub outcomes: BTreeMap<StepId, &'static str>,
    /// The ids of the things that they are about, as deliveries name them.
    pub subjects: BTreeSet<String>,
    /// The views of the things: by the path below `/v1/`, without the source, what each shows.
    pub things: BTreeMap<ThingId, Value>,
    /// The steps of each thing.
    pub steps: BTreeMap<ThingId, BTreeSet<StepId>>,
}

/// A thing: the list that it is in, and its id.
pub type ThingId = (&'static str, String);

impl Known {
    /// What is known of these. With a present, what waited in vain by then is judged again.
    pub fn of(taken: &[Understood], now: Option<Timestamp>) -> Self {
        let mut known = Self::default();
        let mut streams = Streams::default();
        let distinct: BTreeMap<StepId, &Understood> =
            taken.iter().map(|understood| (understood.id, understood)).collect();
        for Understood { id, decoded } in distinct.into_values() {
            match &decoded.what {
                Ok((stream, step)) => streams.take(&stream.id, step),
                Err(unreadable) => {
                    known.outcomes.insert(*id, unreadable.kind.name());
                }
            }
        }
        streams.fold(now, &mut known);
        known
    }

    fn take<L: Lifecycle>(&mut self, journal: &Journal<L>) {
        for entry in journal.entries() {
            self.outcomes.insert(entry.step.id, entry.verdict.outcome.name());
        }
    }

    fn show(&mut self, thing: ThingId, view: Value, steps: BTreeSet<StepId>) {
        self.things.insert(thing.clone(), view);
        self.steps.insert(thing, steps);
    }
}

type Stream<F> = BTreeMap<String, Vec<Step<F>>>;

/// The steps of each stream.
#[derive(Default)]
struct Streams {
    applications: Stream<application::ApplicationFact>,
    charges: Stream<charge::ChargeFact>,
    links: Stream<creditrail_domain::customer_link::CustomerLinkFact>,
    cards: Stream<payment_method::PaymentMethodFact>,
    transactions: Stream<transaction::TransactionFact>,
}

impl Streams {
    fn take(&mut self, id: &str, step: &AnyStep) {
        let id = id.to_owned();
        match step.clone() {
            AnyStep::Application(step) => self.applications.entry(id).or_default().push(step),
            AnyStep::Charge(step) => self.charges.entry(id).or_default().push(step),
            AnyStep::CustomerLink(step) => self.links.entry(id).or_default().push(step),
            AnyStep::PaymentMethod(step) => self.cards.entry(id).or_default().push(step),
            AnyStep::Transaction(step) => self.transactions.entry(id).or_default().push(step),
        }
    }

    fn fold(self, now: Option<Timestamp>, known: &mut Known) {
        let policies = Policies::default();
        for (id, steps) in self.transactions {
            let journal = journal::<TransactionLifecycle>(steps, now, &policies);
            known.take(&journal);
            let view = transaction(&journal.state(&policies));
            known.show(("transactions", id.clone()), view, ids(&journal));
            known.subjects.insert(id);
        }
        for (id, steps) in self.cards {
            let journal = journal::<PaymentMethodLifecycle>(steps, now, &policies);
            known.take(&journal);
            let status = journal.state(&policies).status();
            let view = json!({ "status": status.map_or("unknown", payment_method::Status::name) });
            known.show(("payment-methods", id.clone()), view, ids(&journal));
            known.subjects.insert(id);
        }
        for (id, steps) in self.links {
            // No view shows a link alone; what became of its steps does.
            known.take(&journal::<CustomerLinkLifecycle>(steps, now, &policies));
            known.subjects.insert(id);
        }
        for (id, steps) in self.charges {
            let journal = journal::<ChargeLifecycle>(steps, now, &policies);
            known.take(&journal);
            let view = charge(&journal.state(&policies));
            known.show(("charges", id.clone()), view, ids(&journal));
            known.subjects.insert(id);
        }
        for (id, steps) in self.applications {
            let journal = journal::<application::ApplicationLifecycle>(steps, now, &policies);
            known.take(&journal);
            applications(&id, &journal, &policies, known);
            known.subjects.insert(id);
        }
    }
}

fn ids<L: Lifecycle>(journal: &Journal<L>) -> BTreeSet<StepId> {
    journal.entries().iter().map(|entry| entry.step.id).collect()
}

fn journal<L: Lifecycle>(
    steps: Vec<Step<L::Fact>>,
    now: Option<Timestamp>,
    policies: &Policies,
) -> Journal<L> {
    let mut journal = Journal::default();
    let steps = steps.into_iter().map(|step| Command::Record(Box::new(step)));
    for command in steps.chain(now.map(|now| Command::PassTime { now })) {
        // What a lender reports is never an error: a refusal is an event.
        let events = journal.decide(command, policies).unwrap_or_default();
        events.into_iter().for_each(|event| journal.apply(event));
    }
    journal
}

fn transaction(state: &transaction::State) -> Value {
    json!({
        "status": state.status().name(),
        "authorized": state.authorized(),
        "captured": state.captured(),
        "refunded": state.refunded(),
        "hold": state.hold(),
        "customer_id": state.customer_id(),
    })
}

fn charge(state: &charge::State) -> Value {
    json!({
        "status": state.status().name(),
        "authorized": state.authorized().map_or(0, |money| money.minor),
        "settled": state.settled(),
        "refunded": state.refunded(),
        "charged_back": state.charged_back(),
        "chargebacks_reversed": state.chargebacks_reversed(),
        "open_to_settle": state.open_to_settle(),
        "net_to_merchant": state.net_to_merchant(),
    })
}

fn applications(
    id: &str,
    journal: &Journal<application::ApplicationLifecycle>,
    policies: &Policies,
    known: &mut Known,
) {
    let decision = |decision: Option<application::Decision>| {
        decision.map(|decision| match decision {
            application::Decision::Accepted => "accepted",
            application::Decision::Rejected => "rejected",
        })
    };
    let state = journal.state(policies);
    for one in state.applications() {
        let view = json!({
            "status": one.status().name(),
            "decision": decision(one.decided.map(|(decision, _)| decision)),
        });
        let steps = one.steps.iter().copied().collect();
        known.show(("applications", one.id.to_string()), view, steps);
    }
    let view = match state {
        application::State::Decisions(_) => return,
        application::State::Onboarding(state) => json!({
            "status": state.status().public_name(),
            "decision": decision(state.decision()),
            "reapply_after": state.reapply_after(),
        }),
        application::State::Lenders(state) => json!({
            "status": state.status().name(),
            "decision": decision(state.decision()),
            "lenders": state.tracks.iter().map(|(lender, track)| json!({
                "lender_id": lender,
                "status": track.status.name(),
                "amount": track.amount.map(|Money { minor, .. }| minor),
            })).collect::<Vec<_>>(),
        }),
    };
    known.show(("applications", id.to_owned()), view, ids(journal));
}
