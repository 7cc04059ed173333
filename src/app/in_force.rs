//! The settings in force, on record: what a service was started with, and what differs from before. So
//! an auditor sees under which policies a decision was made, and when who may look was changed.

use std::collections::BTreeMap;

use creditrail_domain::{
    AggregateType, Event,
    access::{AccessEvent, AccessRecord, Act},
};
use creditrail_projections::StreamId;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Creditrail, access::LOG, command::CommandError, read::ReadError, writer::Receipt};
use crate::sources::{scrub, signature::hmac_sha256};

/// In whose name it is recorded: who started the service is not known.
const ACTOR: &str = "settings";
/// How many changes are told in words. All are on record.
const MOST_TOLD: usize = 12;
/// How many bytes of a fingerprint are kept.
const FINGERPRINT: usize = 8;

impl Creditrail {
    /// What tells a secret from another, without telling it: 16 hexadecimal digits that only whoever has
    /// the first sealing key can make.
    pub fn fingerprint(&self, secret: &SecretString) -> String {
        let key = self.keyring.derived(b"settings");
        let digest = hmac_sha256(&key, &[secret.expose_secret().as_bytes()]);
        hex::encode(&digest[..FINGERPRINT])
    }

    /// Records the settings that are in force, by their paths, unless they are those that are on record
    /// as the last. They must have no secret: [`Self::fingerprint`].
    ///
    /// # Errors
    /// [`CommandError`]: not read, not written.
    pub async fn record_settings(
        &self,
        settings: BTreeMap<String, String>,
    ) -> Result<Option<Receipt>, CommandError> {
        let before = self.settings_on_record().await?;
        if before.as_ref() == Some(&settings) {
            return Ok(None);
        }
        let (about, reason) = match before {
            None => (format!("{} settings", settings.len()), "the service started with them"),
            Some(before) => {
                (changes(&before, &settings), "the service started with other settings")
            }
        };
        let record = AccessRecord {
            act: Act::SettingsChanged,
            actor: ACTOR.to_owned(),
            about: scrub::masked(&about),
            reason: reason.to_owned(),
            at: self.now(),
            settings: Some(settings),
        };
        self.record(record).await.map(Some)
    }

    async fn settings_on_record(&self) -> Result<Option<BTreeMap<String, String>>, ReadError> {
        let stream = StreamId { aggregate_type: AggregateType::Access, id: ACTOR.to_owned() };
        let events = self.store.events_of(LOG, vec![stream], i64::MAX).await?;
        Ok(events.into_iter().rev().find_map(|recorded| match recorded.event {
            Event::Access(AccessEvent::AccessRecorded(record)) => record.settings,
            _ => None,
        }))
    }
}

/// What differs, in words, and no more than is told.
fn changes(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> String {
    let all = differences(before, now);
    let told = all[..all.len().min(MOST_TOLD)].join("; ");
    match all.len().saturating_sub(MOST_TOLD) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// What differs, each by its path and in words.
pub(super) fn differences(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<String> {
    let gone = before.iter().filter(|(path, _)| !now.contains_key(*path));
    let gone = gone.map(|(path, was)| format!("{path}: {was} → nothing"));
    let other = now.iter().filter_map(|(path, is)| match before.get(path) {
        Some(was) if was == is => None,
        was => Some(format!("{path}: {} → {is}", was.map_or("nothing", String::as_str))),
    });
    other.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const N: usize>(settings: [(&str, &str); N]) -> BTreeMap<String, String> {
        settings.map(|(path, value)| (path.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn what_differs_is_told_with_what_it_was() {
        let before = of([("a", "1"), ("b", "2"), ("c", "3")]);
        let now = of([("a", "1"), ("b", "3"), ("d", "4")]);
        assert_eq!(changes(&before, &now), "b: 2 → 3; d: nothing → 4; c: 3 → nothing");
        let many = (0..20).map(|place| (format!("p{place:02}"), "x".to_owned())).collect();
        let told = changes(&BTreeMap::new(), &many);
        assert!(told.starts_with("p00: nothing → x; ") && told.ends_with("; and 8 more"), "{told}");
    }
}
