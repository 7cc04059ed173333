//! `creditrail migrate`.

use clap::Args;

use super::{CliError, Place, print, settings};
use crate::app;

/// What is brought up to date.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    place: Place,
    /// On PostgreSQL: a role that gets the rights of a running service, and no others.
    #[arg(long)]
    service_role: Option<String>,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<(), CliError> {
        // Before there are settings, the URL is enough.
        let url = match self.place.database {
            Some(url) => url,
            None => settings::read(&self.place)?.database.url,
        };
        let migrated = app::migrate(&url, self.service_role.as_deref()).await;
        migrated.map_err(CliError::Migrate)?;
        print("the schema is up to date\n");
        if let Some(role) = self.service_role {
            print(&format!("{role} has the rights of a running service\n"));
        }
        Ok(())
    }
}
