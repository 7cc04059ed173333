//! The keys of personal data against the log: what is destroyed is said to be, what is said to be is
//! destroyed, and what a delivery names is there.

use std::collections::{BTreeMap, BTreeSet};

use creditrail_domain::{Event, privacy::PrivacyEvent};

use super::{Creditrail, LogReport, PAGE, VerifyError};
use crate::{
    app::content,
    store::{
        DataKey, codec,
        privacy::{Erasure, WithoutKey},
    },
};

impl Creditrail {
    /// One pass over the keys; for each page of them with destroyed ones, one over the erasures, of which
    /// there are few.
    pub(super) async fn keys(&self, log: &str, report: &mut LogReport) -> Result<(), VerifyError> {
        let mut after = String::new();
        loop {
            let page = self.store.data_keys_after(log, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.key_id);
            let mut destroyed = BTreeMap::new();
            for key in page {
                if key.sealed.is_none() {
                    destroyed.insert(key.key_id, key.subject);
                } else if self.is_altered(log, &key) {
                    let DataKey { key_id, subject, .. } = key;
                    let what =
                        format!("the key {key_id} of {subject} does not open: it was changed");
                    report.find("keys", None, what);
                }
            }
            self.take_told(log, &mut destroyed).await?;
            for (key_id, subject) in destroyed {
                let what = format!(
                    "the key {key_id} of {subject} was destroyed, and no event tells of it"
                );
                report.find("keys", None, what);
            }
        }
        self.are_destroyed(log, report).await
    }

    /// Whether a key that is there is not what was sealed; without the sealing key nobody can tell.
    fn is_altered(&self, log: &str, key: &DataKey) -> bool {
        key.erased_at.is_some() || content::is_altered(&self.keyring, log, key)
    }

    /// Takes those away of which an event tells.
    async fn take_told(
        &self,
        log: &str,
        destroyed: &mut BTreeMap<String, String>,
    ) -> Result<(), VerifyError> {
        let mut after = (String::new(), 0);
        while !destroyed.is_empty() {
            let page = self.store.erasures_after(log, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.place);
            for key_id in page.iter().flat_map(keys_of) {
                destroyed.remove(&key_id);
            }
        }
        Ok(())
    }

    /// That the keys that events tell of are destroyed.
    async fn are_destroyed(&self, log: &str, report: &mut LogReport) -> Result<(), VerifyError> {
        let mut after = (String::new(), 0);
        loop {
            let page = self.store.erasures_after(log, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.place);
            for erasure in page {
                let told: BTreeSet<String> = keys_of(&erasure).into_iter().collect();
                let kept = self.store.data_keys(log, told.iter().cloned().collect()).await?;
                let gone = kept.into_iter().filter(|key| key.sealed.is_none());
                let gone: BTreeSet<String> = gone.map(|key| key.key_id).collect();
                for key_id in told.difference(&gone) {
                    let what =
                        format!("it destroyed the key {key_id}, which is there or has no row");
                    report.find("keys", Some(erasure.position), what);
                }
            }
        }
    }

    /// That the keys that deliveries name have rows.
    pub(super) async fn named_keys(
        &self,
        log: &str,
        numbers: (i64, i64),
        report: &mut LogReport,
    ) -> Result<(), VerifyError> {
        for WithoutKey { first_position, delivery_id, key_id } in
            self.store.without_key(log, numbers).await?
        {
            let what = format!("delivery {delivery_id} names the key {key_id}, which has no row");
            report.find("keys", Some(first_position), what);
        }
        Ok(())
    }
}

/// The keys of which an erasure tells. One that cannot be read tells of none: that it was changed is
/// found by its leaf.
fn keys_of(Erasure { version, payload, .. }: &Erasure) -> Vec<String> {
    match codec::decode(creditrail_domain::privacy::TYPE, version, payload) {
        Ok(Event::Privacy(PrivacyEvent::PersonalDataErased(erased))) => erased.keys,
        _ => Vec::new(),
    }
}
