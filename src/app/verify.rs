//! Verifying calls again that were turned away: after a secret was mended, those that are authentic
//! are taken in as if they had been when they came.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use creditrail_domain::access::Act;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

use super::{
    Creditrail, Source,
    again::{MOST_TOLD, NOT_FOUND, few, yes},
    command::{CommandError, person, reason},
    pages::GONE,
    read::ReadError,
    sealing::KeyError,
    writer::{Delivery, Request},
};
use crate::{
    sources::fields,
    store::{RejectedPlace, SealedCall},
};

/// How large the body of a call that is not authentic may be to be kept, in bytes: lenders' are a
/// hundredth of it, and a ring of forgeries must not fill the disk.
const MAX_BODY: usize = 64 * 1024;
/// How large its headers may be together.
const MAX_HEADERS: usize = 16 * 1024;
/// How many calls are looked at once, and written in one transaction as far as possible.
const PORTION: i64 = 50;

/// What a call is found to be.
const AUTHENTIC: &str = "authentic";
const TAKEN_IN: &str = "taken_in";
const NOT_AUTHENTIC: &str = "not_authentic";
const NOT_VERIFIABLE: &str = "not_verifiable";
const NOT_WRITTEN: &str = "not_written";

/// Everything that a call can be found to be.
pub const RESULTS: [&str; 7] =
    [AUTHENTIC, TAKEN_IN, NOT_AUTHENTIC, NOT_VERIFIABLE, NOT_WRITTEN, NOT_FOUND, GONE];

/// What is kept of a call to verify it again. Nothing of it is shown.
#[derive(Debug, Default)]
pub struct SealedParts {
    /// The body, sealed as a whole.
    pub body: Option<Vec<u8>>,
    /// All headers, with their credentials. Sealed for this body: beside another they do not open.
    pub headers: Option<Vec<u8>>,
}

/// A person asks to verify calls again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyCalls {
    /// Of which source.
    pub source: String,
    /// These places of the ring and no others; all, if absent.
    pub numbers: Option<Vec<i64>>,
    /// Those that were received then or later.
    pub since: Option<Timestamp>,
    /// Whether only to tell which are authentic; so it is unless said otherwise.
    #[serde(default = "yes")]
    pub dry_run: bool,
    /// Why. Required unless it is a dry run.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

/// What calls were found to be.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedCalls {
    /// The source.
    pub source: String,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// How many calls were looked at.
    pub selected: i64,
    /// How many were found to be what.
    pub results: BTreeMap<&'static str, i64>,
    /// What became of those that were taken in.
    pub outcomes: BTreeMap<&'static str, i64>,
    /// The first of them, one by one, in the order of their numbers.
    pub items: Vec<VerifiedCall>,
    /// The position of the last event that was recorded.
    pub position: Option<i64>,
}

/// What one call was found to be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifiedCall {
    /// Its place in the ring.
    pub number: i64,
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// Why it was not accepted then.
    pub cause: Option<String>,
    /// `authentic` (in a dry run), `taken_in`, `not_authentic`, `not_verifiable`, `not_written` (it is
    /// authentic and stays in the ring: ask again), `not_found`, or `gone`: it has left the ring
    /// meanwhile.
    pub result: &'static str,
    /// Why it is not authentic, or cannot be verified.
    pub because: Option<&'static str>,
    /// The delivery that it is.
    pub delivery_id: Option<String>,
    /// What became of it.
    pub outcome: Option<&'static str>,
    /// The position of the last event that it caused.
    pub position: Option<i64>,
}

/// A call that was verified again, with the delivery that it is.
type Verified = (VerifiedCall, Option<Box<Delivery>>);

