//! The lifecycles of one thing with the path that it took, as the tables that decide draw them.

use creditrail_domain::{
    AggregateType, PathStep, Track, application, ids::canonical, machine::Machine,
};
use creditrail_projections::{History, StreamId};

use super::{Creditrail, moments::Seen, read::ReadError, then::Known};

/// A lifecycle with the path that a thing took through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LitLifecycle {
    /// Whose it is, in words: `Transaction`, `Lender demo-red`.
    pub title: String,
    /// What the table draws, as far as the thing can come.
    pub machine: Machine,
    /// Every step in the order in which they happened, applied or not.
    pub path: Vec<PathStep>,
    /// Where it stands: a state of the machine.
    pub current: String,
    /// The kinds of step that are in order now.
    pub legal_next: Vec<&'static str>,
}

impl Creditrail {
    /// The lifecycles of a thing, by its path in the interface: `transactions`, `payment-methods`,
    /// `applications` or `charges`. An application that is offered to several lenders has one for
    /// each that has reported, a charge one more for each of its operations. `seen` is the state that is
    /// asked of: as it is, if there is none. Empty for what is not known, or was not.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn lifecycles(
        &self,
        thing: &str,
        source: &str,
        id: &str,
        seen: Option<Seen>,
    ) -> Result<Vec<LitLifecycle>, ReadError> {
        let policies = &self.known(source)?.config.policies;
        let Some((stream, within)) = self.stream_of(thing, source, id).await? else {
            return Ok(Vec::new());
        };
        let known = seen.map_or_else(
            || Known::up_to(i64::MAX),
            |Seen { point, happened_by }| Known { happened_by, ..Known::up_to(point.position) },
        );
        let streams = self.things_then(source, known)?.rows.streams(vec![stream]).await?;
        let Some(stream) = streams.into_iter().next() else { return Ok(Vec::new()) };
        let tracks = match &stream.history {
            History::Application(steps) => steps.journal.tracks(policies),
            History::Charge(steps) => steps.journal.tracks(policies),
            History::PaymentMethod(steps) => steps.journal.tracks(policies),
            History::Transaction(steps) => steps.journal.tracks(policies),
            History::CustomerLink(_)
            | History::Access(_)
            | History::Exception(_)
            | History::Privacy(_)
            | History::Secret(_) => Vec::new(),
        };
        // Of an applicant's applications the one that is asked for.
        let is_meant = |track: &Track| match &within {
            Some(application) => {
                track.machine != application::decisions::machine().name || track.of == *application
            }
            None => true,
        };
        Ok(tracks.into_iter().filter(is_meant).filter_map(lit).collect())
    }

    /// The stream of a thing, and which of those in it the thing is.
    async fn stream_of(
        &self,
        thing: &str,
        source: &str,
        id: &str,
    ) -> Result<Option<(StreamId, Option<String>)>, ReadError> {
        let aggregate_type = match thing {
            "transactions" => AggregateType::Transaction,
            "payment-methods" => AggregateType::PaymentMethod,
            "charges" => AggregateType::Charge,
            "applications" => {
                let Some(known) = self.application(source, id).await? else { return Ok(None) };
                let text = |field: &str| known[field].as_str().map(str::to_owned);
                let Some(applicant) = text("applicant") else { return Ok(None) };
                let aggregate_type = AggregateType::Application;
                let stream = StreamId { aggregate_type, id: applicant };
                return Ok(Some((stream, text("application_id"))));
            }
            _ => return Ok(None),
        };
        Ok(Some((StreamId { aggregate_type, id: canonical(id) }, None)))
    }
}

fn lit(track: Track) -> Option<LitLifecycle> {
    let title = match track.machine {
        "transaction" => "Transaction".to_owned(),
        "payment-method" => "Card".to_owned(),
        "charge" => "Charge".to_owned(),
        "lender-track" => format!("Lender {}", track.of),
        // `settle demo-tx-1`
        "charge-operation" => track.of.clone(),
        _ => "Application".to_owned(),
    };
    Some(LitLifecycle {
        title,
        machine: track.drawn()?,
        current: track.current.into_owned(),
        legal_next: track.legal_next,
        path: track.path,
    })
}
