//! The lists that can be asked for: their tables, their filters, and what those may be.

use creditrail_domain::{application, charge, payment_method, transaction};
use creditrail_projections::{
    Table, actions, applications, charges, exceptions, findings, payment_methods, transactions,
};

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
}

impl List {
    pub(super) const fn table(self) -> &'static Table {
        match self {
            Self::Transactions => transactions::READ_MODEL.table,
            Self::PaymentMethods => payment_methods::READ_MODEL.table,
            Self::Applications => applications::READ_MODEL.table,
            Self::Exceptions => exceptions::READ_MODEL.table,
            Self::Charges => charges::READ_MODEL.table,
            Self::Actions => actions::READ_MODEL.table,
            Self::Stale | Self::Discrepancies => findings::READ_MODEL.table,
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
        if filter == "class" { "code" } else { filter }
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
            (Self::Exceptions, "status") => Some(exceptions::STATUSES.into()),
            (Self::Exceptions, "severity") => Some(exceptions::SEVERITIES.into()),
            _ => None,
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
        }
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
