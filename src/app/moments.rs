//! What was known at a moment of the log, when things changed, and what differs between two moments.

use std::{collections::BTreeSet, str::FromStr};

use creditrail_domain::{AggregateType, HappenedBy, StepId, application::State, ids};
pub use creditrail_projections::moments::Moment;
use creditrail_projections::{History, Stream, StreamId, moments};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{
    Creditrail,
    changes::{FieldChange, changes},
    read::ReadError,
    then::{Known, Then},
    things::{Thing, Things},
};

/// Of how many streams of a customer the moments are told.
const MOMENTS_OF: usize = 200;

/// A moment of the log: everything up to it was known then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Up to a position. One beyond the head is the head.
    Position(i64),
    /// What was recorded up to a time, and at it.
    Time(Timestamp),
}

/// What is given is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a position of the log, from 0, or a time in RFC 3339")]
pub struct NoMoment;

impl FromStr for AsOf {
    type Err = NoMoment;

    fn from_str(given: &str) -> Result<Self, NoMoment> {
        if given.bytes().all(|byte| byte.is_ascii_digit()) {
            return given.parse().map(Self::Position).map_err(|_| NoMoment);
        }
        given.parse().map(Self::Time).map_err(|_| NoMoment)
    }
}

/// A place in the log of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The position of the newest event that was known; 0 before the first.
    pub position: i64,
    /// When that event was recorded; `None` before the first.
    pub recorded_at: Option<Timestamp>,
}

/// Of which state something is asked, on two axes: what was known when, of what had happened by when.
/// Nothing is given: as it is known now, all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// As it was known then; as it is known now, if absent.
    pub as_of: Option<AsOf>,
    /// Of what had happened by then; of all of it, if absent.
    pub happened_by: Option<Timestamp>,
}

impl When {
    /// Whether it is the present that is asked for.
    pub const fn is_now(self) -> bool {
        self.as_of.is_none() && self.happened_by.is_none()
    }
}

/// A state that is asked of, with its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What was known.
    pub point: Point,
    /// By when it is to have happened, if that is asked.
    pub happened_by: Option<HappenedBy>,
}

impl Seen {
    /// Notes on a document as of when it is.
    pub fn sign(self, document: &mut Value) {
        document["as_of"] = serde_json::json!(self.point);
        if let Some(by) = self.happened_by {
            document["happened_by"] = serde_json::json!(by.time);
        }
    }
}

/// What differs between two moments.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// The earlier moment.
    pub from: Point,
    /// The later one.
    pub to: Point,
    /// Of what had happened by then, at both; of all of it, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub happened_by: Option<Timestamp>,
    /// What differs, in the order of the fields.
    pub changes: Vec<FieldChange>,
}

