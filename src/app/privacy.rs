//! The personal data of people: what is held of them and until when, legal holds, and erasure.
//!
//! Erasing destroys the keys under which deliveries are sealed: see `content`. What is stored stays as
//! it is, and so does every proof.

use std::{collections::BTreeSet, time::Duration};

use creditrail_domain::{
    AggregateType, CommandRefusal,
    access::Act,
    ids,
    privacy::{Erasing, PrivacyCommand, Said},
};
use creditrail_projections::{StreamId, compliance, privacy};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Creditrail,
    command::{CommandError, person, reason},
    content,
    judge::Command,
    lists::List,
    read::ReadError,
    things::Rows as _,
    writer::{Receipt, WriteError},
};
use crate::{
    sources::scrub,
    store::{DataKey, privacy::Of},
};

/// How many deliveries are opened at once.
const PORTION: usize = 200;
/// How often, and how long apart, the database is asked to leave nothing behind.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// A person decides about somebody's data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecidePrivacy {
    /// Why. Required.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

/// What is held of a person, until when, and what was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The source.
    pub source: String,
    /// Who: `customer:id` by the lender's id, or `partner:id` by the partner's.
    pub subject: String,
    /// Under whose keys it is sealed: those of the person, and of what belongs to it.
    pub subjects: Vec<String>,
    /// How many deliveries there are of it.
    pub deliveries: usize,
    /// How many of them are from before deliveries were sealed: they cannot be erased.
    pub not_sealed: usize,
    /// How many keys are there.
    pub keys: usize,
    /// How many keys were destroyed.
    pub keys_destroyed: usize,
    /// Until when it is kept; `None` if there is nothing from which it counts.
    pub retained_until: Option<Timestamp>,
    /// From what that counts: `decision` or `last_delivery`.
    pub retained_from: Option<&'static str>,
    /// Who placed a legal hold, when and why; null if there is none.
    pub legal_hold: Value,
    /// Who erased it last, when and why; null if nobody has.
    pub erased: Value,
    /// Whether it may be erased now.
    pub may_be_erased: bool,
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedData {
    /// Who.
    pub subject: String,
    /// How many keys were destroyed.
    pub keys: usize,
    /// How many secrets went with them.
    pub secrets: usize,
    /// How many deliveries are from before deliveries were sealed, and stay as they are.
    pub not_sealed: usize,
    /// Whether nothing is left in the database's own files; else a reader kept its journal, and the
    /// next checkpoint of it takes that along.
    pub journal_emptied: bool,
    /// The position of the event that tells of it.
    pub position: Option<i64>,
}

/// A person, with all that belongs to it.
struct Person {
    subject: String,
    customer_id: Option<String>,
    partner_customer_ids: Vec<String>,
    applications: Vec<String>,
    charges: Vec<String>,
}

/// What is kept of a person.
struct Held {
    person: Person,
    keys: Vec<DataKey>,
    /// The ids of the deliveries.
    deliveries: Vec<String>,
    last_received_at: Option<Timestamp>,
}

impl Creditrail {
    /// What is held of a person, until when, and what was erased.
    ///
    /// # Errors
    /// [`CommandError`]: no such source or person, read models that are behind.
    pub async fn privacy(&self, source: &str, id: &str) -> Result<Status, CommandError> {
        let held = self.held(source, id).await?;
        let (not_sealed, _) = self.looked_through(source, &held).await?;
        let (retained_until, retained_from) = self.retained(source, &held).await?;
        let row = self.told_of(source, &held.person.subject).await?;
        let keys = held.keys.iter().filter(|key| key.sealed.is_some()).count();
        let has_ended = retained_until.is_none_or(|until| until <= self.now());
        Ok(Status {
            source: source.to_owned(),
            subjects: held.person.subjects(),
            deliveries: held.deliveries.len(),
            not_sealed,
            keys,
            keys_destroyed: held.keys.len() - keys,
            retained_until,
            retained_from,
            may_be_erased: keys > 0 && has_ended && row["legal_hold"].is_null(),
            legal_hold: row["legal_hold"].clone(),
            erased: row["erased"].clone(),
            subject: held.person.subject,
        })
    }

    /// Places a legal hold: nothing of the person is erased until it is released.
    ///
    /// # Errors
    /// [`CommandError`]: no such source or person, no reason, a hold that is there already (of
    /// [`Self::release`]: none), not written.
    pub async fn hold(
        &self,
        source: &str,
        id: &str,
        decided: DecidePrivacy,
    ) -> Result<Receipt, CommandError> {
        self.decide(source, id, (decided, Act::HoldPlaced)).await
    }

    /// Releases a legal hold.
    ///
    /// # Errors
    /// As [`Self::hold`].
    pub async fn release(
        &self,
        source: &str,
        id: &str,
        decided: DecidePrivacy,
    ) -> Result<Receipt, CommandError> {
        self.decide(source, id, (decided, Act::HoldReleased)).await
    }

