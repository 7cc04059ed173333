//! What a batch writes beside its events: deliveries, repetitions, the head.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use creditrail_domain::{AggregateType, StepId, privacy::PrivacyCommand};
use creditrail_projections::StreamId;
use jiff::Timestamp;

use super::{
    content,
    judge::{Command, Desk},
    redrive::Redriving,
    writer::{Answer, Delivery, Receipt, Request, WriteError},
};
use crate::{
    sources::AnyStep,
    store::{DeliveryRow, Erased, Head, KnownDelivery, RedrivenRow, RejectedPlace, SealedSecret},
};

/// What is answered of a delivery that was redriven before.
pub(super) const ALREADY_REDRIVEN: &str = "already_redriven";

/// What is answered of a call that is in the ring no more.
pub(super) const GONE: &str = "gone";

/// What a batch writes beside its events.
pub(super) struct Pages<'a> {
    source: &'a str,
    before: Head,
    newest: Timestamp,
    received: i64,
    known: HashMap<String, Vec<KnownDelivery>>,
    pub(super) deliveries: Vec<DeliveryRow>,
    /// Of whom each of them is.
    pub(super) subjects: Vec<String>,
    /// How often deliveries of earlier batches were received again, and when last.
    pub(super) repeats: BTreeMap<String, (i64, Timestamp)>,
    pub(super) redriven: Vec<RedrivenRow>,
    pub(super) secrets: Vec<SealedSecret>,
    /// Calls of the ring that are to be taken in, and those that were.
    rejected: BTreeSet<RejectedPlace>,
    pub(super) accepted: Vec<RejectedPlace>,
    /// What is destroyed, as it was decided.
    pub(super) erased: Erased,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        source: &'a str,
        before: Head,
        (mut known, rejected): (Vec<KnownDelivery>, Vec<RejectedPlace>),
    ) -> Self {
        // In the order in which they were recorded: the first has taken the key.
        known.sort_by_key(|delivery| delivery.position);
        let mut by_key = HashMap::<String, Vec<KnownDelivery>>::new();
        for delivery in known {
            by_key.entry(delivery.dedup_key.clone()).or_default().push(delivery);
        }
        Self {
            source,
            before,
            newest: before.recorded_at,
            received: before.received,
            known: by_key,
            deliveries: Vec::new(),
            subjects: Vec::new(),
            repeats: BTreeMap::new(),
            redriven: Vec::new(),
            secrets: Vec::new(),
            rejected: rejected.into_iter().collect(),
            accepted: Vec::new(),
            erased: Erased::default(),
        }
    }

    /// The streams that the requests touch; repetitions touch none.
    pub(super) fn streams(&self, requests: &[Request]) -> BTreeSet<StreamId> {
        let streams = |request: &Request| match request {
            Request::Command { stream, .. } => vec![stream.clone()],
            Request::Deliver(delivery) => match &delivery.decoded.what {
                Ok(_) if self.first(delivery).is_some() => Vec::new(),
                Ok((stream, _)) => vec![stream.clone()],
                Err(_) => Vec::new(),
            },
            Request::Redrive(redriving) => vec![redriving.exception(), redriving.stream.clone()],
        };
        requests.iter().flat_map(streams).collect()
    }

    /// The delivery of which this one is a repetition.
    fn first(&self, delivery: &Delivery) -> Option<&KnownDelivery> {
        self.known_as(&delivery.decoded.dedup_key, delivery.id)
    }

    fn known_as(&self, dedup_key: &str, step: StepId) -> Option<&KnownDelivery> {
        let id = step.to_string();
        self.known.get(dedup_key)?.iter().find(|known| known.step_id == id)
    }

    pub(super) fn take(&mut self, request: &Request, desk: &mut Desk<'_>) -> Answer {
        match request {
            Request::Deliver(delivery) => match delivery.rejected {
                Some(call) => self.accept(call, delivery, desk),
                None => self.deliver(delivery, desk),
            },
            Request::Command { stream, command, at } => self.command(stream, command, *at, desk),
            Request::Redrive(redriving) => self.redrive(redriving, desk),
        }
    }

    fn command(
        &mut self,
        stream: &StreamId,
        command: &Command,
        at: Timestamp,
        desk: &mut Desk<'_>,
    ) -> Answer {
        let decided = desk.decide(stream, command.clone(), (at, None))?;
        self.newest = at.max(self.newest);
        if let Command::Privacy(PrivacyCommand::Erase(erasing)) = command {
            self.erased.keys.extend(erasing.keys.iter().cloned());
            self.erased.secrets.extend(erasing.secrets.iter().cloned());
            self.erased.at = at;
        }
        let position = self.position(desk);
        let delivery_id = match command {
            Command::Record(step) => step.id().to_string(),
            Command::Override { step, .. } => step.to_string(),
            Command::Raise(_)
            | Command::Resolve(_)
            | Command::Redrive(_)
            | Command::Reveal(_)
            | Command::Note(_)
            | Command::Privacy(_)
            | Command::PassTime => stream.id.clone(),
        };
        Ok(Receipt { outcome: decided.outcome, delivery_id, position: Some(position) })
    }

    /// A delivery that was turned away at first. It leaves the ring as it is taken in; one that has
    /// left it has been taken in, or was too old. It was received when it came, and is recorded now:
    /// nobody knew of it before.
    fn accept(
        &mut self,
        (call, at): (RejectedPlace, Timestamp),
        delivery: &Delivery,
        desk: &mut Desk<'_>,
    ) -> Answer {
        if !self.rejected.contains(&call) {
            let delivery_id = delivery.id.to_string();
            return Ok(Receipt { outcome: GONE, delivery_id, position: None });
        }
        let receipt = self.deliver(delivery, desk)?;
        self.newest = at.max(self.newest);
        self.rejected.remove(&call);
        self.accepted.push(call);
        Ok(receipt)
    }

    fn deliver(&mut self, delivery: &Delivery, desk: &mut Desk<'_>) -> Answer {
        let delivery_id = delivery.id.to_string();
        let received_at = delivery.call.received_at;
        if let Some(first) = self.first(delivery) {
            let (delivery_id, position) = (first.delivery_id.clone(), Some(first.position));
            self.received += 1;
            self.count_repeat(&delivery_id, received_at);
            return Ok(Receipt { outcome: "duplicate", delivery_id, position });
        }
        let (stream, command) = match &delivery.decoded.what {
            Ok((stream, step)) => {
                let taken_by = self.taken_by(&delivery.decoded.dedup_key, stream);
                (stream.clone(), Command::Record(step.clone().taken_by(taken_by)))
            }
            Err(unreadable) => {
                let stream =
                    StreamId { aggregate_type: AggregateType::Exception, id: delivery_id.clone() };
                (stream, Command::Raise(unreadable.clone()))
            }
        };
        let first_position = self.position(desk) + 1;
        let Ok(decided) = desk.decide(&stream, command, (received_at, Some(&delivery_id))) else {
            if delivery.decoded.what.is_err() {
                return Err(WriteError::Rule);
            }
            let kept = delivery.unreadable(self.source, "a rule failed on it");
            let kept_as = kept.id.to_string();
            tracing::error!(
                source = self.source,
                delivery_id,
                kept_as,
                "a rule failed on a delivery"
            );
            return self.deliver(&kept, desk);
        };
        self.received += 1;
        self.newest = received_at.max(self.newest);
        let position = self.position(desk);
        self.secrets.extend(delivery.secrets.iter().cloned());
        self.keep(delivery, (first_position, position), (stream, decided.outcome));
        Ok(Receipt { outcome: decided.outcome, delivery_id, position: Some(position) })
    }

    /// A delivery that was received before and can be read now. It was counted then.
    fn redrive(&mut self, redriving: &Redriving, desk: &mut Desk<'_>) -> Answer {
        let Redriving { delivery_id, step, at, .. } = redriving;
        let (exception, repeats) = (redriving.exception(), self.first_of(redriving).is_some());
        let command = || Command::Redrive(redriving.told(repeats));
        // Asked first: of one that was redriven or discarded before, nothing is recorded.
        if desk.foresee(&exception, command(), *at)? == 0 {
            let (outcome, delivery_id) = (ALREADY_REDRIVEN, delivery_id.clone());
            return Ok(Receipt { outcome, delivery_id, position: None });
        }
        let first_position = (!repeats).then(|| self.position(desk) + 1);
        let mut outcome = "duplicate";
        if !repeats {
            let taken_by = self.taken_by(&redriving.dedup_key, &redriving.stream);
            let record = Command::Record(step.clone().taken_by(taken_by));
            outcome = desk.decide(&redriving.stream, record, (*at, Some(delivery_id)))?.outcome;
        }
        desk.decide(&exception, command(), (*at, Some(delivery_id)))?;
        self.newest = (*at).max(self.newest);
        self.secrets.extend(redriving.secrets.iter().cloned());
        let position = self.position(desk);
        self.keep_redriven(redriving, (first_position, position));
        Ok(Receipt { outcome, delivery_id: delivery_id.clone(), position: Some(position) })
    }

    fn first_of(&self, redriving: &Redriving) -> Option<&KnownDelivery> {
        self.known_as(&redriving.dedup_key, redriving.step.id())
    }

    fn keep_redriven(
        &mut self,
        redriving: &Redriving,
        (first_position, position): (Option<i64>, i64),
    ) {
        let Redriving { delivery_id, dedup_key, stream, step, .. } = redriving;
        let row = RedrivenRow {
            delivery_id: delivery_id.clone(),
            step_id: step.id().to_string(),
            dedup_key: dedup_key.clone(),
            first_position,
            position,
            stream: stream.clone(),
        };
        if first_position.is_some() {
            self.known.entry(dedup_key.clone()).or_default().push(KnownDelivery {
                step_id: row.step_id.clone(),
                delivery_id: delivery_id.clone(),
                dedup_key: dedup_key.clone(),
                stream: stream.clone(),
                position,
            });
        }
        self.redriven.push(row);
    }

    fn count_repeat(&mut self, delivery_id: &str, at: Timestamp) {
        let in_batch = self.deliveries.iter_mut().find(|row| row.delivery_id == delivery_id);
        let (times, last) = match in_batch {
            Some(row) => (&mut row.repeats, &mut row.last_received_at),
            None => {
                let (times, last) = self.repeats.entry(delivery_id.to_owned()).or_insert((0, at));
                (times, last)
            }
        };
        *times += 1;
        *last = at.max(*last);
    }

    fn keep(
        &mut self,
        delivery: &Delivery,
        (first_position, position): (i64, i64),
        (stream, outcome): (StreamId, &'static str),
    ) {
        let delivery_id = delivery.id.to_string();
        let dedup_key = delivery.decoded.dedup_key.clone();
        self.known.entry(dedup_key.clone()).or_default().push(KnownDelivery {
            step_id: delivery_id.clone(),
            delivery_id: delivery_id.clone(),
            dedup_key: dedup_key.clone(),
            stream: stream.clone(),
            position,
        });
        let added = i64::try_from(self.deliveries.len()).unwrap_or(i64::MAX);
        self.subjects.push(content::subject(&delivery.decoded, delivery.id));
        self.deliveries.push(DeliveryRow {
            delivery_id,
            number: self.before.deliveries + added + 1,
            dedup_key,
            received_at: delivery.call.received_at,
            secret_id: delivery.secret_id.clone(),
            headers: delivery.headers.clone(),
            body: delivery.body.clone(),
            outcome,
            first_position,
            position,
            stream,
            repeats: 0,
            last_received_at: delivery.call.received_at,
        });
    }

    /// The stream on which the key was used first, if it is another one.
    fn taken_by(&self, dedup_key: &str, stream: &StreamId) -> Option<String> {
        let first = self.known.get(dedup_key)?.first()?;
        (first.stream != *stream).then(|| first.stream.id.clone())
    }

    fn position(&self, desk: &Desk<'_>) -> i64 {
        self.before.position + i64::try_from(desk.events().len()).unwrap_or(i64::MAX)
    }

    /// The head after the batch. Its time never runs backwards, whatever the clock does.
    pub(super) fn head(&self, events: usize) -> Head {
        Head {
            position: self.before.position + i64::try_from(events).unwrap_or(i64::MAX),
            deliveries: self.before.deliveries
                + i64::try_from(self.deliveries.len()).unwrap_or(i64::MAX),
            received: self.received,
            recorded_at: self.newest,
        }
    }
}

impl AnyStep {
    /// The step's id.
    pub const fn id(&self) -> StepId {
        match self {
            Self::Application(step) => step.id,
            Self::Charge(step) => step.id,
            Self::CustomerLink(step) => step.id,
            Self::PaymentMethod(step) => step.id,
            Self::Transaction(step) => step.id,
        }
    }

    pub(super) fn taken_by(mut self, stream: Option<String>) -> Self {
        match &mut self {
            Self::Application(step) => step.key_taken_by = stream,
            Self::Charge(step) => step.key_taken_by = stream,
            Self::CustomerLink(step) => step.key_taken_by = stream,
            Self::PaymentMethod(step) => step.key_taken_by = stream,
            Self::Transaction(step) => step.key_taken_by = stream,
        }
        self
    }
}