impl Creditrail {
    /// Where in the log a moment is.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn point(&self, source: &str, as_of: AsOf) -> Result<Point, ReadError> {
        self.known(source)?;
        let head = self.store.head(source).await?.position;
        let position = match as_of {
            AsOf::Position(position) => position.clamp(0, head),
            AsOf::Time(at) => self.store.position_at(source, at, head).await?,
        };
        let recorded_at = self.store.recorded_at(source, position).await?;
        Ok(Point { position, recorded_at })
    }

    /// Where in the log a state is. What is known now is what the read models have, so that nobody
    /// waits for them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn seen(&self, source: &str, when: When) -> Result<Seen, ReadError> {
        let passed = AsOf::Position(self.known(source)?.progress.position());
        // Of a time that is to come, what is known now is all there is so far.
        let now = self.now();
        let as_of = when.as_of.filter(|as_of| !matches!(as_of, AsOf::Time(at) if *at > now));
        let point = self.point(source, as_of.unwrap_or(passed)).await?;
        let known_at = match as_of {
            Some(_) => point.recorded_at.unwrap_or(Timestamp::MIN),
            None => now,
        };
        let happened_by = when.happened_by.map(|time| HappenedBy { time, known_at });
        Ok(Seen { point, happened_by })
    }

    /// The document of a thing as it was; `None` if it was not known then, or nothing of it had
    /// happened. At the head, and of all of it, it is what the read model has.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn at(
        &self,
        thing: Thing,
        (source, id): (&str, &str),
        seen: Seen,
    ) -> Result<Option<Value>, ReadError> {
        self.things_at(source, seen).await?.one(thing, id).await
    }

    pub(super) async fn things_at<'a>(
        &'a self,
        source: &'a str,
        Seen { point, happened_by }: Seen,
    ) -> Result<Things<'a, Then<'a>>, ReadError> {
        // The read models tell which streams there are to fold.
        self.at_least(source, point.position).await?;
        let known = Known { happened_by, ..Known::up_to(point.position) };
        self.things_then(source, known)
    }

    /// What differs in the document of a thing between two moments, the later one the present if there is
    /// none, of what had happened by a time if that is given; `None` if it is known at neither. Where it is
    /// known at one alone, its whole document differs.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn changes(
        &self,
        (thing, source, id): (Thing, &str, &str),
        (from, to): (AsOf, Option<AsOf>),
        happened_by: Option<Timestamp>,
    ) -> Result<Option<Changes>, ReadError> {
        let of = (thing, source, id);
        let (before, after) = tokio::try_join!(
            self.document_then(of, When { as_of: Some(from), happened_by }),
            self.document_then(of, When { as_of: to, happened_by }),
        )?;
        Ok(differing(before, after, happened_by))
    }

    /// As [`Self::changes`], from a document as it was.
    pub(crate) async fn changes_since(
        &self,
        of: (Thing, &str, &str),
        before: (Seen, Option<Value>),
        to: When,
    ) -> Result<Option<Changes>, ReadError> {
        let after = self.document_then(of, to).await?;
        Ok(differing(before, after, to.happened_by))
    }

    /// A moment, and the document of a thing as it was seen then.
    async fn document_then(
        &self,
        (thing, source, id): (Thing, &str, &str),
        when: When,
    ) -> Result<(Seen, Option<Value>), ReadError> {
        let seen = self.seen(source, when).await?;
        let document = if when.is_now() {
            self.document_of(thing, source, id).await?
        } else {
            self.at(thing, (source, id), seen).await?
        };
        Ok((seen, document))
    }

    /// Every moment at which a thing changed by a step of its own, oldest first; `None` if it is not
    /// known. What is told of it when it is read, out of other things, has no moment of its own.
    /// Of a customer those of the newest 200 streams that name it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn moments(
        &self,
        thing: Thing,
        source: &str,
        id: &str,
    ) -> Result<Option<Vec<Moment>>, ReadError> {
        // As far as the read models are: what is shown beside it is not newer, and nobody waits.
        let seen = self.seen(source, When::default()).await?;
        let things = self.things_at(source, seen).await?;
        let streams = self.streams_of((thing, source, id), seen).await?;
        let streams = things.rows.streams(streams).await?;
        let policies = &self.known(source)?.config.policies;
        let moments = streams.iter().flat_map(|stream| {
            let only = (thing == Thing::Application).then(|| steps_of(stream, id, policies));
            moments::of(stream, only.flatten().as_deref())
        });
        let mut moments: Vec<Moment> = moments.collect();
        moments.sort_by_key(|moment| moment.position);
        Ok(Some(moments).filter(|moments| !moments.is_empty()))
    }

    /// Why a thing was not known at a moment, though it is known; `None` if it is not known at all.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn why_not_known(
        &self,
        (thing, source, id): (Thing, &str, &str),
        seen: Seen,
    ) -> Result<Option<String>, ReadError> {
        let moments = self.moments(thing, source, id).await?;
        let Some(first) = moments.and_then(|moments| moments.into_iter().next()) else {
            return Ok(None);
        };
        let (noun, at, from) = (thing.noun(), seen.point.position, first.position);
        Ok(Some(match seen.happened_by {
            Some(by) if from <= at => format!(
                "nothing of the {noun} `{id}` had happened by {}, as far as it was known at position {at}",
                by.time
            ),
            _ => format!(
                "there was no {noun} `{id}` at position {at}: it is known from position {from} on"
            ),
        }))
    }

    /// The streams that the document of a thing is made of; none if it is not known.
    pub(super) async fn streams_of(
        &self,
        (thing, source, id): (Thing, &str, &str),
        seen: Seen,
    ) -> Result<Vec<StreamId>, ReadError> {
        let things = self.things_at(source, seen).await?;
        Ok(match stream_type(thing) {
            Some(AggregateType::Application) => {
                things.rows.applicant(&ids::canonical(id)).await?.into_iter().collect()
            }
            Some(aggregate_type) => vec![StreamId { aggregate_type, id: ids::canonical(id) }],
            None => self.streams_of_customer(&things, (source, id)).await?,
        })
    }

    async fn streams_of_customer(
        &self,
        things: &Things<'_, Then<'_>>,
        (source, id): (&str, &str),
    ) -> Result<Vec<StreamId>, ReadError> {
        let id = ids::canonical(id);
        let mentioning = things.rows.mentioning(&id, None, MOMENTS_OF).await?;
        let mut streams: BTreeSet<StreamId> = mentioning.into_iter().collect();
        // What does not name it, and is known to be its own.
        let now = self.things(source)?;
        let applications = now.applications_of(&id).await?;
        for application in &applications {
            let id = application["application_id"].as_str().unwrap_or_default();
            streams.extend(things.rows.applicant(id).await?);
        }
        let charges = now.charges_of(&id, &applications).await?.into_iter();
        let charges = charges.filter_map(|charge| charge["charge_id"].as_str().map(str::to_owned));
        let stream = |id| StreamId { aggregate_type: AggregateType::Charge, id };
        streams.extend(charges.map(stream));
        Ok(streams.into_iter().collect())
    }
}

/// What differs between a thing as it was seen at two moments; `None` if it was known at neither.
fn differing(
    (from, before): (Seen, Option<Value>),
    (to, after): (Seen, Option<Value>),
    happened_by: Option<Timestamp>,
) -> Option<Changes> {
    if before.is_none() && after.is_none() {
        return None;
    }
    let changes = changes(&before.unwrap_or_default(), &after.unwrap_or_default());
    Some(Changes { from: from.point, to: to.point, happened_by, changes })
}

/// The kind of stream in which a thing lives; a customer lives in many.
pub(super) const fn stream_type(thing: Thing) -> Option<AggregateType> {
    match thing {
        Thing::Transaction => Some(AggregateType::Transaction),
        Thing::PaymentMethod => Some(AggregateType::PaymentMethod),
        Thing::Application => Some(AggregateType::Application),
        Thing::Charge => Some(AggregateType::Charge),
        Thing::Customer => None,
    }
}

/// The steps of one application of an applicant; `None` where the stream is the application.
fn steps_of(
    stream: &Stream,
    id: &str,
    policies: &creditrail_domain::Policies,
) -> Option<Vec<StepId>> {
    let History::Application(steps) = &stream.history else { return None };
    let State::Decisions(state) = steps.state(policies) else { return None };
    let id: Option<uuid::Uuid> = id.parse().ok();
    let mut applications = state.applications().iter();
    let is = |known: &&creditrail_domain::application::ApplicationState| {
        id.is_some_and(|id| known.id == id || known.alias == Some(id))
    };
    Some(applications.find(is).map(|known| known.steps.clone()).unwrap_or_default())
}