    async fn decide(
        &self,
        source: &str,
        id: &str,
        (decided, act): (DecidePrivacy, Act),
    ) -> Result<Receipt, CommandError> {
        let said = self.said(decided)?;
        let subject = self.held(source, id).await?.person.subject;
        // The log decides; this is only so that nothing is told of what is refused.
        let row = self.told_of(source, &subject).await?;
        match (act, row["legal_hold"].is_null()) {
            (Act::HoldPlaced, false) => {
                return Err(WriteError::Refused(CommandRefusal::AlreadyHeld).into());
            }
            (Act::HoldReleased, true) => {
                return Err(WriteError::Refused(CommandRefusal::NotHeld).into());
            }
            _ => {}
        }
        self.record_access(act, &said.actor, (&format!("{source} {subject}"), &said.reason))
            .await?;
        let command = match act {
            Act::HoldPlaced => PrivacyCommand::Hold(said),
            _ => PrivacyCommand::Release(said),
        };
        self.command_privacy(source, subject, command).await
    }

    /// Destroys the keys under which the deliveries of a person are sealed, and the secrets that stood
    /// in them. What was recorded of it stays: ids, merchants, amounts.
    ///
    /// # Errors
    /// [`CommandError`]: no such source or person, no reason, a legal hold, a retention that has not
    /// ended, nothing to erase, not written.
    pub async fn erase(
        &self,
        source: &str,
        id: &str,
        decided: DecidePrivacy,
    ) -> Result<ErasedData, CommandError> {
        let said = self.said(decided)?;
        let status = self.privacy(source, id).await?;
        // The log decides; this is only so that nothing is told of what is refused.
        if !status.legal_hold.is_null() {
            return Err(WriteError::Refused(CommandRefusal::LegalHold).into());
        }
        if let Some(until) = status.retained_until.filter(|until| *until > said.at) {
            return Err(WriteError::Refused(CommandRefusal::RetentionRuns { until }).into());
        }
        let held = self.held(source, id).await?;
        let (not_sealed, secrets) = self.looked_through(source, &held).await?;
        let live = held.keys.iter().filter(|key| key.sealed.is_some());
        let keys: Vec<String> = live.map(|key| key.key_id.clone()).collect();
        if keys.is_empty() {
            return Err(WriteError::Refused(CommandRefusal::NothingToErase).into());
        }
        let subject = held.person.subject;
        let about = format!("{source} {subject}: {} keys, {} secrets", keys.len(), secrets.len());
        self.record_access(Act::Erased, &said.actor, (&about, &said.reason)).await?;
        let (count, gone) = (keys.len(), secrets.len());
        let retained_until = status.retained_until;
        let erasing = Erasing { keys, secrets, retained_until, said };
        let command = PrivacyCommand::Erase(erasing);
        let receipt = self.command_privacy(source, subject.clone(), command).await?;
        let journal_emptied = self.forgotten().await?;
        tracing::info!(source, subject, keys = count, journal_emptied, "personal data were erased");
        Ok(ErasedData {
            subject,
            keys: count,
            secrets: gone,
            not_sealed,
            journal_emptied,
            position: receipt.position,
        })
    }

    fn said(&self, decided: DecidePrivacy) -> Result<Said, CommandError> {
        let (reason, actor) = (reason(decided.reason)?, person(decided.actor)?);
        Ok(Said { reason, actor, at: self.now() })
    }

    async fn command_privacy(
        &self,
        source: &str,
        subject: String,
        command: PrivacyCommand,
    ) -> Result<Receipt, CommandError> {
        let stream = StreamId { aggregate_type: AggregateType::Privacy, id: subject };
        let at = self.now();
        Ok(self.source(source)?.command(stream, Command::Privacy(command), at).await?)
    }

    /// What is recorded of legal holds and erasure of a person; null if nothing is.
    async fn told_of(&self, source: &str, subject: &str) -> Result<Value, ReadError> {
        let row = self.store.document(privacy::READ_MODEL.table, source, subject).await?;
        Ok(row.map_or(Ok(Value::Null), |row| serde_json::from_str(&row))?)
    }

