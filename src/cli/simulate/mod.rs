//! `creditrail simulate`: plays a lender, and checks what a partner knows afterwards.
//!
//! Reading order: [`options`], [`lane`] (a history on its way), [`journal`] (what was sent),
//! [`check`] (what is known of it), [`summary`].

mod check;
mod file;
mod journal;
mod lane;
mod options;
mod summary;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::Deserialize as _;
use tokio::task::JoinSet;

pub(super) use self::options::Simulate;
use self::{
    check::{Difference, Partner},
    journal::{Journal, Record, Run},
    lane::{Lane, Pace, Retry, Road},
    summary::Summary,
};
use super::{CliError, Format, client::Client, print, sender::Sender};
use crate::{
    simulation::{
        Dice, Generator, History,
        plan::{Fault, Planned, Shares, plan},
    },
    sources::Kind,
};

/// Histories, if nothing says how many.
const HISTORIES: u64 = 20;
/// Seeds that are made up stay short: a long number can look like one of a card.
const SEEDS: u64 = 1_000_000;

/// Where the histories of a run come from.
struct Histories {
    generator: Generator,
    file: Option<Vec<History>>,
    shares: Shares,
    /// How many there are, if that is known.
    most: Option<u64>,
    until: Option<Instant>,
    next: AtomicU64,
}

impl Histories {
    fn history(&self, number: u64) -> Option<History> {
        match &self.file {
            Some(histories) => histories.get(usize::try_from(number).ok()?).cloned(),
            None => Some(self.generator.history(number)),
        }
    }

    /// The next one: its number, and what is sent of it.
    fn next(&self) -> Option<(u64, Vec<Planned>)> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if self.most.is_some_and(|most| number >= most) {
            return None;
        }
        let history = self.history(number)?;
        Some((number, plan(&history, (self.generator.seed, number), &self.shares)))
    }
}

impl Simulate {
    pub(super) async fn run(self) -> Result<(), CliError> {
        if self.checked.check_only {
            return self.check_again().await;
        }
        let seed = self.amount.seed.unwrap_or_else(made_up);
        let histories = self.histories(seed)?;
        if self.amount.print {
            (0..histories.most.unwrap_or(HISTORIES))
                .map_while(|number| histories.history(number))
                .for_each(|history| print(&file::lines(&history)));
            return Ok(());
        }
        if self.format == Format::Text {
            print(&format!("seed {seed}\n"));
        }
        let (record, planned) = self.play(histories, seed).await?;
        let unsent = u64::try_from(record.sent.len()).unwrap_or(0);
        self.tell(&record, planned.saturating_sub(unsent)).await
    }

    fn histories(&self, seed: u64) -> Result<Histories, CliError> {
        let shares = self.faults.shares();
        let file = self.amount.from.as_deref().map(file::read).transpose()?;
        let of_file = file.as_ref().and_then(|file| u64::try_from(file.len()).ok());
        let until = self.amount.lasting.map(|lasting| Instant::now() + lasting);
        let most = match (self.amount.histories, of_file, until) {
            (Some(asked), Some(there), _) => Some(asked.min(there)),
            (Some(asked), None, _) => Some(asked),
            (None, Some(there), _) => Some(there),
            (None, None, Some(_)) => None,
            (None, None, None) => Some(HISTORIES),
        };
        let generator = Generator { kind: self.kind, seed, illegal: shares.of(Fault::Illegal) };
        Ok(Histories { generator, file, shares, most, until, next: AtomicU64::new(0) })
    }

