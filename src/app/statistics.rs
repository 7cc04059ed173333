//! Numbers over time, as they are counted by the read model of that name.

use creditrail_projections::statistics::{What, read_key};
use jiff::{ToSpan, civil::Date, tz::TimeZone};

use super::{Creditrail, read::ReadError};

/// How many numbers of one kind and source are read at the most.
const MOST: i64 = 20_000;
/// How many days are read where no span is named.
const DAYS: i64 = 28;

/// One number.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Statistic {
    /// The source.
    pub source: String,
    /// What is counted.
    pub what: &'static str,
    /// The first day of its day or week, in UTC.
    pub period: String,
    /// Of what kind: an outcome, a lag, a state and an end, a code.
    pub label: String,
    /// How many. Never 0.
    pub count: i64,
}

/// A span of days in UTC, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Creditrail {
    /// The span that is read where none is named: today and the days before it.
    pub fn last_days(&self) -> Span {
        let to = self.now().to_zoned(TimeZone::UTC).date();
        Span { from: to.saturating_sub((DAYS - 1).days()), to }
    }

    /// The numbers of a span, of one source or of all, of one kind or of all: by source, then kind,
    /// then period, then label. A week in which the span begins is read as a whole.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn statistics(
        &self,
        source: Option<&str>,
        what: Option<What>,
        span: Span,
    ) -> Result<Vec<Statistic>, ReadError> {
        let sources = match source {
            Some(source) => {
                self.known(source)?;
                vec![source]
            }
            None => self.sources().collect(),
        };
        let mut statistics = Vec::new();
        for source in sources {
            for what in What::ALL.into_iter().filter(|it| what.is_none_or(|one| one == *it)) {
                let keys = what.keys(span.from, span.to);
                for (key, count) in self.store.statistics(source, keys, MOST).await? {
                    let Some((period, label)) = read_key(&key) else { continue };
                    statistics.push(Statistic {
                        source: source.to_owned(),
                        what: what.name(),
                        period: period.to_owned(),
                        label: label.to_owned(),
                        count,
                    });
                }
            }
        }
        Ok(statistics)
    }
}
