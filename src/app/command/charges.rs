//! Charges, as the partner creates and voids them and a person links them.

use creditrail_domain::{
    AggregateType,
    application::{ApplicationFact, Statement, lenders},
    charge::{ChargeFact, Linkage, Report},
    step::{Origin, Step},
};
use creditrail_projections::StreamId;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    CommandError, PartnerKey, given, partner, partner_step, past, person, reason, required, told,
    words,
};
use crate::{
    app::{Creditrail, judge::Command, writer::Receipt},
    sources::{AnyStep, Kind},
};

/// A charge that the partner created with a confirmation of an application.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCharge {
    /// The lender's id of the charge. Required.
    pub charge_id: Option<String>,
    /// The application. Required.
    pub application_id: Option<String>,
    /// The partner's id of the order.
    pub merchant_order_id: Option<String>,
    /// The partner's id of the customer.
    pub partner_customer_id: Option<String>,
    /// Who tells; the partner, if nobody is named.
    pub actor: Option<String>,
    /// When it was created; now if absent.
    pub occurred_at: Option<Timestamp>,
}

/// A void of a charge. No webhook tells of it, so the partner does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoidCharge {
    /// Why.
    pub reason: Option<String>,
    /// Who; the partner, if nobody is named.
    pub actor: Option<String>,
    /// When it was voided; now if absent.
    pub occurred_at: Option<Timestamp>,
}

/// A person says to which application a charge belongs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkCharge {
    /// The application. Required.
    pub application_id: Option<String>,
    /// Why. Required.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

/// Which sources have charges.
const CHARGES: (&str, Kind, &str) =
    ("charges", Kind::ChargeAfter, "sources of kind `charge-after` have");

impl Creditrail {
    /// Records that the partner created a charge: links it with its application, and closes what
    /// asked for it. Asking again changes nothing.
    ///
    /// # Errors
    /// [`CommandError`]: an id is missing, the charge belongs to another application, not written.
    pub async fn create_charge(
        &self,
        source: &str,
        new: NewCharge,
    ) -> Result<Receipt, CommandError> {
        self.source_with(source, CHARGES)?;
        let now = self.now();
        let actor = partner(new.actor)?;
        let charge_id = required("charge_id", new.charge_id)?;
        let application_id = required("application_id", new.application_id)?;
        let occurred_at = past("occurred_at", new.occurred_at.unwrap_or(now), now)?;
        let (order, partner_customer_id) =
            (given(new.merchant_order_id), given(new.partner_customer_id));
        let key = serde_json::json!(["link", application_id, order, partner_customer_id]);
        let fact = ChargeFact {
            report: Report::Linked {
                application_id: application_id.clone(),
                how: Linkage::Partner,
                actor: actor.clone(),
                reason: None,
            },
            merchant_order_id: order,
            customer_id: None,
            partner_customer_id,
        };
        let at = (occurred_at, now);
        let key = (charge_id.as_str(), key.to_string());
        self.on_charge(source, key, fact, (Origin::Partner, at)).await?;
        self.belongs(source, (&charge_id, application_id), (actor, at)).await
    }

    /// Tells the application that it has a charge, which closes what asked for one.
    async fn belongs(
        &self,
        source: &str,
        (charge_id, application_id): (&str, String),
        (actor, at): (String, (Timestamp, Timestamp)),
    ) -> Result<Receipt, CommandError> {
        let known = self.source(source)?;
        let charge_id = charge_id.to_owned();
        let statement = lenders::Statement::ChargeCreated { charge_id: charge_id.clone() };
        let statement = Statement::Lenders(statement);
        let fact = ApplicationFact { statement, customer_id: None, partner_customer_id: None };
        let key = PartnerKey {
            aggregate_type: AggregateType::Application,
            key: format!("charge:{application_id}:{charge_id}"),
        };
        let step = Step { told_by: Some(actor), ..partner_step(source, key, fact, at) };
        let step = AnyStep::Application(step);
        let stream = StreamId { aggregate_type: AggregateType::Application, id: application_id };
        Ok(known.command(stream, Command::Record(step), at.1).await?)
    }

    /// Records that a charge was voided.
    ///
    /// # Errors
    /// [`CommandError`]: the charge is settled in full, voided already, charged back, not written.
    pub async fn void_charge(
        &self,
        source: &str,
        charge_id: &str,
        void: VoidCharge,
    ) -> Result<Receipt, CommandError> {
        let now = self.now();
        let occurred_at = past("occurred_at", void.occurred_at.unwrap_or(now), now)?;
        let reason = void.reason.map(|given| words("reason", given)).transpose()?;
        let actor = partner(void.actor)?;
        let fact = ChargeFact {
            report: Report::Voided { reason, actor },
            merchant_order_id: None,
            customer_id: None,
            partner_customer_id: None,
        };
        let key = (charge_id, format!("void:{occurred_at}"));
        self.on_charge(source, key, fact, (Origin::Partner, (occurred_at, now))).await
    }

    /// Links a charge with an application by a person's word, which outweighs all others.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no application, linked so already, not written.
    pub async fn link_charge(
        &self,
        source: &str,
        charge_id: &str,
        link: LinkCharge,
    ) -> Result<Receipt, CommandError> {
        let now = self.now();
        let (reason, actor) = (reason(link.reason)?, person(link.actor)?);
        let application_id = required("application_id", link.application_id)?;
        let key = (charge_id, format!("operator_link:{application_id}:{now}"));
        let at = (Origin::Operator, (now, now));
        let fact = ChargeFact {
            report: Report::Linked {
                application_id,
                how: Linkage::Operator,
                actor,
                reason: Some(reason),
            },
            merchant_order_id: None,
            customer_id: None,
            partner_customer_id: None,
        };
        self.on_charge(source, key, fact, at).await
    }

    async fn on_charge(
        &self,
        source: &str,
        (charge_id, what): (&str, String),
        fact: ChargeFact,
        told_at: (Origin, (Timestamp, Timestamp)),
    ) -> Result<Receipt, CommandError> {
        let known = self.source_with(source, CHARGES)?;
        let id = creditrail_domain::ids::canonical(charge_id);
        let aggregate_type = AggregateType::Charge;
        let key = PartnerKey { aggregate_type, key: format!("{id}:{what}") };
        let step = AnyStep::Charge(told(source, key, fact, told_at));
        let stream = StreamId { aggregate_type, id };
        Ok(known.command(stream, Command::Record(step), told_at.1.1).await?)
    }
}
