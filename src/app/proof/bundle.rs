//! The evidence of one thing: its events, the deliveries that they recorded, and the proof of each.

use creditrail_domain::{AggregateType, access::Act, ids};
use creditrail_projections::StreamId;
use creditrail_proof::{
    bundle::{self, Bundle, Opening, ProvenEvent, StreamName},
    leaf::DeliveryEntry,
    note::VerifierKey,
    tree::plan,
};

use super::{Creditrail, SignError, TreeError, tree::Nodes};
use crate::{
    app::{
        command::CommandError,
        content::Kept,
        moments::{AsOf, When, stream_type},
        read::ReadError,
        things::Thing,
    },
    store::{StoreError, proof::Evidence},
};

/// How many events of one stream a bundle has at the most.
const MOST: i64 = 10_000;

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// There is no such thing.
    #[error("there is no {noun} `{id}` of {origin}", noun = .thing.noun())]
    Unknown {
        /// What kind of thing.
        thing: Thing,
        /// The source.
        origin: String,
        /// Its id.
        id: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Who has it proven is not recorded.
    #[error("who has it proven could not be recorded")]
    Recorded(#[from] CommandError),
    /// The log is not signed.
    #[error("the log is not signed, so nothing is proven")]
    Sign(#[from] SignError),
    /// The tree is not there.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The tree is not over all events yet.
    #[error("the tree is over {hashed} events of {last}; ask again")]
    Unhashed {
        /// How many events it is over.
        hashed: i64,
        /// How many there are.
        last: i64,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The bundle cannot be spelled.
    #[error("the bundle cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// A bundle, to be written into a folder.
#[derive(Clone, Debug)]
pub struct Proven {
    /// `bundle.json`.
    pub json: String,
    /// `index.html`.
    pub page: String,
    /// How many events it has.
    pub events: usize,
    /// How many deliveries it has.
    pub deliveries: usize,
    /// The key that verifies it: to be handed over by another way than the bundle.
    pub key: VerifierKey,
}

impl Creditrail {
    /// The evidence of a thing as of now: the checkpoint is signed anew. It has what deliveries carried, in
    /// clear, so who wants it and why is recorded before anything is opened.
    ///
    /// # Errors
    /// [`ProveError`].
    pub async fn prove(
        &self,
        (thing, source, id): (Thing, &str, &str),
        (actor, reason): (&str, &str),
    ) -> Result<Proven, ProveError> {
        let when = When { as_of: Some(AsOf::Position(i64::MAX)), happened_by: None };
        let seen = self.seen(source, when).await?;
        let mut streams = self.streams_of((thing, source, id), seen).await?;
        let kind = kind(thing, id, &streams);
        if thing == Thing::Customer {
            streams.extend(self.privacy_streams(source, id).await?);
        }
        let mut positions = Vec::new();
        let mut cut = Vec::new();
        for stream in streams {
            let of_stream = self.store.positions_of(source, &stream, (0, MOST + 1)).await?;
            let whole = usize::try_from(MOST).unwrap_or(usize::MAX);
            if of_stream.len() > whole {
                cut.push(StreamName {
                    aggregate_type: stream.aggregate_type.name().to_owned(),
                    aggregate_id: format!("{source}/{}", stream.id),
                });
            }
            positions.extend(of_stream.into_iter().take(whole));
        }
        if positions.is_empty() {
            let (origin, id) = (source.to_owned(), id.to_owned());
            return Err(ProveError::Unknown { thing, origin, id });
        }
        positions.sort_unstable();
        let about = format!("{} {source}/{id}: {} events", thing.noun(), positions.len());
        self.record_access(Act::ProofMade, actor, (&about, reason)).await?;
        // All of the log as of now, so that the checkpoint is not behind what is told.
        let last = self.store.head(source).await?.position;
        let hashed = self.hashed_up_to(source, last).await?;
        if hashed < last {
            return Err(ProveError::Unhashed { hashed, last });
        }
        let signed = self.sign(source).await?;
        let size = signed.checkpoint.size;
        let mut events = Vec::with_capacity(positions.len());
        let mut deliveries = Vec::new();
        for Evidence { entry, delivery, .. } in self.store.evidence_at(source, positions).await? {
            let plan = plan::inclusion(entry.position.unsigned_abs() - 1, size)
                .map_err(TreeError::from)?;
            let nodes = Nodes::of(&*self.store, source, plan.nodes()).await?;
            let proof = plan.proof(|node| nodes.get(node)).map_err(TreeError::from)?;
            events.push(ProvenEvent { event: entry, proof });
            deliveries.extend(delivery);
        }
        let openings = self.openings(source, &deliveries).await?;
        let bundle = Bundle {
            format: bundle::FORMAT.into(),
            kind,
            id: id.to_owned(),
            source: source.to_owned(),
            checkpoint: signed.note,
            events,
            deliveries,
            openings,
            deliveries_not_enclosed: Vec::new(),
            cut,
            notes: Vec::new(),
        };
        Ok(Proven {
            json: bundle.to_json()?,
            page: bundle::page(&bundle),
            events: bundle.events.len(),
            deliveries: bundle.deliveries.len(),
            key: self.checkpoints.verifier().ok_or(SignError::NoKey)?.clone(),
        })
    }
}

impl Creditrail {
    /// The streams that tell of legal holds on a customer's data, and of erasure. Some may be empty.
    async fn privacy_streams(&self, source: &str, id: &str) -> Result<Vec<StreamId>, ReadError> {
        let id = ids::canonical(id);
        let things = self.things(source)?;
        let mut partners = things.partners(&id).await?;
        let mut subjects = vec![format!("customer:{id}")];
        if self.customer(source, &id).await?.is_none() {
            // Of whom only the partner's id is known.
            partners.push(id);
        }
        subjects.extend(partners.into_iter().map(|id| format!("partner:{id}")));
        let stream = |id| StreamId { aggregate_type: AggregateType::Privacy, id };
        Ok(subjects.into_iter().map(stream).collect())
    }

    /// The keys of deliveries that are sealed and can be opened.
    async fn openings(
        &self,
        source: &str,
        deliveries: &[DeliveryEntry<'_>],
    ) -> Result<Vec<Opening>, StoreError> {
        let entries: Vec<_> = deliveries.iter().collect();
        let kept = self.opener().of_entries(source, &entries).await?;
        let opening = |(entry, kept): (&DeliveryEntry<'_>, Kept)| match kept {
            Kept::There(_, Some(key)) => {
                Some(Opening { delivery_id: entry.delivery_id.to_string(), key: key.to_hex() })
            }
            Kept::There(_, None) | Kept::Erased(_) | Kept::Shut => None,
        };
        Ok(deliveries.iter().zip(kept).filter_map(opening).collect())
    }
}

/// What the bundle is about. The name of a stream's kind is proven by its events; of what lives in a
/// stream of another id, or in many, it is a label.
fn kind(thing: Thing, id: &str, streams: &[StreamId]) -> String {
    let id = ids::canonical(id);
    match (stream_type(thing), streams) {
        (Some(kind), [stream]) if stream.id == id => kind.name().to_owned(),
        (Some(_), _) => format!("one {}", thing.noun()),
        (None, _) => thing.noun().to_owned(),
    }
}
