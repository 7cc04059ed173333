//! What of an event and of a delivery is hashed: bytes that have one meaning, field by field.
//!
//! A text is its length in bytes, as 8 bytes big endian, and then itself. An integer is 8 bytes, big
//! endian, two's complement. So no two entries have the same bytes, and nothing is parsed or
//! written anew before it is hashed.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Hash;

/// What the bytes of an event begin with.
pub const EVENT_TAG: &str = "creditrail/event/v1";

/// What the bytes of a delivery begin with.
pub const DELIVERY_TAG: &str = "creditrail/delivery/v1";

/// An event of the log, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<'a> {
    /// The source whose log it is in.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// Its place in the log, from 1; the leaf's index is one less.
    pub position: i64,
    /// The type of its stream.
    #[serde(borrow)]
    pub aggregate_type: Cow<'a, str>,
    /// The id of its stream.
    #[serde(borrow)]
    pub aggregate_id: Cow<'a, str>,
    /// Its place in its stream, from 1.
    pub sequence: i64,
    /// The name of what happened.
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    /// The version of its payload's form.
    #[serde(borrow)]
    pub event_version: Cow<'a, str>,
    /// When it happened, as reported; in microseconds since 1970.
    pub occurred_at: i64,
    /// When it was written; in microseconds since 1970.
    pub recorded_at: i64,
    /// The payload, byte by byte as it is stored.
    #[serde(borrow)]
    pub payload: Cow<'a, str>,
    /// The metadata, byte by byte as they are stored.
    #[serde(borrow)]
    pub metadata: Cow<'a, str>,
    /// The digest of the delivery that it recorded; of the first event of each delivery only.
    pub delivery: Option<Hash>,
}

impl Entry<'_> {
    /// The bytes that are hashed: [`EVENT_TAG`], then each field in the order of this type.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.payload.len() + self.metadata.len());
        self.put(&mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    fn put(&self, put: &mut dyn FnMut(&[u8])) {
        put(EVENT_TAG.as_bytes());
        text(put, &self.source);
        integer(put, self.position);
        text(put, &self.aggregate_type);
        text(put, &self.aggregate_id);
        integer(put, self.sequence);
        text(put, &self.event_type);
        text(put, &self.event_version);
        integer(put, self.occurred_at);
        integer(put, self.recorded_at);
        text(put, &self.payload);
        text(put, &self.metadata);
        octets(put, self.delivery.as_ref().map_or(&[], |digest| &digest.0));
    }

    /// The same, with fields of its own.
    pub fn into_owned(self) -> Entry<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Entry {
            source: owned(self.source),
            position: self.position,
            aggregate_type: owned(self.aggregate_type),
            aggregate_id: owned(self.aggregate_id),
            sequence: self.sequence,
            event_type: owned(self.event_type),
            event_version: owned(self.event_version),
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
            payload: owned(self.payload),
            metadata: owned(self.metadata),
            delivery: self.delivery,
        }
    }
}

/// The leaf of an event: `SHA-256(0x00 || bytes)`.
pub fn leaf(entry: &Entry<'_>) -> Hash {
    Hash::fed(|put| {
        put(&[0]);
        entry.put(put);
    })
}

/// A delivery, as it is stored; without what changes when it is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryEntry<'a> {
    /// The source that sent it.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// Its id here.
    #[serde(borrow)]
    pub delivery_id: Cow<'a, str>,
    /// The order of its arrival, from 1.
    pub number: i64,
    /// By what a repetition of it is known.
    #[serde(borrow)]
    pub dedup_key: Cow<'a, str>,
    /// When it came; in microseconds since 1970.
    pub received_at: i64,
    /// Which secret verified it.
    #[serde(borrow)]
    pub secret_id: Cow<'a, str>,
    /// Its headers, byte by byte as they are stored; credentials are masked.
    #[serde(borrow)]
    pub headers: Cow<'a, str>,
    /// Its body, as it is stored; in base64 as JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "of_base64")]
    pub body: Cow<'a, [u8]>,
    /// What became of it on arrival.
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
    /// The position of the event that recorded it.
    pub first_position: i64,
    /// The type of the stream that it went to.
    #[serde(borrow)]
    pub aggregate_type: Cow<'a, str>,
    /// The stream that it went to.
    #[serde(borrow)]
    pub stream: Cow<'a, str>,
}

impl DeliveryEntry<'_> {
    /// What the event that recorded it has of it: SHA-256 over [`DELIVERY_TAG`] and each field, in the
    /// order of this type.
    pub fn digest(&self) -> Hash {
        Hash::fed(|put| self.put(put))
    }

    /// The same, with fields of its own.
    pub fn into_owned(self) -> DeliveryEntry<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        DeliveryEntry {
            source: owned(self.source),
            delivery_id: owned(self.delivery_id),
            number: self.number,
            dedup_key: owned(self.dedup_key),
            received_at: self.received_at,
            secret_id: owned(self.secret_id),
            headers: owned(self.headers),
            body: Cow::Owned(self.body.into_owned()),
            outcome: owned(self.outcome),
            first_position: self.first_position,
            aggregate_type: owned(self.aggregate_type),
            stream: owned(self.stream),
        }
    }

    /// The bytes that are hashed.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.headers.len() + self.body.len());
        self.put(&mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    fn put(&self, put: &mut dyn FnMut(&[u8])) {
        put(DELIVERY_TAG.as_bytes());
        text(put, &self.source);
        text(put, &self.delivery_id);
        integer(put, self.number);
        text(put, &self.dedup_key);
        integer(put, self.received_at);
        text(put, &self.secret_id);
        text(put, &self.headers);
        octets(put, &self.body);
        text(put, &self.outcome);
        integer(put, self.first_position);
        text(put, &self.aggregate_type);
        text(put, &self.stream);
    }
}

fn text(put: &mut dyn FnMut(&[u8]), text: &str) {
    octets(put, text.as_bytes());
}

fn octets(put: &mut dyn FnMut(&[u8]), octets: &[u8]) {
    put(&(octets.len() as u64).to_be_bytes());
    put(octets);
}

fn integer(put: &mut dyn FnMut(&[u8]), integer: i64) {
    put(&integer.to_be_bytes());
}

fn to_base64<S: Serializer>(body: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(body))
}

fn of_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'static, [u8]>, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD.decode(text).map(Cow::Owned).map_err(|_| D::Error::custom("the body is not base64"))
}
