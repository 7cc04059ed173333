//! The sample histories: the lenders' own examples, and what goes wrong in practice.

pub(super) mod imprint;
pub(super) mod loans;
pub(super) mod onboarding;

use serde_json::Value;

/// A history, as it is sent.
pub(super) struct History {
    /// The source that it is about.
    pub(super) source: &'static str,
    pub(super) title: &'static str,
    pub(super) calls: Vec<Call>,
}

/// One call.
pub(super) enum Call {
    /// A webhook with the right signature or credential.
    Webhook { label: String, body: String },
    /// A webhook of someone who guesses the secret.
    Forged { label: String, body: String },
    /// A call of the partner's backend.
    Command { label: String, path: String, body: Value },
}

pub(super) fn all() -> Vec<History> {
    [imprint::all(), onboarding::all(), loans::all()].into_iter().flatten().collect()
}
