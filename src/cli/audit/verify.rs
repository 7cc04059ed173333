//! `creditrail audit verify`.

use std::{
    fs,
    io::ErrorKind,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use creditrail_proof::note::VerifierKey;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use super::super::{
    CliError, Format, Place, print,
    replay::{how_begun, style},
    settings,
};
use crate::app::{
    Creditrail,
    proof::verify::{Against, Given, LogReport, Resumed, RowsReport, VerifyState},
    replay::Rebuilt,
};

/// How often the state is kept.
const KEEP: Duration = Duration::from_secs(2);

/// What is checked, and what it is held against.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    place: Place,
    /// The logs, sources or `_access`. All that there are, if none is named: those of the settings, and
    /// those that the database has besides.
    #[arg(long)]
    log: Vec<String>,
    /// The key that verifies checkpoints: its text, or a file that has it. An auditor gives the one
    /// that was handed over; without it, it is that of the service, which whoever rewrote the log may
    /// have changed.
    #[arg(long, value_parser = key)]
    key: Option<VerifierKey>,
    /// Files with checkpoints that were kept outside, each of one of the logs that are looked at. The
    /// report tells which one each was held against.
    #[arg(long)]
    checkpoint: Vec<PathBuf>,
    /// A file that remembers how far the check is: given again it goes on from there, if the record, the
    /// key, the checkpoints, the other options and the program are the same; else it begins anew. The
    /// report tells what was not looked at again.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Whether read models are checked too: folded anew from the log, in a scratch file, and compared
    /// row by row. It takes far longer than the rest. Killed and asked again, it goes on with the file.
    #[arg(long)]
    read_models: bool,
    /// The scratch file, which is removed in the end. Beside a SQLite database, or in the temporary
    /// folder, unless it is given.
    #[arg(long, requires = "read_models")]
    scratch: Option<PathBuf>,
    /// How the report is told.
    #[arg(long, default_value = "text")]
    format: Format,
}

/// What the state file has.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// What it depends on beside the logs.
    of: String,
    /// The logs that were looked at to their heads.
    done: Vec<VerifyState>,
    begun: Option<VerifyState>,
}

/// How a check began.
enum Began {
    New,
    GoesOn,
    Anew(String),
}

pub(super) fn key(given: &str) -> Result<VerifierKey, String> {
    let text = match fs::read_to_string(given) {
        Ok(text) => text,
        Err(_) => given.to_owned(),
    };
    text.trim().parse().map_err(|error| format!("it is no key and no file with one: {error}"))
}

