//! Reading a kept delivery again: its body as it was kept, with the times of its own call.

use std::collections::HashMap;

use creditrail_domain::{
    AggregateType, Event,
    exception::{ExceptionEvent, Unreadable},
};
use creditrail_projections::StreamId;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::{
    ALREADY_REDRIVEN, CommandError, Creditrail, DISCARDED, Item, NOT_FOUND, READABLE, ReadError,
    RedriveDeliveries, Redriving, Source,
};
use crate::{
    app::content,
    sources::{AnyStep, Call, Decoded, scrub, signature::is_within_window},
    store::{DeliveryRow, KeptDelivery, SealedSecret},
};

/// A delivery that was looked at again.
pub(super) enum Anew {
    /// It can be read.
    As(Box<Item>, Box<Read>),
    /// It cannot, or need not.
    Not(Box<Item>),
}

/// What a delivery says.
pub(super) struct Read {
    dedup_key: String,
    stream: StreamId,
    step: AnyStep,
    secrets: Vec<SealedSecret>,
}

/// What the log says of a delivery that could not be read.
#[derive(Default)]
struct Told {
    unreadable: Option<Unreadable>,
    is_redriven: bool,
    is_discarded: bool,
}

/// The stream of a delivery that could not be read.
pub(super) fn exception(delivery_id: &str) -> StreamId {
    StreamId { aggregate_type: AggregateType::Exception, id: delivery_id.to_owned() }
}

impl Read {
    pub(super) fn redriving(
        self,
        item: &Item,
        asked: &RedriveDeliveries,
        at: Timestamp,
    ) -> Redriving {
        let Self { dedup_key, stream, step, secrets } = self;
        // A dry run needs no reason, and the rules do.
        let reason = if asked.dry_run { "a dry run" } else { &asked.reason };
        Redriving {
            delivery_id: item.delivery_id.clone(),
            dedup_key,
            stream,
            step,
            secrets,
            reason: reason.to_owned(),
            actor: asked.actor.clone().unwrap_or_default(),
            at,
        }
    }
}

impl Creditrail {
    /// Looks at deliveries again, in their order.
    pub(super) async fn read_anew(
        &self,
        known: &Source,
        source: &str,
        ids: &[String],
    ) -> Result<Vec<Anew>, CommandError> {
        let mut told = self.told(source, ids).await.map_err(CommandError::from)?;
        let mut read = Vec::with_capacity(ids.len());
        for id in ids {
            let kept = self.store.delivery(source, id).await.map_err(ReadError::from)?;
            let told = told.remove(id).unwrap_or_default();
            read.push(self.one_anew(known, id, (kept, told)).await?);
        }
        Ok(read)
    }

    async fn told(&self, source: &str, ids: &[String]) -> Result<HashMap<String, Told>, ReadError> {
        let streams = ids.iter().map(|id| exception(id)).collect();
        let mut all = HashMap::<String, Told>::new();
        for recorded in self.store.events_of(source, streams, i64::MAX).await? {
            let told = all.entry(recorded.stream.id).or_default();
            match recorded.event {
                Event::Exception(ExceptionEvent::DeliveryUnreadable(unreadable)) => {
                    told.unreadable = Some(unreadable);
                }
                Event::Exception(ExceptionEvent::DeliveryRedriven(_)) => told.is_redriven = true,
                _ => told.is_discarded = true,
            }
        }
        Ok(all)
    }

    async fn one_anew(
        &self,
        known: &Source,
        id: &str,
        (kept, told): (Option<KeptDelivery>, Told),
    ) -> Result<Anew, CommandError> {
        let mut item = Box::new(Item { delivery_id: id.to_owned(), ..Item::default() });
        let Some(KeptDelivery { row, .. }) = kept else {
            item.outcome = NOT_FOUND;
            return Ok(Anew::Not(item));
        };
        item.received_at = Some(row.received_at);
        item.was = Some(row.outcome);
        let settled = match &told {
            Told { unreadable: None, .. } => Some(READABLE),
            Told { is_redriven: true, .. } => Some(ALREADY_REDRIVEN),
            Told { is_discarded: true, .. } => Some(DISCARDED),
            Told { unreadable: Some(_), .. } => None,
        };
        if let Some(settled) = settled {
            item.outcome = settled;
            return Ok(Anew::Not(item));
        }
        let had_card_number = told.unreadable.as_ref().is_some_and(Decoded::had_card_number);
        let source = known.config.name.as_str();
        let (row, cause) = match self.content_of(source, row).await.map_err(ReadError::from)? {
            content::Read::There(row) => {
                return self.decode_anew(known, item, (row, had_card_number));
            }
            content::Read::Erased(row, _) => (row, "it was erased"),
            content::Read::Shut(row) => (row, "what is kept of it does not open"),
        };
        item.outcome = row.outcome;
        (item.field, item.cause) = (Some("body".to_owned()), Some(cause.to_owned()));
        Ok(Anew::Not(item))
    }

    /// Decodes a body as it would have been on arrival. What has become a secret since is sealed.
    fn decode_anew(
        &self,
        known: &Source,
        mut item: Box<Item>,
        (row, had_card_number): (DeliveryRow, bool),
    ) -> Result<Anew, CommandError> {
        let Ok(signed_at) = known.lender.signed_at(&headers(&row.headers)) else {
            item.outcome = row.outcome;
            item.field = Some("headers".to_owned());
            item.cause = Some("those that are kept do not tell when it was signed".to_owned());
            return Ok(Anew::Not(item));
        };
        let scrubbed = scrub::again(&row.body, known.lender.secret_fields());
        let call = Call {
            received_at: row.received_at,
            signed_at,
            outside_window: signed_at.is_some_and(|at| !is_within_window(at, row.received_at)),
            pan_masked: had_card_number || scrubbed.masked > 0,
        };
        let Decoded { dedup_key, what, .. } = known.lender.decode(&scrubbed.body, call);
        let (stream, step) = match what {
            Ok(read) => read,
            Err(unreadable) => {
                item.outcome = unreadable.kind.name();
                item.field = Some(unreadable.field);
                item.cause = Some(unreadable.cause);
                return Ok(Anew::Not(item));
            }
        };
        let (kind, subject, _) = step.said(&stream);
        (item.kind, item.subject) = (Some(kind), Some(subject));
        item.step_id = Some(step.id().to_string());
        let secrets =
            scrubbed.secrets.into_iter().map(|found| self.seal(&known.config.name, found));
        let secrets = secrets.collect::<Result<_, _>>()?;
        Ok(Anew::As(item, Box::new(Read { dedup_key, stream, step, secrets })))
    }
}

/// Headers as they are kept: a JSON object of texts.
pub(in crate::app) fn headers(kept: &str) -> HeaderMap {
    let kept: HashMap<String, String> = serde_json::from_str(kept).unwrap_or_default();
    let header = |(name, value): (String, String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    kept.into_iter().filter_map(header).collect()
}
