//! The events of all aggregates, for those who read the whole log.

use crate::{
    access::AccessEvent, application::ApplicationFact, charge::ChargeFact,
    customer_link::CustomerLinkFact, exception::ExceptionEvent, journal::StepEvent,
    payment_method::PaymentMethodFact, privacy::PrivacyEvent, secret::SecretEvent,
    transaction::TransactionFact,
};

/// The version that new events are written in.
pub const VERSION: &str = "1";

/// The kinds of aggregate. Their names are a contract: they stand in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AggregateType {
    /// What a caller did, in the log of accesses.
    Access,
    /// The applications of one applicant.
    Application,
    /// A charge.
    Charge,
    /// A link of customer ids.
    CustomerLink,
    /// An exception that belongs to no step.
    Exception,
    /// A card.
    PaymentMethod,
    /// What is done about a person's data.
    Privacy,
    /// A secret out of a payload.
    Secret,
    /// A card transaction.
    Transaction,
}

impl AggregateType {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Access,
        Self::Application,
        Self::Charge,
        Self::CustomerLink,
        Self::Exception,
        Self::PaymentMethod,
        Self::Privacy,
        Self::Secret,
        Self::Transaction,
    ];

    /// The name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Application => "application",
            Self::Charge => "charge",
            Self::CustomerLink => "customer_link",
            Self::Exception => "exception",
            Self::PaymentMethod => "payment_method",
            Self::Privacy => "privacy",
            Self::Secret => "secret",
            Self::Transaction => "transaction",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An event of any aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Of a caller.
    Access(AccessEvent),
    /// Of an applicant.
    Application(StepEvent<ApplicationFact>),
    /// Of a charge.
    Charge(StepEvent<ChargeFact>),
    /// Of a link.
    CustomerLink(StepEvent<CustomerLinkFact>),
    /// Of an exception.
    Exception(ExceptionEvent),
    /// Of a card.
    PaymentMethod(StepEvent<PaymentMethodFact>),
    /// Of what is done about a person's data.
    Privacy(PrivacyEvent),
    /// Of a secret.
    Secret(SecretEvent),
    /// Of a transaction.
    Transaction(StepEvent<TransactionFact>),
}

impl Event {
    /// The kind of aggregate.
    pub const fn aggregate_type(&self) -> AggregateType {
        match self {
            Self::Access(_) => AggregateType::Access,
            Self::Application(_) => AggregateType::Application,
            Self::Charge(_) => AggregateType::Charge,
            Self::CustomerLink(_) => AggregateType::CustomerLink,
            Self::Exception(_) => AggregateType::Exception,
            Self::PaymentMethod(_) => AggregateType::PaymentMethod,
            Self::Privacy(_) => AggregateType::Privacy,
            Self::Secret(_) => AggregateType::Secret,
            Self::Transaction(_) => AggregateType::Transaction,
        }
    }

    /// The name of the event in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Access(event) => event.name(),
            Self::Application(event) => event.name(),
            Self::Charge(event) => event.name(),
            Self::CustomerLink(event) => event.name(),
            Self::Exception(event) => event.name(),
            Self::PaymentMethod(event) => event.name(),
            Self::Privacy(event) => event.name(),
            Self::Secret(event) => event.name(),
            Self::Transaction(event) => event.name(),
        }
    }
}
