//! `creditrail sign`.

use std::{io::Read as _, path::PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize as _;

use super::{CliError, print};
use crate::sources::{Kind, sign};

/// What is signed.
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The kind of the source: `imprint`, `card-onboarding`, `charge-after`.
    #[arg(long, default_value = "imprint", value_parser = kind)]
    kind: Kind,
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
        let (secret, now) = (self.secret.expose_secret(), jiff::Timestamp::now());
        for (name, value) in sign(self.kind, secret, &body, now) {
            print(&format!("{name}: {value}\n"));
        }
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

/// The kind of that name.
pub(super) fn kind(word: &str) -> Result<Kind, String> {
    let read = Kind::deserialize(serde::de::value::StrDeserializer::new(word));
    read.map_err(|error: serde::de::value::Error| error.to_string())
}
