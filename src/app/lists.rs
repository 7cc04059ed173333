//! The lists that can be asked for: their tables, their filters, and what those may be.

use creditrail_domain::{StepId, application, charge, payment_method, transaction};
use creditrail_projections::{
    ReadModel, Table, access_records, actions, applications, charges, compliance, exceptions,
    findings, payment_methods, timeline, transactions,
};

use serde_json::Value;

use super::{
    Creditrail, access,
    read::{OUTCOMES, ReadError},
    sending,
};
use crate::store::Order;

/// A list that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Transactions.
    Transactions,
    /// Cards.
    PaymentMethods,
    /// Applications.
    Applications,
    /// Exceptions.
    Exceptions,
    /// Charges.
    Charges,
    /// What somebody has to do.
    Actions,
    /// What has been silent for long.
    Stale,
    /// Where the browser and the lender contradict each other.
    Discrepancies,
    /// What is counted from a decision: notices due, retention, from when to apply again.
    Compliance,
    /// What people did.
    AccessRecords,
    /// Deliveries, without headers and bodies.
    Deliveries,
}

/// As of which moment of the log something is asked.
pub const AS_OF: &str = "as_of";
/// By when it runs out.
pub const DUE_BEFORE: &str = "due_before";
/// By when it is to have happened.
pub const HAPPENED_BY: &str = "happened_by";

impl List {
    /// Of which past states it can be asked for. Exceptions are what people were shown, so they have
    /// the axis of the log alone; findings stand by the clock, and the others are never changed.
    pub const fn axes(self) -> &'static [&'static str] {
        match self {
            Self::Transactions
            | Self::PaymentMethods
            | Self::Applications
            | Self::Charges
            | Self::Actions => &[AS_OF, HAPPENED_BY],
            Self::Exceptions => &[AS_OF],
            Self::Stale
            | Self::Discrepancies
            | Self::Compliance
            | Self::AccessRecords
            | Self::Deliveries => &[],
        }
    }

    /// All lists, each with its name in the interface.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Transactions, "transactions"),
        (Self::PaymentMethods, "payment-methods"),
        (Self::Applications, "applications"),
        (Self::Charges, "charges"),
        (Self::Exceptions, "exceptions"),
        (Self::Actions, "actions"),
        (Self::Stale, "stale"),
        (Self::Discrepancies, "discrepancies"),
        (Self::Compliance, "compliance"),
        (Self::Deliveries, "deliveries"),
        (Self::AccessRecords, "access-records"),
    ];

    /// The list of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(list, known)| (known == name).then_some(list))
    }

    /// The name in the interface.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(list, _)| *list == self).map_or("", |(_, name)| name)
    }

    pub(super) fn table(self) -> &'static Table {
        self.model().table
    }

    pub(super) const fn model(self) -> &'static ReadModel {
        match self {
            Self::Transactions => &transactions::READ_MODEL,
            Self::PaymentMethods => &payment_methods::READ_MODEL,
            Self::Applications => &applications::READ_MODEL,
            Self::Exceptions => &exceptions::READ_MODEL,
            Self::Charges => &charges::READ_MODEL,
            Self::Actions => &actions::READ_MODEL,
            Self::Stale | Self::Discrepancies => &findings::READ_MODEL,
            Self::Compliance => &compliance::READ_MODEL,
            Self::AccessRecords => &access_records::READ_MODEL,
            Self::Deliveries => &timeline::READ_MODEL,
        }
    }

    /// The column that tells its rows from those of another list in the same table.
    pub(super) const fn own(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Stale => Some(("list", "stale")),
            Self::Discrepancies => Some(("list", "discrepancies")),
            _ => None,
        }
    }

    /// The parameter's column, where it is named otherwise.
    pub fn column(self, filter: &'static str) -> &'static str {
        match (self, filter) {
            (Self::Discrepancies, "class") => "code",
            (Self::Deliveries, "outcome") => "t.outcome",
            (Self::Deliveries, "customer_id") => "t.customer_id",
            (_, filter) => filter,
        }
    }

    /// The values that a filter may have; `None` if they are open.
    pub fn values(self, filter: &str) -> Option<Vec<&'static str>> {
        match (self, filter) {
            (Self::Transactions, "status") => {
                Some(transaction::Status::ALL.into_iter().map(transaction::Status::name).collect())
            }
            (Self::PaymentMethods, "status") => {
                let known = payment_method::Status::ALL.into_iter();
                Some(
                    known
                        .map(payment_method::Status::name)
                        .chain([payment_methods::UNKNOWN])
                        .collect(),
                )
            }
            (Self::Applications, "status") => Some(application_statuses()),
            (Self::Charges, "status") => {
                Some(charge::Status::ALL.into_iter().map(charge::Status::name).collect())
            }
            (Self::Actions, "status") => Some(actions::STATUSES.into()),
            (Self::Actions, "kind") => {
                Some(application::ActionKind::ALL.map(application::ActionKind::name).into())
            }
            (Self::Actions, "owner") => {
                Some(application::action::Owner::ALL.map(application::action::Owner::name).into())
            }
            (Self::Stale, "code") => Some(findings::codes("stale")),
            (Self::Discrepancies, "class") => Some(findings::codes("discrepancies")),
            (Self::Compliance, "status") => Some(compliance::STATUSES.into()),
            (Self::Compliance, "kind") => {
                Some(compliance::Kind::ALL.map(compliance::Kind::name).into())
            }
            (Self::Deliveries, "outcome") => Some(OUTCOMES.to_vec()),
            (Self::AccessRecords, "act") => Some(access_records::acts()),
            (Self::Exceptions, "status") => Some(exceptions::STATUSES.into()),
            (Self::Exceptions, "severity") => Some(exceptions::SEVERITIES.into()),
            _ => None,
        }
    }

    /// The logs that it is about: of the sources, and for what belongs to none that of accesses, or what
    /// senders have in its place.
    pub fn logs(self, creditrail: &Creditrail) -> Vec<String> {
        let own = match self {
            Self::AccessRecords => Some(access::LOG),
            Self::Exceptions => Some(sending::LOG),
            _ => None,
        };
        creditrail.sources().chain(own).map(str::to_owned).collect()
    }

    /// The orders in which it can be asked for; the first one is the default.
    pub const fn orders(self) -> &'static [(&'static str, Order)] {
        const BY_TIME: [(&str, Order); 2] = [("newest", Order::Newest), ("oldest", Order::Oldest)];
        match self {
            Self::Exceptions => &[BY_TIME[0], BY_TIME[1], ("stake", Order::Stake)],
            Self::Compliance => &[("due", Order::Due)],
            _ => &BY_TIME,
        }
    }

    /// The columns by which it can be filtered, beside the source.
    pub const fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Transactions => &["status", "customer_id", "payment_method_id", "currency"],
            Self::PaymentMethods => &["status", "customer_id"],
            Self::Applications => &["status", "customer_id", "partner_customer_id"],
            Self::Exceptions => &["status", "code", "severity", "customer_id"],
            Self::Charges => &["status", "customer_id", "application_id"],
            Self::Actions => &["status", "kind", "owner", "customer_id"],
            Self::Stale => &["code", "customer_id"],
            Self::Discrepancies => &["class", "customer_id"],
            Self::Compliance => &["kind", "status", DUE_BEFORE, "customer_id"],
            Self::AccessRecords => &["act", "actor"],
            Self::Deliveries => &["outcome", "customer_id"],
        }
    }
}

