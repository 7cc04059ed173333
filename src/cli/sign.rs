//! `creditrail sign`.

use std::{io::Read as _, path::PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::{CliError, print};
use crate::sources::imprint;

/// What is signed.
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The secret of the source.
    #[arg(long, env = "CREDITRAIL_SIGN_SECRET", hide_env_values = true)]
    secret: SecretString,
    /// The file with the body; `-` for standard input.
    body: PathBuf,
}

impl Sign {
    pub(super) fn run(self) -> Result<(), CliError> {
        let body = self.read().map_err(|cause| CliError::Io {
            what: format!("{} cannot be read", self.body.display()),
            cause,
        })?;
        let signature = imprint::sign(self.secret.expose_secret(), &body, jiff::Timestamp::now());
        print(&format!("X-IMPRINT-HMAC-SIGNATURE: {signature}\n"));
        Ok(())
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.body.as_os_str() == "-" {
            std::io::stdin().read_to_end(&mut body)?;
        } else {
            body = std::fs::read(&self.body)?;
        }
        Ok(body)
    }
}
