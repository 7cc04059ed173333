//! Receiving a webhook: verify the raw bytes, read them, write them, answer.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use bytes::Bytes;
use creditrail_domain::StepId;
use http::{HeaderMap, header::CONTENT_ENCODING};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tracing::{
    Instrument as _, Span,
    field::{Empty, display},
};

use super::{
    Creditrail, Source,
    command::work,
    sealing::{KeyError, Sealed},
    verify::SealedParts,
    writer::{Delivery, Receipt, Request, WriteError},
};
use crate::{
    failure::chain,
    sources::{
        Call, mask,
        scrub::{self, Found, Scrubbed},
        signature::{Rejection, Verified},
    },
    store::{RejectedCall, SealedSecret},
};

/// How large a body may be, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// How long a delivery may wait for its commit; the sender is asked to come again then.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Why a call is not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// There is no such source.
    #[error("there is no such source")]
    UnknownSource,
    /// The source has no secret that holds now.
    #[error("the source has no usable secret")]
    SourceWithoutSecret,
    /// The signature or credential is missing or wrong, or outside the window.
    #[error("the call is not authentic")]
    Unauthenticated,
    /// Not authentic, and too many calls of the same address were not.
    #[error("too many calls of this address were not authentic")]
    TooManyFailures,
    /// The body is over the limit.
    #[error("the body is larger than {MAX_BODY} bytes")]
    BodyTooLarge,
    /// The body is compressed, and what is signed are the bytes as they come.
    #[error("a Content-Encoding is not supported")]
    ContentEncoding,
    /// A secret in it could not be sealed.
    #[error("a secret of the delivery was not sealed")]
    NotSealed(#[from] KeyError),
    /// It was not written.
    #[error("the delivery was not written")]
    NotWritten(#[source] WriteError),
}

impl ReceiveError {
    /// The stable code on the wire and among the rejected calls.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown_source",
            Self::SourceWithoutSecret => "source_without_secret",
            Self::Unauthenticated => "unauthenticated",
            Self::TooManyFailures => "too_many_failures",
            Self::BodyTooLarge => "body_too_large",
            Self::ContentEncoding => "content_encoding_unsupported",
            Self::NotSealed(_) | Self::NotWritten(_) => "unavailable",
        }
    }
}

impl Creditrail {
    /// Takes in one webhook call. When this returns `Ok`, the delivery, what became of it and the
    /// events that it caused are committed.
    ///
    /// # Errors
    /// [`ReceiveError`]: nothing was acknowledged. Calls that are not authentic are kept in a
    /// bounded ring, so that a mistyped secret can be mended.
    pub async fn receive(
        &self,
        source: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Receipt, ReceiveError> {
        self.receive_unless(source, headers, body, || false).await
    }

    /// As [`Self::receive`]; `too_many` is asked of a call that is not authentic, and if so the
    /// call is counted and not kept. A span `receive` tells of the call, with `source`,
    /// `delivery_id` and `outcome`, which is the error's code if there is one.
    ///
    /// # Errors
    /// [`ReceiveError`], among them [`ReceiveError::TooManyFailures`].
    pub async fn receive_unless(
        &self,
        source: &str,
        headers: &HeaderMap,
        body: Bytes,
        too_many: impl FnOnce() -> bool + Send,
    ) -> Result<Receipt, ReceiveError> {
        let span = tracing::info_span!("receive", source, delivery_id = Empty, outcome = Empty);
        let received = self.take_in((source, headers), body, too_many);
        let received = received.instrument(span.clone()).await;
        let outcome = received.as_ref().map_or_else(ReceiveError::code, |receipt| receipt.outcome);
        span.record("outcome", outcome);
        received
    }

    async fn take_in(
        &self,
        (source, headers): (&str, &HeaderMap),
        body: Bytes,
        too_many: impl FnOnce() -> bool + Send,
    ) -> Result<Receipt, ReceiveError> {
        let taken_in = Instant::now();
        self.accepts(source, headers)?;
        if body.len() > MAX_BODY {
            return Err(self.turned_away(source, headers, ReceiveError::BodyTooLarge));
        }
        let Some(known) = self.sources.get(source) else { return Err(ReceiveError::UnknownSource) };
        let received_at = self.now();
        let verified = known.lender.verify(headers, &body, received_at).map_err(|rejection| {
            self.not_authentic(source, headers, &body, (rejection, too_many))
        })?;
        let verified = (received_at, verified);
        let delivery = self.authentic((source, known), (headers, &body), verified, taken_in)?;
        let delivery_id = delivery.id;
        let written = known.writer.ask(Request::Deliver(Box::new(delivery)));
        let written = tokio::time::timeout(MAX_WAIT, written).await;
        let receipt = written.unwrap_or(Err(WriteError::TimedOut));
        receipt
            .map_err(|error| known.not_acknowledged(delivery_id, ReceiveError::NotWritten(error)))
    }

    /// An authentic call, without its secrets and read as far as it can be.
    pub(super) fn authentic(
        &self,
        (source, known): (&str, &Source),
        (headers, body): (&HeaderMap, &Bytes),
        (received_at, verified): (Timestamp, Verified),
        taken_in: Instant,
    ) -> Result<Delivery, ReceiveError> {
        // From here on nobody sees the secrets of the body: not the decoder, nor the store.
        let Scrubbed { body, secrets, masked } = scrub::scrub(body, known.lender.secret_fields());
        let call = Call {
            received_at,
            signed_at: verified.signed_at,
            outside_window: verified.outside_window,
            pan_masked: masked > 0,
        };
        let decoded = known.lender.decode(&body, call);
        let id = StepId::derive(source, &decoded.dedup_key, &decoded.content);
        let secret_id = verified.secret_id;
        Span::current().record("delivery_id", display(id));
        tracing::debug!(source, delivery_id = %id, secret_id, bytes = body.len(), "received");
        let secrets = secrets.into_iter().map(|found| self.seal(source, found));
        let secrets = secrets
            .collect::<Result<_, _>>()
            .map_err(|error| known.not_acknowledged(id, error.into()))?;
        let headers = mask::headers(headers, known.lender.secret_headers());
        Ok(Delivery {
            id,
            taken_in,
            decoded,
            call,
            secret_id,
            headers,
            body,
            secrets,
            rejected: None,
        })
    }

    pub(super) fn seal(&self, source: &str, found: Found) -> Result<SealedSecret, KeyError> {
        let Found { reference, field, value } = found;
        let context = work::context(source, reference);
        let Sealed { key_id, bytes } =
            self.keyring.seal(&context, value.expose_secret().as_bytes())?;
        Ok(SealedSecret { reference, field, key_id, sealed: bytes })
    }

    /// Whether a call may be read at all, judged before its body is.
    ///
    /// # Errors
    /// [`ReceiveError`] for an unknown source, one without a secret, or a compressed body.
    pub fn accepts(&self, source: &str, headers: &HeaderMap) -> Result<(), ReceiveError> {
        let Some(known) = self.sources.get(source) else {
            self.unknown_sources.fetch_add(1, Ordering::Relaxed);
            return Err(ReceiveError::UnknownSource);
        };
        let now = self.now();
        if !known.config.secrets.iter().any(|secret| secret.is_active(now)) {
            return Err(self.turned_away(source, headers, ReceiveError::SourceWithoutSecret));
        }
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(self.turned_away(source, headers, ReceiveError::ContentEncoding));
        }
        Ok(())
    }

