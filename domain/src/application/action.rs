//! What somebody has to do about an application, opened and closed by its steps.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ApplicationFact;
use crate::{judge::Item, step::StepId};

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Send the customer to the signing page.
    RedirectToSigning,
    /// Have the card created.
    InitiateCardCreation,
    /// Keep the lender's engagement id.
    StoreEngagementId,
    /// The customer has to do what the lender asks.
    ConsumerAction,
    /// The merchant has to do what the lender asks.
    MerchantAction,
    /// Create a charge with the confirmation's token.
    CreateCharge,
    /// Hand in documents.
    ProvideDocuments,
    /// Correct the data of the application.
    CorrectData,
    /// Apply once more.
    RetryApplication,
    /// Apply again, from a day on.
    Reapply,
    /// Speak with the lender's support.
    ContactSupport,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The partner's backend.
    Partner,
    /// The customer.
    Customer,
    /// The merchant.
    Merchant,
}

impl ActionKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::RedirectToSigning,
        Self::InitiateCardCreation,
        Self::StoreEngagementId,
        Self::ConsumerAction,
        Self::MerchantAction,
        Self::CreateCharge,
        Self::ProvideDocuments,
        Self::CorrectData,
        Self::RetryApplication,
        Self::Reapply,
        Self::ContactSupport,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RedirectToSigning => "redirect_to_signing",
            Self::InitiateCardCreation => "initiate_card_creation",
            Self::StoreEngagementId => "store_engagement_id",
            Self::ConsumerAction => "consumer_action",
            Self::MerchantAction => "merchant_action",
            Self::CreateCharge => "create_charge",
            Self::ProvideDocuments => "provide_documents",
            Self::CorrectData => "correct_data",
            Self::RetryApplication => "retry_application",
            Self::Reapply => "reapply",
            Self::ContactSupport => "contact_support",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whose turn it is.
    pub const fn owner(self) -> Owner {
        match self {
            Self::RedirectToSigning
            | Self::InitiateCardCreation
            | Self::StoreEngagementId
            | Self::CreateCharge
            | Self::RetryApplication => Owner::Partner,
            Self::ConsumerAction
            | Self::ProvideDocuments
            | Self::CorrectData
            | Self::Reapply
            | Self::ContactSupport => Owner::Customer,
            Self::MerchantAction => Owner::Merchant,
        }
    }

    /// What to do, in a sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::RedirectToSigning => "send the customer to the signing page",
            Self::InitiateCardCreation => "have the card created",
            Self::StoreEngagementId => "keep the lender's engagement id",
            Self::ConsumerAction => "the lender waits for the customer",
            Self::MerchantAction => "the lender waits for the merchant",
            Self::CreateCharge => "create a charge with the token of the confirmation",
            Self::ProvideDocuments => "the customer has to hand in documents",
            Self::CorrectData => "the customer's data has to be corrected",
            Self::RetryApplication => "apply once more",
            Self::Reapply => "the customer may apply again from the day named",
            Self::ContactSupport => "the customer should speak with the lender's support",
        }
    }
}

impl Owner {
    /// All owners.
    pub const ALL: [Self; 3] = [Self::Partner, Self::Customer, Self::Merchant];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Customer => "customer",
            Self::Merchant => "merchant",
        }
    }
}

/// Something that has to be done, or had to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// The step that asked for it.
    pub opened_by: StepId,
    /// When it was asked for.
    pub opened_at: Timestamp,
    /// By when it should be done.
    pub due_at: Option<Timestamp>,
    /// The first day on which it is possible, in UTC.
    pub from: Option<Date>,
    /// Why, in the lender's word.
    pub reason: Option<String>,
    /// What the lender advises, in its own words.
    pub advice: Option<&'static str>,
    /// The lender whose turn it is about, where an application has several.
    pub lender_id: Option<String>,
    /// The secret that it takes, by reference.
    pub secret: Option<Uuid>,
    /// How it ended, if it has.
    pub closed: Option<Closed>,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The step that ended it.
    pub by: StepId,
    /// When that happened.
    pub at: Timestamp,
    /// Whether the partner did it, or it fell away.
    pub how: How,
}

/// Why an action is not open any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The partner did it.
    Done,
    /// What the lender reported later settles it.
    Settled,
}

/// The actions of an application, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Actions(Vec<Action>);

impl Actions {
    /// All of them.
    pub fn all(&self) -> &[Action] {
        &self.0
    }

    /// Opens an action, to be told more of.
    pub(super) fn open(
        &mut self,
        kind: ActionKind,
        item: &Item<'_, ApplicationFact>,
    ) -> &mut Action {
        self.0.push(Action {
            kind,
            opened_by: item.step.id,
            opened_at: item.step.occurred_at,
            due_at: None,
            from: None,
            reason: None,
            advice: None,
            lender_id: None,
            secret: None,
            closed: None,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Those that are open and meant fall away.
    pub(super) fn settle(
        &mut self,
        item: &Item<'_, ApplicationFact>,
        meant: impl Fn(&Action) -> bool,
    ) {
        let how = How::Settled;
        let closed = Closed { by: item.step.id, at: item.step.occurred_at, how };
        let open = self.0.iter_mut().filter(|action| action.closed.is_none());
        open.filter(|action| meant(action)).for_each(|action| action.closed = Some(closed));
    }

    /// Whether an action was asked for, and the partner has not done it. It may have fallen away
    /// by what was reported after, which the partner could not know.
    pub(super) fn can_be_done(&self, kind: ActionKind, opened_by: StepId) -> bool {
        let is = |action: &&Action| action.kind == kind && action.opened_by == opened_by;
        let done = |action: &Action| action.closed.is_some_and(|closed| closed.how == How::Done);
        self.0.iter().find(is).is_some_and(|action| !done(action))
    }

    /// The partner did it, whatever has been reported since.
    pub(super) fn done(
        &mut self,
        item: &Item<'_, ApplicationFact>,
        (kind, opened_by): (ActionKind, StepId),
    ) {
        let closed = Closed { by: item.step.id, at: item.step.occurred_at, how: How::Done };
        let is = |action: &&mut Action| action.kind == kind && action.opened_by == opened_by;
        if let Some(action) = self.0.iter_mut().find(is) {
            action.closed = Some(closed);
        }
    }
}