impl Creditrail {
    /// Verifies calls again that were turned away, with the secrets that are configured now, as of
    /// the time of their receipt. Those that are authentic are taken in with that time, by the way
    /// of all deliveries, and leave the ring in the same transaction; the others stay.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such source, nothing written. If some were written and others
    /// were not, the report says so, and those that come after are not looked at.
    pub async fn verify_again(&self, asked: VerifyCalls) -> Result<VerifiedCalls, CommandError> {
        let known = self.source(&asked.source)?;
        if !asked.dry_run {
            self.note(&asked).await?;
        }
        let mut found = VerifiedCalls {
            source: asked.source.clone(),
            dry_run: asked.dry_run,
            selected: 0,
            results: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            items: Vec::new(),
            position: None,
        };
        if let Some(numbers) = &asked.numbers {
            for numbers in sorted(numbers)?.chunks(50) {
                let portion = self.numbered(known, &asked, numbers).await?;
                if !self.portion(known, portion, &mut found).await? {
                    break;
                }
            }
        } else {
            let mut after = 0;
            loop {
                let calls = self.calls(&asked, after, PORTION).await?;
                let Some(last) = calls.last() else { break };
                after = last.place.number;
                let portion = calls.into_iter().map(|call| self.verified(known, call)).collect();
                if !self.portion(known, portion, &mut found).await? {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Puts on record who has calls verified again, and why, before it is done.
    async fn note(&self, asked: &VerifyCalls) -> Result<(), CommandError> {
        let reason = reason(asked.reason.clone())?;
        let actor = person(asked.actor.clone())?;
        let which = match (&asked.numbers, asked.since) {
            (Some(numbers), _) => format!("{} of them", numbers.len()),
            (None, Some(since)) => format!("those since {since}"),
            (None, None) => "all of them".to_owned(),
        };
        let about = format!("calls of {}: {which}", asked.source);
        self.record_access(Act::CallsVerified, &actor, (&about, &reason)).await?;
        Ok(())
    }

    /// The calls at these places.
    async fn numbered(
        &self,
        known: &Source,
        asked: &VerifyCalls,
        numbers: &[i64],
    ) -> Result<Vec<Verified>, CommandError> {
        let mut portion = Vec::with_capacity(numbers.len());
        for number in numbers {
            let found = self.calls(asked, number.saturating_sub(1), 1).await?.pop();
            portion.push(match found.filter(|call| call.place.number == *number) {
                Some(call) => self.verified(known, call),
                None => {
                    let (number, result) = (*number, NOT_FOUND);
                    (VerifiedCall { number, result, ..VerifiedCall::default() }, None)
                }
            });
        }
        Ok(portion)
    }

    async fn calls(
        &self,
        asked: &VerifyCalls,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SealedCall>, ReadError> {
        let since = asked.since.unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(self.store.sealed_calls(&asked.source, (after, since), limit).await?)
    }

    /// Takes in those of a portion that are authentic, unless it is a dry run: whether to go on. What
    /// was taken in is told, whatever became of the others.
    async fn portion(
        &self,
        known: &Source,
        portion: Vec<Verified>,
        found: &mut VerifiedCalls,
    ) -> Result<bool, CommandError> {
        let mut failure = None;
        let (mut calls, deliveries): (Vec<_>, Vec<_>) = portion.into_iter().unzip();
        if !found.dry_run {
            let (mut places, mut requests) = (Vec::new(), Vec::new());
            for (place, delivery) in deliveries.into_iter().enumerate() {
                let Some(delivery) = delivery else { continue };
                places.push(place);
                requests.push(Request::Deliver(delivery));
            }
            let answers = known.writer.ask_all(requests).await;
            for (place, answer) in places.into_iter().zip(answers) {
                let Some(call) = calls.get_mut(place) else { continue };
                match answer {
                    Ok(receipt) => call.taken_in(receipt),
                    Err(error) => {
                        call.not_written();
                        failure.get_or_insert(error);
                    }
                }
            }
        }
        calls.into_iter().for_each(|call| found.add(call));
        match failure {
            Some(error) if !found.results.contains_key(TAKEN_IN) => Err(error.into()),
            failure => Ok(failure.is_none()),
        }
    }

    fn verified(&self, known: &Source, call: SealedCall) -> Verified {
        let SealedCall { place, cause, .. } = &call;
        let RejectedPlace { number, received_at } = *place;
        let mut shown = VerifiedCall {
            number,
            received_at: Some(received_at),
            cause: Some(cause.clone()),
            result: NOT_VERIFIABLE,
            ..VerifiedCall::default()
        };
        let (headers, body) = match self.open_call(&known.config.name, &call) {
            Ok(opened) => opened,
            Err(because) => {
                shown.because = Some(because);
                return (shown, None);
            }
        };
        let verified = match known.lender.verify(&headers, &body, received_at) {
            Ok(verified) => verified,
            Err(rejection) => {
                (shown.result, shown.because) = (NOT_AUTHENTIC, Some(rejection.code()));
                return (shown, None);
            }
        };
        let source = known.config.name.as_str();
        let verified = (received_at, verified);
        match self.authentic((source, known), (&headers, &body), verified, Instant::now()) {
            Ok(delivery) => {
                shown.result = AUTHENTIC;
                shown.delivery_id = Some(delivery.id.to_string());
                (
                    shown,
                    Some(Box::new(Delivery { rejected: Some((*place, self.now())), ..delivery })),
                )
            }
            Err(_) => {
                shown.because = Some("a secret in it was not sealed");
                (shown, None)
            }
        }
    }

    /// Seals what is needed to verify a call again. Whoever sent it, there may be secrets in it.
    pub(super) fn seal_call(&self, source: &str, headers: &HeaderMap, body: &[u8]) -> SealedParts {
        let seal = |context: &[u8], plain: &[u8]| self.keyring.seal_whole(context, plain).ok();
        if body.len() > MAX_BODY {
            return SealedParts::default();
        }
        let listed: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), hex::encode(value.as_bytes())))
            .collect();
        let listed = serde_json::to_vec(&listed).ok().map(SecretSlice::from);
        let listed = listed.filter(|listed| listed.expose_secret().len() <= MAX_HEADERS);
        let headers = listed
            .and_then(|listed| seal(&context_of_headers(source, body), listed.expose_secret()));
        SealedParts { body: seal(source.as_bytes(), body), headers }
    }

    fn open_call(
        &self,
        source: &str,
        call: &SealedCall,
    ) -> Result<(HeaderMap, Bytes), &'static str> {
        let body = call.body.as_ref().ok_or("its body was not kept")?;
        let sealed = call.sealed_headers.as_ref().ok_or("its headers were not kept")?;
        let failed = |error: KeyError| match error {
            KeyError::UnknownKey(_) => "the sealing key that opens it is not given",
            _ => "what is kept of it was altered",
        };
        let body = self.keyring.open_whole(source.as_bytes(), body).map_err(failed)?;
        let body = Bytes::copy_from_slice(body.expose_secret());
        let context = context_of_headers(source, &body);
        let listed = self.keyring.open_whole(&context, sealed).map_err(failed)?;
        let listed: Vec<(String, String)> = serde_json::from_slice(listed.expose_secret())
            .map_err(|_| "what is kept of it was altered")?;
        let header = |(name, value): (String, String)| {
            let value = HeaderValue::from_bytes(&hex::decode(value).ok()?).ok()?;
            Some((HeaderName::try_from(name).ok()?, value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in listed.into_iter().filter_map(header) {
            headers.append(name, value);
        }
        Ok((headers, body))
    }
}

/// What the headers of a call are bound to.
fn context_of_headers(source: &str, body: &[u8]) -> Vec<u8> {
    format!("{source}/headers/{}", fields::hash(body)).into_bytes()
}

fn sorted(numbers: &[i64]) -> Result<Vec<i64>, CommandError> {
    few("numbers", numbers)?;
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

impl VerifiedCall {
    fn not_written(&mut self) {
        (self.result, self.because) = (NOT_WRITTEN, Some("it was not written; ask again"));
        self.delivery_id = None;
    }

    fn taken_in(&mut self, receipt: super::writer::Receipt) {
        if receipt.outcome == GONE {
            (self.result, self.delivery_id) = (GONE, None);
            return;
        }
        self.result = TAKEN_IN;
        self.outcome = Some(receipt.outcome);
        self.delivery_id = Some(receipt.delivery_id);
        self.position = receipt.position;
    }
}

impl VerifiedCalls {
    fn add(&mut self, call: VerifiedCall) {
        self.selected += 1;
        *self.results.entry(call.result).or_default() += 1;
        if let Some(outcome) = call.outcome {
            *self.outcomes.entry(outcome).or_default() += 1;
        }
        self.position = self.position.max(call.position);
        if self.items.len() < MOST_TOLD {
            self.items.push(call);
        }
    }
}
