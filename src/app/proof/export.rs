//! What is recorded, to be taken away whole: the log, deliveries as they came, and every read model, by
//! source, time, customer and kind; streaming, with a manifest that tells what there is.

mod archive;
mod encode;
mod pages;
mod tables;
mod target;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::PathBuf,
};

use creditrail_domain::access::Act;
use creditrail_projections::{READERS, Reader};
use creditrail_proof::{
    export::{EVENTS, FORMAT, File, MANIFEST, Manifest},
    tree::plan::{self, RangeProof},
};

pub use self::{
    archive::Archive,
    tables::What,
    target::{Target, new_file},
};
use self::{
    encode::{Encoder, Written},
    pages::Pages,
};
use super::{Creditrail, SignError, TreeError, checkpoints::Signed, tree::Nodes};
use crate::{
    app::{
        access,
        command::CommandError,
        export::Format,
        moments::{AsOf, When},
        read::ReadError,
        shadow::bookmark,
        things::Thing,
    },
    store::StoreError,
};

/// Why nothing, or not all, was taken away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The log is not signed.
    #[error("the log is not signed")]
    Sign(#[from] SignError),
    /// The tree is not there.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Who takes it away is not recorded.
    #[error("who takes it away could not be recorded")]
    Recorded(#[from] CommandError),
    /// A file cannot be written.
    #[error("{path} cannot be written", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// No event of the source names the customer.
    #[error("there is no customer `{customer_id}` of {origin}")]
    UnknownCustomer {
        /// The customer.
        customer_id: String,
        /// The source.
        origin: String,
    },
    /// A table that was named has nothing by which it can be narrowed.
    #[error("{table} cannot be narrowed by {filter}: leave out the one or the other")]
    NotNarrowed {
        /// The table.
        table: &'static str,
        /// `customer_id` or `kind`.
        filter: &'static str,
    },
    /// There is nothing from there to there.
    #[error("there is no event from {from} to {to}")]
    Empty {
        /// The first position.
        from: i64,
        /// The last one.
        to: i64,
    },
}

/// What is taken away.
#[derive(Clone, Debug)]
pub struct ExportLog {
    /// The source, or `_access`.
    pub source: String,
    /// The tables; all that the filters can narrow, if none is named.
    pub what: Vec<What>,
    /// In which form.
    pub format: Format,
    /// From where in the log on; its beginning, if absent.
    pub from: Option<AsOf>,
    /// Up to where; its head, if absent.
    pub to: Option<AsOf>,
    /// Only what names this customer. What tells of no customer is left out.
    pub customer_id: Option<String>,
    /// Only events and deliveries of streams of this kind. Read models are left out.
    pub kind: Option<creditrail_domain::AggregateType>,
    /// Who takes it, and why. It is recorded.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Which rows are taken.
#[derive(Clone, Debug)]
struct Range {
    source: String,
    from: i64,
    to: i64,
    kind: Option<&'static str>,
    customer_id: Option<String>,
    /// The positions of the customer's events, if only those are taken.
    positions: Option<Vec<i64>>,
}

/// An export that is recorded, and can be written.
pub struct Export {
    creditrail: Creditrail,
    asked: ExportLog,
    /// The tables, and those that the filters cannot narrow.
    what: Vec<What>,
    left_out: Vec<What>,
    range: Range,
    signed: Signed,
    filters: BTreeMap<String, String>,
}

impl Creditrail {
    /// Records who takes away what is asked for, and why, and signs the log: then it can be written.
    ///
    /// # Errors
    /// [`ExportError`]; then nothing is to be taken away.
    pub async fn export_log(&self, asked: ExportLog) -> Result<Export, ExportError> {
        if !self.log_names().any(|log| log == asked.source) {
            return Err(ReadError::UnknownSource(asked.source).into());
        }
        let filters = filters(&asked);
        let (what, left_out) = tables(&asked)?;
        let about = format!(
            "{} of {} as {}: {}",
            names(&what).join(", "),
            asked.source,
            asked.format.name(),
            if filters.is_empty() { "all".to_owned() } else { format!("{filters:?}") },
        );
        let last = self.store.head(&asked.source).await?.position;
        // Whether there is anything, before it is recorded as taken.
        self.range(&asked, last).await?;
        self.record_access(Act::Exported, &asked.actor, (&about, &asked.reason)).await?;
        self.hashed_up_to(&asked.source, last).await?;
        let signed = self.sign(&asked.source).await?;
        let size = i64::try_from(signed.checkpoint.size).unwrap_or(i64::MAX);
        let range = self.range(&asked, size).await?;
        Ok(Export { creditrail: self.clone(), asked, what, left_out, range, signed, filters })
    }

    async fn range(&self, asked: &ExportLog, head: i64) -> Result<Range, ExportError> {
        let source = &asked.source;
        let from = match asked.from {
            None => 1,
            Some(AsOf::Position(position)) => position.max(1),
            // The first event behind those that were recorded before that time.
            Some(AsOf::Time(at)) => {
                let before = at.checked_sub(std::time::Duration::from_micros(1)).unwrap_or(at);
                self.store.position_at(source, before, head).await? + 1
            }
        };
        let to = match asked.to {
            None => head,
            Some(AsOf::Position(position)) => position.min(head),
            Some(AsOf::Time(at)) => self.store.position_at(source, at, head).await?,
        };
        if from > to && head > 0 {
            return Err(ExportError::Empty { from, to });
        }
        let positions = match &asked.customer_id {
            Some(customer) if source != access::LOG => {
                Some(self.positions_of_customer(source, customer, (from, to)).await?)
            }
            _ => None,
        };
        Ok(Range {
            source: source.clone(),
            from,
            to,
            kind: asked.kind.map(|kind| kind.name()),
            customer_id: asked.customer_id.clone(),
            positions,
        })
    }

    /// The positions of the events of all streams that name a customer.
    async fn positions_of_customer(
        &self,
        source: &str,
        customer: &str,
        (from, to): (i64, i64),
    ) -> Result<Vec<i64>, ExportError> {
        // The read models tell which streams name it.
        self.caught_up(source).await?;
        let seen = self.seen(source, When::default()).await?;
        let streams = self.streams_of((Thing::Customer, source, customer), seen).await?;
        let mut positions = Vec::new();
        for stream in streams {
            positions.extend(self.store.positions_of(source, &stream, (0, i64::MAX)).await?);
        }
        if positions.is_empty() {
            let (customer_id, origin) = (customer.to_owned(), source.to_owned());
            return Err(ExportError::UnknownCustomer { customer_id, origin });
        }
        positions.retain(|position| (from..=to).contains(position));
        positions.sort_unstable();
        Ok(positions)
    }
}

impl Export {
    /// Writes it, page by page, and a manifest in the end. `told` is called with each file and how many
    /// rows it has so far.
    ///
    /// # Errors
    /// [`ExportError`]; then there is no manifest.
    pub async fn write(
        self,
        target: &Target,
        mut told: impl FnMut(&str, u64) + Send,
    ) -> Result<Manifest, ExportError> {
        let mut files = Vec::new();
        for what in &self.what {
            let position = self.position(what).await?;
            // What is verified is one form alone; others stand beside it.
            let formats = match (what, self.asked.format) {
                (What::Events, Format::Ndjson) | (What::Deliveries | What::ReadModel(_), _) => {
                    vec![self.asked.format]
                }
                (What::Events, other) => vec![Format::Ndjson, other],
            };
            for format in formats {
                let name = format!("{}.{}", what.name(), format.name());
                let to = (target, name.as_str());
                let written = self.file((what, format), to, |rows| told(&name, rows)).await?;
                let Written { rows, bytes, sha256 } = written;
                let rows = Some(rows);
                files.push(File { name, rows, bytes, sha256, position });
            }
        }
        let proof = self.proof(&files).await?;
        let manifest = Manifest {
            format: FORMAT.into(),
            program: Some(format!("creditrail {}", env!("CARGO_PKG_VERSION"))),
            source: self.asked.source.clone(),
            from: self.range.from,
            to: self.range.to,
            filters: if proof.is_some() { BTreeMap::new() } else { self.filters },
            left_out: names(&self.left_out).into_iter().map(str::to_owned).collect(),
            files,
            checkpoint: self.signed.note,
            range: proof,
        };
        let (to, text) = (target.clone(), manifest.to_json());
        let written = computed(move || {
            let mut file = to.open(MANIFEST)?;
            file.write_all(text.map_err(io::Error::other)?.as_bytes())?;
            file.close()?;
            to.end()
        });
        written.await?.map_err(|cause| failed(target, MANIFEST, cause))?;
        Ok(manifest)
    }

    /// Up to where in the log a table has what is recorded, before it is read.
    async fn position(&self, what: &What) -> Result<Option<i64>, ExportError> {
        let What::ReadModel(model) = what else { return Ok(Some(self.range.to)) };
        let is_its =
            |reader: &&Reader| reader.models.iter().any(|of| of.table.name == model.table.name);
        let Some(reader) = READERS.iter().find(is_its) else { return Ok(None) };
        let store = &*self.creditrail.store;
        Ok(Some(bookmark(store, &self.range.source, reader).await?))
    }

    /// The proof that these are all events, if they are.
    async fn proof(&self, files: &[File]) -> Result<Option<RangeProof>, ExportError> {
        let Range { from, to, source, .. } = &self.range;
        let is_whole = self.filters.keys().all(|name| ["from", "to"].contains(&name.as_str()))
            && files.iter().any(|file| file.name == EVENTS)
            && from <= to;
        if !is_whole {
            return Ok(None);
        }
        let size = self.signed.checkpoint.size;
        let plan = plan::range(from.unsigned_abs() - 1, to.unsigned_abs(), size)
            .map_err(TreeError::from)?;
        let nodes = Nodes::of(&*self.creditrail.store, source, plan.nodes()).await?;
        Ok(Some(plan.proof(|node| nodes.get(node)).map_err(TreeError::from)?))
    }

    async fn file(
        &self,
        (what, format): (&What, Format),
        (target, name): (&Target, &str),
        mut told: impl FnMut(u64) + Send,
    ) -> Result<Written, ExportError> {
        let failed = |cause| failed(target, name, cause);
        let (to, file) = (target.clone(), name.to_owned());
        let columns = what.columns().into();
        let encoder = computed(move || Encoder::new(columns, format, to.open(&file)?)).await?;
        let mut encoder = encoder.map_err(failed)?;
        let mut pages = Pages::new(*what, (self.creditrail.opener(), &self.range), format);
        while let Some(sheet) = pages.next().await? {
            let taken = computed(move || encoder.take(sheet).map(|()| encoder)).await?;
            encoder = taken.map_err(failed)?;
            told(encoder.count());
        }
        computed(move || encoder.end()).await?.map_err(failed)
    }
}

/// What takes far longer than a poll should, or waits for whoever reads.
async fn computed<T: Send + 'static>(
    compute: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ExportError> {
    Ok(tokio::task::spawn_blocking(compute).await.map_err(|_| TreeError::CutOff)?)
}

fn failed(target: &Target, name: &str, cause: io::Error) -> ExportError {
    ExportError::File { path: target.path(name), cause }
}

fn names(what: &[What]) -> Vec<&'static str> {
    what.iter().map(What::name).collect()
}

/// The tables that are taken, and those that the filters cannot narrow: they would tell of others.
fn tables(asked: &ExportLog) -> Result<(Vec<What>, Vec<What>), ExportError> {
    let all = if asked.what.is_empty() { What::all() } else { asked.what.clone() };
    let (left_out, what): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|what| what.not_narrowed_by(asked).is_some());
    let wrong = if asked.what.is_empty() && !what.is_empty() { None } else { left_out.first() };
    match wrong.and_then(|table| Some((table.name(), table.not_narrowed_by(asked)?))) {
        Some((table, filter)) => Err(ExportError::NotNarrowed { table, filter }),
        None => Ok((what, left_out)),
    }
}

fn filters(asked: &ExportLog) -> BTreeMap<String, String> {
    let moment = |as_of: AsOf| match as_of {
        AsOf::Position(position) => position.to_string(),
        AsOf::Time(at) => at.to_string(),
    };
    let kind = asked.kind.map(|kind| kind.name().to_owned());
    [
        ("from", asked.from.map(moment)),
        ("to", asked.to.map(moment)),
        ("customer_id", asked.customer_id.clone()),
        ("kind", kind),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