impl Creditrail {
    /// The actions of an application, by its document: those that its steps have asked for, open or not.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn actions_of(
        &self,
        source: &str,
        application: &Value,
    ) -> Result<Vec<Value>, ReadError> {
        let steps = application["steps"].as_array().into_iter().flatten();
        let steps = steps.filter_map(|step| step["id"].as_str()?.parse().ok().map(StepId));
        let asked = |step| {
            let kinds = application::ActionKind::ALL.into_iter();
            kinds.map(move |kind| actions::id(source, kind, step))
        };
        let table = actions::READ_MODEL.table;
        let known = self.store.known_keys(table, source, steps.flat_map(asked).collect()).await?;
        let mut found = Vec::with_capacity(known.len());
        for key in known {
            found.extend(self.document(table, source, &key).await?);
        }
        found.sort_by_key(|action| action["opened_at"].to_string());
        Ok(found)
    }
}

/// The statuses of applications, of all kinds of lender.
fn application_statuses() -> Vec<&'static str> {
    let decisions = application::decisions::Status::ALL.map(application::decisions::Status::name);
    let onboarding =
        application::onboarding::Status::ALL.map(application::onboarding::Status::public_name);
    let lenders = application::lenders::Overall::ALL.map(application::lenders::Overall::name);
    let mut all: Vec<_> = decisions.into_iter().chain(onboarding).chain(lenders).collect();
    all.sort_unstable();
    all.dedup();
    all
}