    /// Keeps the metadata of a call that was turned away unread, and gives back why it was.
    pub fn turned_away(
        &self,
        source: &str,
        headers: &HeaderMap,
        error: ReceiveError,
    ) -> ReceiveError {
        self.keep_rejected(source, headers, error.code(), SealedParts::default());
        error
    }

    /// How many calls there were to sources that are not known, since the start.
    pub fn unknown_sources(&self) -> u64 {
        self.unknown_sources.load(Ordering::Relaxed)
    }

    fn not_authentic(
        &self,
        source: &str,
        headers: &HeaderMap,
        body: &Bytes,
        (rejection, too_many): (Rejection, impl FnOnce() -> bool),
    ) -> ReceiveError {
        if rejection == Rejection::NoSecret {
            return self.turned_away(source, headers, ReceiveError::SourceWithoutSecret);
        }
        if too_many() {
            if let Some(known) = self.sources.get(source) {
                known.rejected.count(ReceiveError::TooManyFailures.code());
            }
            return ReceiveError::TooManyFailures;
        }
        let sealed = self.seal_call(source, headers, body);
        self.keep_rejected(source, headers, rejection.code(), sealed);
        ReceiveError::Unauthenticated
    }

    fn keep_rejected(
        &self,
        source: &str,
        headers: &HeaderMap,
        cause: &'static str,
        sealed: SealedParts,
    ) {
        if let Some(known) = self.sources.get(source) {
            let headers = mask::headers(headers, known.lender.secret_headers());
            let received_at = self.now();
            known.rejected.keep(RejectedCall {
                received_at,
                cause,
                headers,
                body: sealed.body.map(Bytes::from),
                sealed_headers: sealed.headers.map(Bytes::from),
            });
        }
    }
}

impl Source {
    /// Counts and logs a delivery that is not acknowledged, and gives back why it is not.
    fn not_acknowledged(&self, delivery: StepId, error: ReceiveError) -> ReceiveError {
        let cause = match &error {
            ReceiveError::NotWritten(error) => error.cause(),
            _ => "not_sealed",
        };
        self.counters.not_acknowledged(cause);
        let (source, why, delivery_id) = (&self.config.name, chain(&error), delivery.to_string());
        tracing::warn!(source, delivery_id, cause, error = why, "not acknowledged");
        error
    }
}
