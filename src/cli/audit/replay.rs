//! `creditrail audit replay`.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::json;

use crate::{
    app::{
        redecide::{Asked, Cause, Difference, Replayed, Shown, Told},
        replay::RowDifference,
    },
    cli::{
        CliError, Place, print,
        replay::{how_begun, style},
        settings,
    },
};

/// What is decided again.
#[derive(Debug, Args)]
pub(in crate::cli) struct Replay {
    #[command(flatten)]
    place: Place,
    /// Of which source. All, and the log of accesses, if none is named.
    #[arg(long)]
    source: Option<String>,
    /// Where to keep what comes out: a file that is removed in the end, and one beside it. Beside a
    /// SQLite database, or in the temporary folder, unless it is given. Killed and asked again, it
    /// goes on with it.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// The settings of before: differences to which their policies lead are told as such. Without
    /// them it is the defaults of the policies.
    #[arg(long)]
    settings_before: Option<PathBuf>,
    /// How it is told.
    #[arg(long, default_value = "text")]
    format: Format,
    /// How many differences are listed; they are counted all the same.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object a line: each difference, then each source.
    Json,
}

impl Replay {
    pub(in crate::cli) async fn run(self) -> Result<(), CliError> {
        let before = match &self.settings_before {
            Some(file) => settings::policies(file)?,
            None => BTreeMap::new(),
        };
        let settings = settings::read(&self.place)?;
        let (creditrail, _worker) = settings.builder().build().await?;
        let bar = ProgressBar::new(0).with_style(style("events"));
        let (format, limit, mut listed) = (self.format, self.limit, 0);
        let mut told = |told: Told<'_>| {
            let line = match told {
                Told::Begun(begun) => {
                    if format == Format::Text {
                        print(&how_begun(begun));
                    }
                    return;
                }
                Told::At { source, position, head } => {
                    bar.set_prefix(source.to_owned());
                    bar.set_length(head.unsigned_abs());
                    bar.set_position(position.unsigned_abs());
                    return;
                }
                Told::Decision(difference) => decision(&difference, format),
                Told::Row(difference) => row(&difference, format),
            };
            listed += 1;
            if listed <= limit {
                bar.suspend(|| print(&line));
            }
        };
        let asked = Asked { source: self.source, scratch: self.scratch, before };
        let replayed = creditrail.decide_again(asked, &mut told).await?;
        bar.finish_and_clear();
        if listed > limit && format == Format::Text {
            print(&format!("and {} more differences\n", listed - limit));
        }
        for replayed in &replayed {
            print(&summary(replayed, format));
        }
        match replayed.iter().map(Replayed::count).sum() {
            0 => Ok(()),
            count => Err(CliError::Differs(count)),
        }
    }
}

fn decision(difference: &Difference, format: Format) -> String {
    if format == Format::Json {
        return json!({ "difference": "decision", "told": difference }).to_string() + "\n";
    }
    let Difference { source, position, delivery_id, cause, fields, recorded, now } = difference;
    let delivery = delivery_id.as_deref().unwrap_or("no delivery");
    let stream = recorded.iter().chain(now).next();
    let stream = stream.map_or_else(String::new, |event| {
        format!(", {} {}", event.aggregate_type, event.aggregate_id)
    });
    let mut text = format!(
        "{source} at {position}: {} ({}): {}{stream}\n  delivery {delivery}\n",
        cause.name(),
        cause.meaning(),
        fields.join(", "),
    );
    for (what, events) in [("recorded", recorded), ("now", now)] {
        for Shown { event_type, event_version, occurred_at, payload, .. } in events {
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "  {what}: {event_type} {event_version} {occurred_at} {payload}");
        }
        if events.is_empty() {
            let _ = writeln!(text, "  {what}: nothing");
        }
    }
    text
}

fn row(difference: &RowDifference, format: Format) -> String {
    if format == Format::Json {
        return json!({ "difference": "row", "told": difference }).to_string() + "\n";
    }
    let RowDifference { source, table, key, position, how, .. } = difference;
    let what = difference.what();
    format!("{source} as of {position}: the row {key} of {table} is {}{what}\n", how.name())
}

fn summary(replayed: &Replayed, format: Format) -> String {
    if format == Format::Json {
        return json!({ "replayed": replayed, "differences": replayed.count() }).to_string() + "\n";
    }
    let Replayed { source, head, deliveries, events, taken, erased, differences, rows, .. } =
        replayed;
    let mut text = format!(
        "{source}: the head {head} is reached; {deliveries} deliveries decided again, {events} \
         events came of them, {taken} events taken as recorded\n"
    );
    if *erased > 0 {
        let _ = writeln!(
            text,
            "{source}: {erased} deliveries are erased: their events were taken as recorded"
        );
    }
    for (cause, count) in differences {
        let _ = writeln!(text, "{source}: {count} differences: {}", Cause::name(*cause));
    }
    for (table, count) in rows {
        let _ = writeln!(text, "{source}: {count} rows of {table} differ");
    }
    if replayed.rows_at < *head {
        let at = replayed.rows_at;
        let _ = writeln!(
            text,
            "{source}: the readers stood at {at}, and rows are compared as of there"
        );
    }
    if replayed.rows_as_recorded {
        let _ = writeln!(
            text,
            "{source}: more events come out today, so the rows were compared with the log as it is \
             recorded"
        );
    }
    if replayed.count() == 0 {
        let _ = writeln!(text, "{source}: 0 differences");
    }
    let (decided, compared) = (replayed.decided_in_ms, replayed.compared_in_ms);
    let rate = deliveries.unsigned_abs() * 1000 / (decided + compared).max(1);
    let _ = writeln!(
        text,
        "{source}: {rate} deliveries a second (decided in {decided} ms, the rest of the read \
         models folded and all of them compared in {compared} ms)"
    );
    text
}
