//! A notification as it is sent: made of the stored event alone, so that it is the same bytes
//! whenever it is sent.

use bytes::Bytes;
use creditrail_domain::{AggregateType, secret::Reveal};
use creditrail_projections::StreamId;
use creditrail_sending::{
    body::{self, Told},
    lanes::Item,
    signature,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::endpoint::Endpoint;
use crate::{
    app::{
        Creditrail,
        command::work::{context, plain},
        judge::Command,
    },
    store::{Cause, RawEvent},
};

/// An event that is due to an endpoint.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) event: RawEvent,
    /// The place in its stream of what this endpoint was sent before it.
    pub(super) previous: Option<i64>,
}

impl Item for Due {
    fn position(&self) -> i64 {
        self.event.position
    }

    fn sequence(&self) -> i64 {
        self.event.sequence
    }
}

impl Due {
    /// The id of its stream within its source.
    pub(super) fn stream(&self) -> &str {
        let id = self.event.aggregate_id.as_str();
        id.split_once('/').map_or(id, |(_, id)| id)
    }

    /// The id of the notification.
    pub(super) fn id(&self, endpoint: &str, source: &str) -> Uuid {
        body::id(endpoint, source, self.event.position)
    }

    fn told<'a>(&'a self, source: &'a str, payload: &'a str) -> Told<'a> {
        Told {
            source,
            aggregate_type: &self.event.aggregate_type,
            aggregate_id: self.stream(),
            event_type: &self.event.event_type,
            schema_version: &self.event.event_version,
            position: self.event.position,
            sequence: self.event.sequence,
            previous_sequence: self.previous,
            occurred_at: self.event.occurred_at,
            recorded_at: self.event.recorded_at,
            payload,
        }
    }
}

/// The headers and the body of a call.
pub(super) async fn made(
    house: &Creditrail,
    endpoint: &Endpoint,
    (source, due): (&str, &Due),
    at: Timestamp,
) -> Result<(HeaderMap, Bytes), Cause> {
    let mut opened = Vec::new();
    for (field, reference) in body::references(&due.event.payload) {
        if endpoint.config.secret_fields.iter().any(|allowed| allowed == field) {
            let value = open(house, (source, &reference), endpoint.name()).await?;
            opened.push((reference, value));
        }
    }
    let mut find = |_: &str, reference: &str| {
        let (_, value) = opened.iter().find(|(known, _)| known == reference)?;
        Some(value.as_ref()?.expose_secret().to_owned())
    };
    let payload = body::without_references(&due.event.payload, &mut find);
    // It ended since it was looked.
    if !endpoint.signs(at) {
        return Err("no secret holds".into());
    }
    let id = due.id(endpoint.name(), source);
    let body = body::bytes(endpoint.config.envelope, id, &due.told(source, &payload))?;
    Ok((headers(endpoint, (&id.to_string(), at), &body), body.into()))
}

/// The headers of a call with a body.
pub(super) fn headers(endpoint: &Endpoint, (id, at): (&str, Timestamp), body: &[u8]) -> HeaderMap {
    let config = &endpoint.config;
    let signed = signature::headers(config.signature, &endpoint.keys(at), (id, at), body);
    let mut headers: HeaderMap = signed
        .into_iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
        })
        .collect();
    let media_type = HeaderValue::from_static(config.envelope.media_type());
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::USER_AGENT, HeaderValue::from_static("creditrail"));
    if let Some(authorization) = &endpoint.authorization {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
    headers
}

/// Opens a secret for an endpoint, once it is recorded that it gets it. `None` if there is none: it
/// was forgotten.
async fn open(
    house: &Creditrail,
    (source, reference): (&str, &str),
    endpoint: &str,
) -> Result<Option<SecretString>, Cause> {
    let Ok(reference) = reference.parse::<Uuid>() else { return Ok(None) };
    let Some(sealed) = house.store.secret(source, reference).await? else { return Ok(None) };
    let value = house.keyring.open(&sealed.key_id, &context(source, reference), &sealed.sealed)?;
    let at = house.now();
    let reveal = Reveal {
        field: sealed.field,
        reason: format!("sent to the endpoint {endpoint}, which is allowed this field"),
        actor: format!("endpoint:{endpoint}"),
        at,
    };
    let stream = StreamId { aggregate_type: AggregateType::Secret, id: reference.to_string() };
    house.source(source)?.command(stream, Command::Reveal(reveal), at).await?;
    Ok(Some(plain(value)))
}
