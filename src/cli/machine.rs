//! `creditrail machine`.

use clap::{Args, ValueEnum};
use creditrail_domain::machine;

use super::{CliError, print};

/// Which lifecycle, and how.
#[derive(Debug, Args)]
pub(super) struct Machine {
    /// The aggregate.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(machine::Machine::NAMES))]
    name: String,
    /// How it is drawn.
    #[arg(long, default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Every pair of state and step, as a Markdown table.
    Table,
    /// The applied steps, as a Mermaid state diagram.
    Mermaid,
    /// The applied steps, for Graphviz.
    Dot,
}

impl Machine {
    pub(super) fn run(self) -> Result<(), CliError> {
        // The parser takes no other name than those of a machine.
        let Some(machine) = machine::Machine::named(&self.name) else { return Ok(()) };
        print(&match self.format {
            Format::Table => machine.table(),
            Format::Mermaid => machine.mermaid(),
            Format::Dot => machine.dot(),
        });
        Ok(())
    }
}
