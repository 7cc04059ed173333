//! `creditrail token`.

use clap::Args;
use ring::rand::{SecureRandom, SystemRandom};

use super::{CliError, print};
use crate::http::{
    access::Role,
    tokens::{TokenHash, is_name},
};

/// A token to be made.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// Who will have it: 1 to 63 of a-z, 0-9 and -. What its holder does is recorded under this name.
    #[arg(long)]
    name: String,
    /// What its holder may do: viewer, support, auditor, partner or operator.
    #[arg(long, value_parser = role)]
    role: Role,
}

fn role(given: &str) -> Result<Role, String> {
    Role::ALL.into_iter().find(|role| role.name() == given).ok_or_else(|| {
        let all: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("is not one of: {}", all.join(", "))
    })
}

impl Token {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let Self { name, role } = self;
        if !is_name(name) {
            return Err(CliError::TokenName(name.clone()));
        }
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| CliError::NoRandom)?;
        let token = format!("crk_{name}_{}", hex::encode(secret));
        print(&format!(
            "The token, for {name} alone; it is not shown again:\n\n    {token}\n\n\
             Into creditrail.toml, which keeps its hash:\n\n    [[token]]\n    name = \"{name}\"\n    \
             role = \"{}\"\n    sha256 = \"{}\"\n",
            role.name(),
            TokenHash::of(&token).digits(),
        ));
        Ok(())
    }
}
