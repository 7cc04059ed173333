//! How far applications get, and why they end.

use creditrail_domain::{
    Journal, Policies, Track,
    application::{
        ApplicationLifecycle, State,
        decisions::Status as Decided,
        lenders::{self, Overall},
        onboarding::{self, FailureCode, RejectReason},
    },
};
use jiff::Timestamp;

use super::{Counts, What};
use crate::history::Steps;

/// The states that an application passes on its way, the first first; what is not among them is
/// where it ends. `pending_…` of a lender is one: the lender reviews.
pub const WAY: [&str; 8] = [
    "started",
    "submitted",
    "prequalified",
    "under_review",
    "awaiting_signature",
    "approved",
    "signed",
    "confirmed",
];

/// The longest lender's name that a label has.
const LONGEST: usize = 64;

/// Adds what the new events changed. After each of them it is looked anew, so that it is the same
/// however many of them are new at once.
pub(super) fn count(steps: &Steps<ApplicationLifecycle>, policies: &Policies, counts: &mut Counts) {
    let mut before: Option<Vec<String>> = None;
    steps.course(|journal| {
        let now = keys(journal, policies);
        if let Some(before) = &before {
            before.iter().for_each(|key| *counts.entry(key.clone()).or_default() -= 1);
            now.iter().for_each(|key| *counts.entry(key.clone()).or_default() += 1);
        }
        before = Some(now);
    });
}

/// The rows in which the applications of a stream are counted.
fn keys(journal: &Journal<ApplicationLifecycle>, policies: &Policies) -> Vec<String> {
    let Some(first) = journal.entries().first() else { return Vec::new() };
    let begun = first.step.occurred_at;
    match journal.state(policies) {
        State::Decisions(state) => {
            let each = state.applications().iter().flat_map(|application| {
                let begun = application.started_at.or(application.created_at).unwrap_or(begun);
                let (label, reason) = match application.status() {
                    Decided::Started => ("started.open", None),
                    Decided::Accepted => ("started.accepted", None),
                    Decided::Rejected => ("started.rejected", Some("not_told")),
                };
                let reason = reason.map(|reason| What::Declines.key(begun, reason));
                [What::Applications.key(begun, label)].into_iter().chain(reason)
            });
            each.collect()
        }
        State::Onboarding(state) => {
            let begun = state.submitted_at.unwrap_or(begun);
            of_onboarding(&state, begun, &journal.tracks(policies))
        }
        State::Lenders(state) => {
            let begun = state.started_at.unwrap_or(begun);
            of_lenders(&state, begun, &journal.tracks(policies))
        }
    }
}

fn of_onboarding(state: &onboarding::State, begun: Timestamp, tracks: &[Track]) -> Vec<String> {
    use onboarding::Status;
    let end = match state.status() {
        Status::Submitted | Status::AwaitingSignature | Status::Signed => "open",
        Status::Completed => "completed",
        Status::Rejected | Status::RejectedForCredit => "rejected",
        Status::Failed => "failed",
    };
    let reason = match (&state.rejected, &state.failed) {
        (Some((RejectReason::Other(_), _)), _) | (_, Some((FailureCode::Other(_), _))) => {
            Some("OTHER")
        }
        (Some((reason, _)), _) => Some(reason.code()),
        (None, Some((code, _))) => Some(code.code()),
        (None, None) => None,
    };
    let reason = reason.filter(|_| matches!(end, "rejected" | "failed"));
    let label = format!("{}.{end}", reached(tracks, "submitted"));
    let reason = reason.map(|reason| What::Declines.key(begun, reason));
    [What::Applications.key(begun, &label)].into_iter().chain(reason).collect()
}

fn of_lenders(state: &lenders::State, begun: Timestamp, tracks: &[Track]) -> Vec<String> {
    let end = match state.status() {
        Overall::Confirmed => "confirmed",
        Overall::DeclinedByAllKnown => "declined",
        Overall::CancelledByAllKnown => "cancelled",
        _ => "open",
    };
    let label = format!("{}.{end}", reached(tracks, "started"));
    let declined = state.tracks.iter();
    let declined = declined.filter(|(_, track)| track.status == lenders::Status::Declined);
    let declined = declined.map(|(lender, _)| {
        let name: String = lender.chars().take(LONGEST).collect();
        What::Declines.key(begun, &format!("lender:{name}"))
    });
    [What::Applications.key(begun, &label)].into_iter().chain(declined).collect()
}

/// The furthest state on the way that the path of any lender came to.
fn reached(tracks: &[Track], least: &'static str) -> &'static str {
    let states = tracks.iter().flat_map(|track| &track.path).map(|step| match &*step.to {
        "pending_lender" | "pending_consumer" | "pending_merchant" => "under_review",
        "completed" => "signed",
        other => other,
    });
    let places = states.filter_map(|state| WAY.iter().position(|known| *known == state));
    places.max().map_or(least, |place| WAY[place])
}