    /// Whether the database has left nothing behind of what was destroyed.
    async fn forgotten(&self) -> Result<bool, ReadError> {
        for _ in 0..TRIES {
            if self.store.forget().await? {
                return Ok(true);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(false)
    }

    /// All that is kept of a person, as of now.
    async fn held(&self, source: &str, id: &str) -> Result<Held, CommandError> {
        self.source(source)?;
        self.caught_up(source).await?;
        let person = self.person(source, id).await?;
        let person =
            person.ok_or_else(|| CommandError::NotFound { what: "customer", id: id.to_owned() })?;
        let subjects = person.subjects();
        let mut keys =
            self.store.data_keys_of(source, subjects.clone()).await.map_err(ReadError::from)?;
        let mut deliveries = BTreeSet::new();
        for redriven in self.store.redriven_keys(source).await.map_err(ReadError::from)? {
            let customer = redriven.customer_id.map(|id| format!("customer:{id}"));
            let partner = redriven.partner_customer_id.map(|id| format!("partner:{id}"));
            let whose = customer.or(partner);
            if subjects.contains(&redriven.stream) || whose.is_some_and(|id| subjects.contains(&id))
            {
                deliveries
                    .extend(redriven.key.subject.split_once(':').map(|(_, id)| id.to_owned()));
                keys.push(redriven.key);
            }
        }
        let mut last_received_at = None;
        for of in person.names() {
            let found = self.store.deliveries_of(source, of).await.map_err(ReadError::from)?;
            for (id, at) in found {
                last_received_at = last_received_at.max(Some(at));
                deliveries.insert(id);
            }
        }
        Ok(Held { person, keys, deliveries: deliveries.into_iter().collect(), last_received_at })
    }

    /// Who is meant: a customer by the lender's id, or somebody of whom only the partner's is known.
    async fn person(&self, source: &str, id: &str) -> Result<Option<Person>, ReadError> {
        let id = ids::canonical(id);
        let things = self.things(source)?;
        let texts = |documents: &[Value], field: &str| -> Vec<String> {
            let texts = documents.iter().filter_map(|document| document[field].as_str());
            texts.map(str::to_owned).collect()
        };
        if let Some(customer) = self.customer(source, &id).await? {
            let listed = |name: &str| customer[name].as_array().cloned().unwrap_or_default();
            return Ok(Some(Person {
                subject: format!("customer:{id}"),
                partner_customer_ids: things.partners(&id).await?,
                applications: texts(&listed("applications"), "application_id"),
                charges: texts(&listed("charges"), "charge_id"),
                customer_id: Some(id),
            }));
        }
        let of_partner = ("partner_customer_id", id.as_str());
        let of_nobody_else = |documents: Vec<Value>| -> Vec<Value> {
            documents.into_iter().filter(|document| document["customer_id"].is_null()).collect()
        };
        let applications = of_nobody_else(things.rows.all(List::Applications, of_partner).await?);
        if applications.is_empty() {
            return Ok(None);
        }
        let applications = texts(&applications, "application_id");
        let mut charges = Vec::new();
        for application in &applications {
            let of_application = ("application_id", application.as_str());
            let found = of_nobody_else(things.rows.all(List::Charges, of_application).await?);
            charges.extend(texts(&found, "charge_id"));
        }
        Ok(Some(Person {
            subject: format!("partner:{id}"),
            customer_id: None,
            partner_customer_ids: vec![id],
            applications,
            charges,
        }))
    }

    /// How many deliveries are not sealed, and the references of the secrets in all of them.
    async fn looked_through(
        &self,
        source: &str,
        held: &Held,
    ) -> Result<(usize, Vec<String>), ReadError> {
        let (mut not_sealed, mut references) = (0, BTreeSet::new());
        for ids in held.deliveries.chunks(PORTION) {
            let rows = self.store.deliveries_named(source, ids.to_vec()).await?;
            let sealed = rows.iter().filter(|row| content::is_sealed(row)).count();
            not_sealed += rows.len() - sealed;
            for read in self.opener().read(source, rows).await? {
                if let content::Read::There(row) = read {
                    references.extend(scrub::references(&row.body).map(|(_, it)| it.to_string()));
                }
            }
        }
        Ok((not_sealed, references.into_iter().collect()))
    }

    /// Until when a person's data are kept: the latest of the applications' clocks, or from the last
    /// delivery on, if nothing was decided.
    async fn retained(
        &self,
        source: &str,
        held: &Held,
    ) -> Result<(Option<Timestamp>, Option<&'static str>), ReadError> {
        let mut latest = None;
        for application in &held.person.applications {
            let key = compliance::retention(source, application);
            let clock = self.document(compliance::READ_MODEL.table, source, &key).await?;
            let Some(clock) = clock else { continue };
            latest = latest.max(Some(serde_json::from_value(clock["due_at"].clone())?));
        }
        if latest.is_some() {
            return Ok((latest, Some("decision")));
        }
        let policies = &self.known(source)?.config.policies;
        let from = held.last_received_at;
        let until = from.and_then(|from| compliance::retained_until(from, policies));
        Ok((until, until.map(|_| "last_delivery")))
    }
}

impl Person {
    /// Under whose keys its deliveries are sealed.
    fn subjects(&self) -> Vec<String> {
        let named = |kind: &'static str| move |id: &String| format!("{kind}:{id}");
        let customer = self.customer_id.iter().map(named("customer"));
        let partners = self.partner_customer_ids.iter().map(named("partner"));
        let applications = self.applications.iter().map(named("application"));
        let charges = self.charges.iter().map(named("charge"));
        customer.chain(partners).chain(applications).chain(charges).collect()
    }

    /// The names by which its steps are found.
    fn names(&self) -> Vec<Of<'_>> {
        let customer = self.customer_id.iter().map(|id| Of::Customer(id));
        let partners = self.partner_customer_ids.iter().map(|id| Of::Partner(id));
        customer.chain(partners).collect()
    }
}