impl Verify {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let settings = settings::read(&self.place)?;
        let url = settings.database.url.clone();
        let (creditrail, _worker) = settings.builder().build().await?;
        let all = creditrail.all_logs().await?;
        if let Some(unknown) = self.log.iter().find(|log| !all.contains(log)) {
            return Err(CliError::UnknownLog(unknown.clone(), all.join(", ")));
        }
        let against = Against { key: self.key.as_ref(), checkpoints: &self.checkpoint };
        let logs: Vec<String> =
            all.into_iter().filter(|log| self.log.is_empty() || self.log.contains(log)).collect();
        creditrail.belong(&against, &logs)?;
        let options = format!("{url} {:?} {}", self.log, self.read_models);
        let of = creditrail.verify_depends_on(&against, &options)?;
        let (mut kept, began) = self.remembered(&creditrail, of).await?;
        if self.format == Format::Text {
            print(&began.told());
        }
        let started = Instant::now();
        let mut hashed = 0;
        for log in logs {
            if kept.done.iter().any(|state| state.report.log == log) {
                continue;
            }
            let state = kept.begun.take().filter(|state| state.report.log == log);
            let before = state.as_ref().map_or(0, |state| state.report.events);
            let bar = ProgressBar::new(0).with_message(log.clone());
            let mut last = Instant::now();
            let told = |state: &VerifyState| {
                bar.set_length(state.head.unsigned_abs());
                bar.set_position(state.at.unsigned_abs());
                if last.elapsed() >= KEEP {
                    last = Instant::now();
                    kept.begun = Some(state.clone());
                    self.keep(&kept);
                }
            };
            let state = creditrail.verify_log(&log, &against, (state, told)).await?;
            bar.finish_and_clear();
            hashed += state.report.events - before;
            kept.begun = None;
            kept.done.push(state);
            self.keep(&kept);
        }
        let mut done: Vec<_> = kept.done.into_iter().map(|state| state.report).collect();
        let took = started.elapsed();
        if self.read_models {
            let bar = ProgressBar::new(0).with_style(style("events"));
            let told = |rebuilt: Rebuilt<'_>| match rebuilt {
                Rebuilt::Begun(begun) => {
                    if self.format == Format::Text {
                        print(&how_begun(begun));
                    }
                }
                Rebuilt::At { source, position, head } => {
                    bar.set_prefix(source.to_owned());
                    bar.set_length(head.unsigned_abs());
                    bar.set_position(position.unsigned_abs());
                }
            };
            let scratch = self.scratch.clone();
            creditrail.verify_read_models((&mut done, scratch), told).await?;
            bar.finish_and_clear();
        }
        self.tell((&done, &began), (hashed, took));
        let found: u64 = done.iter().map(|report| report.found).sum();
        if let Some(state) = &self.state {
            // What is checked is checked; asked again it begins anew.
            let _ = fs::remove_file(state);
        }
        if found == 0 { Ok(()) } else { Err(CliError::Tampered(found)) }
    }

    /// What an earlier run remembers, as far as it is of use.
    async fn remembered(
        &self,
        creditrail: &Creditrail,
        of: String,
    ) -> Result<(Kept, Began), CliError> {
        let anew =
            |of: String, why: &str| (Kept { of, ..Kept::default() }, Began::Anew(why.to_owned()));
        let Some(file) = &self.state else {
            return Ok((Kept { of, ..Kept::default() }, Began::New));
        };
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok((Kept { of, ..Kept::default() }, Began::New));
            }
            Err(cause) => {
                return Err(CliError::Io {
                    what: format!("{} cannot be read", file.display()),
                    cause,
                });
            }
        };
        let Ok(kept) = serde_json::from_slice::<Kept>(&text) else {
            return Ok(anew(of, "it is damaged, or none of a check"));
        };
        if kept.of != of {
            let why = "it is of another database, key, checkpoints, options or program";
            return Ok(anew(of, why));
        }
        let mut changed = Vec::new();
        let mut useful = Vec::new();
        for (state, is_done) in
            kept.done.into_iter().map(|it| (it, true)).chain(kept.begun.map(|it| (it, false)))
        {
            match creditrail.has_changed(&state, is_done).await? {
                Some(why) => changed.push(format!("{}: {why}", state.report.log)),
                None => useful.push((state, is_done)),
            }
        }
        let (done, begun): (Vec<_>, Vec<_>) = useful.into_iter().partition(|(_, is_done)| *is_done);
        let kept = Kept {
            of,
            done: done.into_iter().map(|(state, _)| state.resumed()).collect(),
            begun: begun.into_iter().map(|(state, _)| state).next(),
        };
        let began =
            if changed.is_empty() { Began::GoesOn } else { Began::Anew(changed.join("; ")) };
        Ok((kept, began))
    }

    fn keep(&self, kept: &Kept) {
        let Some(file) = &self.state else { return };
        let text = serde_json::to_string(kept).unwrap_or_default();
        // Beside it first: who is killed while it writes has the one of before.
        let beside = file.with_added_extension("new");
        if let Err(error) = fs::write(&beside, text).and_then(|()| fs::rename(&beside, file)) {
            tracing::warn!(%error, "how far the check is cannot be kept");
        }
    }

    fn tell(&self, (done, began): (&[LogReport], &Began), (hashed, took): (i64, Duration)) {
        if self.format == Format::Json {
            let (state, because) = began.in_words();
            let whole = serde_json::json!({ "logs": done, "state": state, "because": because });
            print(&format!("{whole:#}\n"));
            return;
        }
        done.iter().for_each(|report| print(&text(report)));
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = hashed.unsigned_abs().saturating_mul(1000) / milliseconds;
        print(&format!("{hashed} events in {milliseconds} ms, {rate} a second\n"));
    }
}

impl Began {
    fn in_words(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::New => ("new", None),
            Self::GoesOn => ("goes_on", None),
            Self::Anew(why) => ("anew", Some(why)),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::New => String::new(),
            Self::GoesOn => "it goes on with what an earlier run remembers\n".to_owned(),
            Self::Anew(why) => {
                format!("what an earlier run remembers is of no use, it begins anew: {why}\n")
            }
        }
    }
}

fn text(report: &LogReport) -> String {
    let LogReport {
        log,
        in_settings,
        events,
        deliveries,
        streams,
        checkpoints,
        outside,
        given,
        resumed,
        findings,
        found,
        ..
    } = report;
    let verdict = if *found == 0 { "as it was signed" } else { "NOT as it should be" };
    let verdict = if *checkpoints == 0 && *found == 0 {
        "whole, but held against no checkpoint"
    } else {
        verdict
    };
    let verdict = match resumed {
        Some(resumed) if resumed.up_to >= *events && *found == 0 => {
            format!("{verdict}, when an earlier run looked at it")
        }
        _ => verdict.to_owned(),
    };
    let mut text = format!(
        "{log}: {verdict}\n  {events} events of {streams} streams, {deliveries} deliveries; held against \
         {checkpoints} checkpoints, {outside} of them kept outside the database\n"
    );
    if !in_settings {
        text += "  it is not in the settings: nobody takes anything in for it\n";
    }
    for Given { file, size } in given {
        text += &format!("  {file} of {size} events was held against it\n");
    }
    if *checkpoints > 0 && *outside == 0 {
        text += "  whoever can write the database could have written all of it anew: no checkpoint \
                 outside was at hand\n";
    }
    if let Some(Resumed { up_to, began_at }) = resumed {
        text += &format!(
            "  positions 1 to {up_to} were looked at before, by a run that began at {began_at}, and not \
             again\n"
        );
    }
    if let Some(RowsReport { rows, position }) = report.read_models {
        text += &format!("  {rows} rows of read models compared as of position {position}\n");
    }
    for finding in findings {
        let place = finding.position.map_or_else(String::new, |at| format!(" at position {at}"));
        text += &format!("  {}{place}: {}\n", finding.check, finding.what);
    }
    let untold = *found - findings.len() as u64;
    if untold > 0 {
        text += &format!("  and {untold} more\n");
    }
    text
}
