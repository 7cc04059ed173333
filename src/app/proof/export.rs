//! What is recorded, to be taken away whole: the log, deliveries as they came, and every read model, by
//! source, time, customer and kind; streaming, with a manifest that tells what there is.

mod encode;
mod tables;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use creditrail_domain::access::Act;
use creditrail_proof::{
    export::{EVENTS, FORMAT, File, MANIFEST, Manifest},
    tree::plan,
};

use self::encode::Written;
pub use self::{encode::Form, tables::What};
use super::{Creditrail, SignError, TreeError, tree::Nodes};
use crate::{
    app::{
        access,
        command::CommandError,
        moments::{AsOf, When},
        read::ReadError,
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
    /// There is nothing from there to there.
    #[error("--from is behind --to: {from} to {to}")]
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
    /// The tables.
    pub what: Vec<What>,
    /// In which form.
    pub form: Form,
    /// From where in the log on; its beginning, if absent.
    pub from: Option<AsOf>,
    /// Up to where; its head, if absent.
    pub to: Option<AsOf>,
    /// Only what names this customer.
    pub customer_id: Option<String>,
    /// Only events and deliveries of streams of this kind.
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

impl Creditrail {
    /// Writes what is asked for into a folder, which is made, with a manifest. `told` is called with
    /// each file and how many rows it has so far.
    ///
    /// # Errors
    /// [`ExportError`]; then the folder has no manifest.
    pub async fn export_log(
        &self,
        asked: ExportLog,
        (folder, mut told): (&Path, impl FnMut(&str, u64) + Send),
    ) -> Result<Manifest, ExportError> {
        let filters = filters(&asked);
        let about = format!(
            "{} of {} as {}: {}",
            asked.what.iter().map(|what| what.name()).collect::<Vec<_>>().join(", "),
            asked.source,
            asked.form.name(),
            if filters.is_empty() { "all".to_owned() } else { format!("{filters:?}") },
        );
        self.record_access(Act::Exported, &asked.actor, (&about, &asked.reason)).await?;
        let last = self.store.head(&asked.source).await?.position;
        self.hashed_up_to(&asked.source, last).await?;
        let signed = self.sign(&asked.source).await?;
        let size = signed.checkpoint.size;
        let range = self.range(&asked, i64::try_from(size).unwrap_or(i64::MAX)).await?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| ExportError::File { path, cause }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut files = Vec::new();
        for what in &asked.what {
            // What is verified is one form alone; others stand beside it.
            let forms = match (what, asked.form) {
                (What::Events, form) if form != Form::Ndjson => vec![Form::Ndjson, form],
                (_, form) => vec![form],
            };
            for form in forms {
                let name = format!("{}.{}", what.name(), form.name());
                let path = folder.join(&name);
                let written =
                    self.write(what, form, (&range, &path), |rows| told(&name, rows)).await?;
                let Written { rows, bytes, sha256 } = written;
                files.push(File { name, rows, bytes, sha256 });
            }
        }
        let is_whole = filters.keys().all(|name| ["from", "to"].contains(&name.as_str()))
            && files.iter().any(|file| file.name == EVENTS)
            && range.from <= range.to;
        let proof = if is_whole {
            let plan = plan::range(range.from.unsigned_abs() - 1, range.to.unsigned_abs(), size)
                .map_err(TreeError::from)?;
            let nodes = Nodes::of(&*self.store, &asked.source, plan.nodes()).await?;
            Some(plan.proof(|node| nodes.get(node)).map_err(TreeError::from)?)
        } else {
            None
        };
        let manifest = Manifest {
            format: FORMAT.into(),
            source: asked.source.clone(),
            from: range.from,
            to: range.to,
            filters: if proof.is_some() { BTreeMap::new() } else { filters },
            files,
            checkpoint: signed.note,
            range: proof,
        };
        let path = folder.join(MANIFEST);
        let text = manifest.to_json().map_err(io::Error::other).map_err(failed(&path))?;
        fs::write(&path, text).map_err(failed(&path))?;
        Ok(manifest)
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
        let seen = self.seen(source, When::default()).await?;
        let streams = self.streams_of((Thing::Customer, source, customer), seen).await?;
        let mut positions = Vec::new();
        for stream in streams {
            positions.extend(self.store.positions_of(source, &stream, (0, i64::MAX)).await?);
        }
        positions.retain(|position| (from..=to).contains(position));
        positions.sort_unstable();
        Ok(positions)
    }

    async fn write(
        &self,
        what: &What,
        form: Form,
        (range, path): (&Range, &Path),
        mut told: impl FnMut(u64) + Send,
    ) -> Result<Written, ExportError> {
        let failed = |cause| ExportError::File { path: path.to_owned(), cause };
        let mut encoder = encode::Encoder::new(what.columns(), form, path).map_err(failed)?;
        let opener = self.opener();
        let mut after = what.beginning(range);
        while let Some(place) = after {
            let (rows, next) = what.page(&opener, range, place).await?;
            // Encoding and hashing are pure computation, far longer than a poll should take.
            let encoded = tokio::task::spawn_blocking(move || {
                let written = encoder.rows(rows);
                (encoder, written)
            });
            let (back, written) = encoded.await.map_err(|_| TreeError::CutOff)?;
            written.map_err(failed)?;
            encoder = back;
            told(encoder.count());
            after = next;
        }
        encoder.end().map_err(failed)
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
