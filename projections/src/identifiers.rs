//! Every id by which a thing can be found, for the search.

use std::collections::BTreeMap;

use creditrail_domain::{
    Lifecycle, Policies,
    application::{ApplicationLifecycle, State},
    step::{Fact, Party},
};
use serde_json::json;

use crate::{
    History, Stream,
    history::{Customer, StepHistory, Steps},
    row::{Change, ReadModel, Table, Write},
};

/// Ids and what they lead to, one row for each pair.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table =
    Table { name: "identifiers", columns: &["first_position", "subject_type", "subject_id"] };

/// To what an id can lead.
pub const SUBJECTS: [&str; 5] =
    ["transaction", "payment_method", "application", "charge", "customer"];

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let mut found = Found::default();
    let id = stream.id.id.as_str();
    match &stream.history {
        History::Transaction(steps) => {
            for step in steps.touched() {
                found.of_step("transaction", id, &step);
                let fact = &step.entry.step.fact;
                let ids = [&fact.intent_id, &fact.network_transaction_id];
                for value in ids.into_iter().flatten().chain([&step.entry.step.key]) {
                    found.add(value, ("transaction", id), first_position(&step));
                }
            }
        }
        History::PaymentMethod(steps) => {
            steps.touched().for_each(|step| found.of_step("payment_method", id, &step));
        }
        History::CustomerLink(steps) => steps.touched().for_each(|step| found.customer(&step)),
        History::Application(steps) => {
            steps.touched().for_each(|step| found.customer(&step));
            match steps.state(policies) {
                State::Decisions(_) => found.applications(steps, policies),
                State::Onboarding(_) | State::Lenders(_) => found.application(steps, id, policies),
            }
        }
        History::Charge(steps) => {
            found.of_customer(steps, policies);
            for step in steps.touched() {
                found.add(id, ("charge", id), first_position(&step));
                let fact = &step.entry.step.fact;
                for value in fact.ids().into_iter().chain(fact.partner_customer_id.as_deref()) {
                    found.add(value, ("charge", id), first_position(&step));
                }
            }
        }
        History::Exception(_) | History::Access(_) | History::Privacy(_) | History::Secret(_) => {}
    }
    found.into_changes()
}

/// Ids with what they lead to, and the position of the event that told so first.
#[derive(Default)]
struct Found {
    subjects: BTreeMap<(String, &'static str, String), i64>,
    gone: Vec<Change>,
}

impl Found {
    /// The ids of the thing and of its customer. A delivery is found by its own key.
    fn of_step<F: Fact>(&mut self, kind: &'static str, id: &str, step: &StepHistory<'_, F>) {
        let position = first_position(step);
        self.customer(step);
        self.add(id, (kind, id), position);
    }

    fn customer<F: Fact>(&mut self, step: &StepHistory<'_, F>) {
        let Party { customer_id, partner_customer_id } = step.entry.step.fact.party();
        let Some(customer) = customer_id else { return };
        for value in [customer_id, partner_customer_id].into_iter().flatten() {
            self.add(value, ("customer", customer), first_position(step));
        }
    }

    /// The ids of the customer whom the steps together tell.
    fn of_customer<L: Lifecycle>(&mut self, steps: &Steps<L>, policies: &Policies) {
        for (_, Customer { customer_id, partner_customer_id }) in steps.customers(policies) {
            let Some(customer) = &customer_id else { continue };
            for value in [&customer_id, &partner_customer_id].into_iter().flatten() {
                self.add(value, ("customer", customer), steps.first_position);
            }
        }
    }

    /// An application with an id of its own, found by every id that was named with it.
    fn application(&mut self, steps: &Steps<ApplicationLifecycle>, id: &str, policies: &Policies) {
        self.of_customer(steps, policies);
        for step in steps.touched() {
            let position = first_position(&step);
            self.add(id, ("application", id), position);
            let fact = &step.entry.step.fact;
            for value in fact.ids() {
                self.add(value, ("application", id), position);
            }
            if let Some(partner) = &fact.partner_customer_id {
                self.add(partner, ("application", id), position);
            }
        }
    }

    fn applications(&mut self, steps: &Steps<ApplicationLifecycle>, policies: &Policies) {
        let state = steps.state(policies);
        for application in state.applications() {
            let id = application.id.to_string();
            let alias = application.alias.map(|alias| alias.to_string());
            let partner = application.partner_customer_id.as_deref();
            for value in [Some(id.as_str()), alias.as_deref(), partner].into_iter().flatten() {
                self.add(value, ("application", &id), steps.first_position);
            }
        }
        // Ids by which nothing is known any more lead nowhere.
        for step in steps.all() {
            let fact = &step.entry.step.fact;
            let Some(told) = fact.statement.application_id() else { continue };
            if state.applications().iter().any(|known| known.id == told) {
                continue;
            }
            let told = told.to_string();
            for value in [Some(told.as_str()), fact.partner_customer_id.as_deref()] {
                self.gone.extend(value.map(|value| Change {
                    key: key(&value.to_lowercase(), "application", &told),
                    write: Write::Delete,
                    position: steps.position,
                    cells: Vec::new(),
                }));
            }
        }
    }

    fn add(&mut self, value: &str, (kind, id): (&'static str, &str), position: i64) {
        let known = self.subjects.entry((value.to_lowercase(), kind, id.to_owned()));
        let first = known.or_insert(position);
        *first = position.min(*first);
    }

    fn into_changes(self) -> Vec<Change> {
        let rows = self.subjects.into_iter().map(|((value, kind, id), position)| Change {
            key: key(&value, kind, &id),
            write: Write::KeepFirst,
            position,
            cells: vec![position.into(), kind.into(), id.into()],
        });
        self.gone.into_iter().chain(rows).collect()
    }
}

fn first_position<F>(step: &StepHistory<'_, F>) -> i64 {
    step.moments.first().map_or(0, |moment| moment.position)
}

fn key(value: &str, kind: &str, id: &str) -> String {
    json!([value, kind, id]).to_string()
}

/// The keys of all rows for an id, in any case: from the first, up to before the second.
pub fn keys_of(value: &str) -> (String, String) {
    let mut from = json!([value.to_lowercase()]).to_string();
    from.pop();
    // `-` is the byte after the comma that follows the value.
    (format!("{from},"), format!("{from}-"))
}
