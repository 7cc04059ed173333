//! `creditrail replay`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{CliError, Place, print, settings};
use crate::app::replay::{self, Begun, Rebuilt};

/// What is rebuilt.
#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    place: Place,
    /// Where to fold the read models: a file that is removed in the end. Beside a SQLite database,
    /// or in the temporary folder, unless it is given.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Readers whose read models are rebuilt: transactions, payment_methods, applications,
    /// customers (with exceptions), timeline (with tallies), charges, work (actions, findings,
    /// deadlines), identifiers, statistics. All, if none is named.
    #[arg(value_parser = reader)]
    readers: Vec<&'static creditrail_projections::Reader>,
}

fn reader(name: &str) -> Result<&'static creditrail_projections::Reader, String> {
    replay::reader(name).ok_or_else(|| {
        let known: Vec<_> =
            creditrail_projections::READERS.iter().map(|reader| reader.name).collect();
        format!("there are: {}", known.join(", "))
    })
}

impl Replay {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let settings = settings::read(&self.place)?;
        let (creditrail, _worker) = settings.builder().build().await?;
        let bar = ProgressBar::new(0).with_style(style("events"));
        let started = std::time::Instant::now();
        let mut total = BTreeMap::new();
        let told = |rebuilt: Rebuilt<'_>| match rebuilt {
            Rebuilt::Begun(begun) => print(how_begun(begun).as_str()),
            Rebuilt::At { source, position, head } => {
                bar.set_prefix(source.to_owned());
                bar.set_length(head.unsigned_abs());
                bar.set_position(position.unsigned_abs());
                total.insert(source.to_owned(), head);
            }
        };
        let mended = creditrail.rebuild(&self.readers, self.scratch, told).await?;
        bar.finish_and_clear();
        for (source, events) in total {
            print(&format!("{source}: {events} events replayed\n"));
        }
        for replay::Mended { source, table, rows } in &mended {
            print(&format!("{source}: {rows} rows of {table} differed and are replaced\n"));
        }
        if mended.is_empty() {
            print("no row differed\n");
        }
        print(&format!("done in {} ms\n", started.elapsed().as_millis()));
        Ok(())
    }
}

pub(super) fn how_begun(begun: Begun) -> String {
    match begun {
        Begun::New => String::new(),
        Begun::GoesOn => "going on with the scratch file of a replay that was ended\n".to_owned(),
        Begun::Anew(why) => format!("beginning anew, the scratch file is of no use: {why}\n"),
    }
}

/// How far something is, how fast, and how long it takes yet.
pub(super) fn style(what: &str) -> ProgressStyle {
    let template =
        format!("{{prefix}} {{wide_bar}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
    // The template is a constant of this file; the default is as good if it were broken.
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