    /// Sends all of it: what was sent, and how many deliveries there were to send.
    async fn play(&self, histories: Histories, seed: u64) -> Result<(Record, u64), CliError> {
        let url =
            self.url.clone().ok_or_else(|| CliError::Simulation("--url is missing".to_owned()))?;
        let wrong = |what: &str| Err(CliError::Simulation(format!("--url: {what}")));
        if !["http", "https"].contains(&url.scheme()) {
            return wrong("http:// and https:// are spoken, and nothing else");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("must not have a user; give --authorization");
        }
        let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
        let run = Run {
            kind: kind_name(self.kind).to_owned(),
            source: self.checked.source.clone().unwrap_or_else(|| last.to_owned()),
            currency: self.checked.currency.clone(),
            seed,
            started_at: Timestamp::now(),
        };
        let (secret, authorization) = self.credentials.of(self.kind)?;
        let client = self.client(&url)?;
        let road = Road {
            sender: Sender::new(client, url, self.kind, secret).authorized(authorization),
            journal: Journal::begin(run, self.checked.journal.as_deref())?,
            retry: Retry::of(self.kind, self.backoff, self.patience),
            seed,
            delay: self.faults.delay,
            pace: Pace::of(self.amount.rate),
            is_heard: AtomicBool::new(false),
        };
        let bar = self.bar(&histories);
        let (road, histories) = (Arc::new(road), Arc::new(histories));
        let planned = Arc::new(AtomicU64::new(0));
        let mut lanes = JoinSet::new();
        for _ in 0..self.amount.connections {
            let (road, histories) = (Arc::clone(&road), Arc::clone(&histories));
            let (planned, bar) = (Arc::clone(&planned), bar.clone());
            lanes.spawn(async move {
                while let Some((number, deliveries)) = histories.next() {
                    let count = u64::try_from(deliveries.len()).unwrap_or(0);
                    planned.fetch_add(count, Ordering::Relaxed);
                    Lane::new(&road, number, deliveries).run().await?;
                    bar.inc(1);
                }
                Ok::<(), CliError>(())
            });
        }
        while let Some(ended) = lanes.join_next().await {
            // The first that cannot go on ends the others, which are dropped with the set.
            ended.map_err(|error| CliError::Simulation(error.to_string()))??;
        }
        bar.finish_and_clear();
        let road = Arc::into_inner(road)
            .ok_or_else(|| CliError::Simulation("a lane goes on".to_owned()))?;
        Ok((road.journal.end()?, planned.load(Ordering::Relaxed)))
    }

    /// What calls a URL.
    fn client(&self, url: &reqwest::Url) -> Result<Client, CliError> {
        match (url.scheme(), self.ca.as_deref()) {
            ("http", None) => Client::plain(),
            (_, file) => Client::trusting(file),
        }
    }

    fn bar(&self, histories: &Histories) -> ProgressBar {
        let Some(most) = histories.most else {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(200));
            return bar.with_message("histories");
        };
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} histories, {eta} to go");
        let bar = ProgressBar::new(most);
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    async fn check_again(&self) -> Result<(), CliError> {
        let journal = self.checked.journal.as_deref();
        let journal =
            journal.ok_or_else(|| CliError::Simulation("--journal is missing".to_owned()))?;
        let record = Record::read(journal)?;
        self.tell(&record, 0).await
    }

    /// Compares, and tells what became of the run.
    async fn tell(&self, record: &Record, blocked: u64) -> Result<(), CliError> {
        let differences = self.differences(record).await?;
        let summary = Summary::of(record, blocked, &differences);
        if self.format == Format::Json {
            print(&format!("{}\n", summary.json()));
        } else {
            print(&summary.text());
            if !differences.is_empty() {
                print(&summary.differences());
            } else if self.checked.read.is_some() {
                print("what is known is what was sent\n");
            }
        }
        let given_up = if self.checked.check_only { 0 } else { summary.given_up.len() };
        if differences.is_empty() && given_up == 0 {
            return Ok(());
        }
        Err(CliError::Simulated { differences: differences.len(), given_up })
    }

    async fn differences(&self, record: &Record) -> Result<Vec<Difference>, CliError> {
        let mut found = check::forged(record);
        if let Some(read) = &self.checked.read {
            let kind =
                serde::de::value::StrDeserializer::<serde::de::value::Error>::new(&record.run.kind);
            let kind =
                Kind::deserialize(kind).map_err(|error| CliError::Simulation(error.to_string()))?;
            let partner = Partner::new(self.client(read)?, read.clone(), self.checked.token()?);
            found.extend(partner.compare(record, kind).await?);
        }
        Ok(found)
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Imprint => "imprint",
        Kind::CardOnboarding => "card-onboarding",
        Kind::ChargeAfter => "charge-after",
        Kind::Host => "host",
    }
}

/// A seed by the clock, short enough to be typed.
fn made_up() -> u64 {
    let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    Dice::of(now, 0, 0).roll(SEEDS)
}
