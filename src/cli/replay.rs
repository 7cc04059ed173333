//! `creditrail replay`.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{CliError, Place, print, settings};
use crate::app::replay;

/// What is rebuilt.
#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    place: Place,
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
        let bar = ProgressBar::new(0).with_style(style());
        let started = std::time::Instant::now();
        let mut total = std::collections::BTreeMap::new();
        creditrail
            .rebuild(&self.readers, |rebuilt| {
                bar.set_prefix(rebuilt.source.to_owned());
                bar.set_length(rebuilt.head.unsigned_abs());
                bar.set_position(rebuilt.position.unsigned_abs());
                total.insert(rebuilt.source.to_owned(), rebuilt.head);
            })
            .await?;
        bar.finish_and_clear();
        let seconds = started.elapsed().as_millis();
        for (source, events) in total {
            print(&format!("{source}: {events} events replayed\n"));
        }
        print(&format!("done in {seconds} ms\n"));
        Ok(())
    }
}

fn style() -> ProgressStyle {
    let template = "{prefix} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left";
    // The template is a constant of this file; the default is as good if it were broken.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
