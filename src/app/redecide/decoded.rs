//! A kept delivery, read by today's decoder as if it had just come.

use creditrail_domain::{
    Event, StepId,
    exception::{ExceptionEvent, Unreadable, UnreadableKind},
};

use crate::{
    app::{Source, redrive::anew::headers},
    sources::{Call, Decoded, fields::Fault, scrub, signature::is_within_window},
    store::{DeliveryRow, RawEvent, codec},
};

/// What the body of a delivery says today.
pub(super) struct Read {
    /// The id that the delivery would have today.
    pub(super) id: StepId,
    pub(super) decoded: Decoded,
    body: bytes::Bytes,
    call: Call,
    source: String,
}

/// What is noted of a body that no row could hold: the database said so, not the code.
const NOT_RECORDED: &str = "cannot be recorded";

/// Reads a delivery. What the kept body cannot tell is as it was recorded: whether something in it was
/// masked before it was kept, and whether the database refused what it says.
pub(super) fn read(known: &Source, row: &DeliveryRow, recorded: Option<&RawEvent>) -> Read {
    let source = known.config.name.as_str();
    let unreadable = recorded.and_then(unreadable);
    // A name of a field is never behind a backslash, as it would be within a text.
    let was_masked = recorded.is_some_and(|event| event.payload.contains("\"pan_masked\":true"))
        || unreadable.as_ref().is_some_and(Decoded::had_card_number);
    let signed_at = known.lender.signed_at(&headers(&row.headers)).unwrap_or_default();
    let scrubbed = scrub::again(&row.body, known.lender.secret_fields());
    let call = Call {
        received_at: row.received_at,
        signed_at,
        outside_window: signed_at.is_some_and(|at| !is_within_window(at, row.received_at)),
        pan_masked: was_masked || scrubbed.masked > 0,
    };
    let decoded = known.lender.decode(&scrubbed.body, call);
    let id = StepId::derive(source, &decoded.dedup_key, &decoded.content);
    let read = Read { id, decoded, body: scrubbed.body, call, source: source.to_owned() };
    let is_refused = |unreadable: &Unreadable| unreadable.cause.starts_with(NOT_RECORDED);
    match unreadable.filter(is_refused) {
        Some(_) if read.decoded.what.is_ok() => read.unreadable(NOT_RECORDED),
        _ => read,
    }
}

impl Read {
    /// Whether a delivery has its id of this body: by what it says, or by its bytes.
    pub(super) fn is_of(&self, row: &DeliveryRow) -> bool {
        let by_bytes = || {
            let nothing = Fault::new("", "");
            let kind = UnreadableKind::Malformed;
            let decoded = Decoded::unreadable(&row.body, kind, nothing, self.call);
            StepId::derive(&self.source, &decoded.dedup_key, &decoded.content)
        };
        self.id.to_string() == row.delivery_id || by_bytes().to_string() == row.delivery_id
    }

    /// The same as one that cannot be read.
    pub(super) fn unreadable(self, cause: &str) -> Self {
        let fault = Fault::new("", cause);
        let decoded = Decoded::unreadable(&self.body, UnreadableKind::Malformed, fault, self.call);
        let id = StepId::derive(&self.source, &decoded.dedup_key, &decoded.content);
        Self { id, decoded, ..self }
    }
}

fn unreadable(event: &RawEvent) -> Option<Unreadable> {
    if event.event_type != "DeliveryUnreadable" {
        return None;
    }
    match codec::decode(&event.aggregate_type, &event.event_version, &event.payload) {
        Ok(Event::Exception(ExceptionEvent::DeliveryUnreadable(unreadable))) => Some(unreadable),
        _ => None,
    }
}
