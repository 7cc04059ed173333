//! A service whose callers have tokens, one of each role.

use super::{Ledger, Service, Source};

/// Each role has a token of this name: it is who acts.
pub const ROLES: [&str; 5] = ["viewer", "support", "auditor", "partner", "operator"];

/// A service with a source of each kind, and who may call it.
pub struct Desk {
    pub imprint: Ledger,
    pub onboarding: Ledger,
    pub loans: Ledger,
    tokens: Vec<String>,
}

impl Desk {
    /// The suite calls by the token of the operator.
    pub fn open() -> Self {
        Self::open_with("")
    }

    /// The same, with further lines in the settings.
    pub fn open_with(further: &str) -> Self {
        let made = ROLES.map(|role| Service::token(role, role));
        let settings: String = made.iter().map(|(_, settings)| settings.as_str()).collect();
        let tokens: Vec<String> = made.into_iter().map(|(token, _)| token).collect();
        let sources = [
            Source::named("imprint"),
            Source::old_onboarding("onboarding"),
            Source::charge_after("loans"),
        ];
        let service = Service::start_for(&sources, &(settings + further), &tokens[4]);
        let imprint = Ledger::of(service, "imprint");
        let (onboarding, loans) = (imprint.beside("onboarding"), imprint.beside("loans"));
        Self { imprint, onboarding, loans, tokens }
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        self.imprint.service.base()
    }

    /// The token of a role.
    pub fn token(&self, role: &str) -> &str {
        let place = ROLES.iter().position(|known| *known == role);
        &self.tokens[place.expect("a role")]
    }
}
