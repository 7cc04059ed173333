//! What deliveries carry: sealed under the key of whom they are about, and opened as long as that key
//! is there.
//!
//! Whoever reads the headers or the body of a delivery asks here. The writer seals.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use creditrail_domain::{
    StepId,
    step::{Fact as _, Party},
};
use creditrail_proof::{
    leaf::DeliveryEntry,
    sealed::{self, Content, DeliveryKey, KEY_LEN},
};
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};

use super::{
    Creditrail,
    sealing::{KeyError, Keyring, Sealed},
};
use crate::{
    sources::{AnyStep, Decoded},
    store::{Batch, DataKey, DeliveryRow, Store, StoreError, Written},
};

/// Of whom a delivery is: the customer that it names, else the thing that it is about. Known before it is
/// written, and always the same for the same delivery.
pub(super) fn subject(decoded: &Decoded, id: StepId) -> String {
    let Ok((stream, step)) = &decoded.what else { return format!("delivery:{id}") };
    match step.party() {
        Party { customer_id: Some(id), .. } => format!("customer:{id}"),
        Party { partner_customer_id: Some(id), .. } => format!("partner:{id}"),
        _ => format!("{}:{}", stream.aggregate_type.name(), stream.id),
    }
}

impl AnyStep {
    fn party(&self) -> Party<'_> {
        match self {
            Self::Application(step) => step.fact.party(),
            Self::Charge(step) => step.fact.party(),
            Self::CustomerLink(step) => step.fact.party(),
            Self::PaymentMethod(step) => step.fact.party(),
            Self::Transaction(step) => step.fact.party(),
        }
    }
}

/// A data key that is open.
struct Open {
    key_id: String,
    key: SecretBox<[u8; KEY_LEN]>,
}

/// Seals what a writer keeps.
pub(super) struct Sealer {
    source: String,
    keyring: Keyring,
    /// The keys of subjects. They hold as long as nobody else has written: see the writer.
    known: HashMap<String, Open>,
}

/// How many keys are remembered before it begins anew.
const MAX_REMEMBERED: usize = 4096;

impl Sealer {
    pub(super) fn new(source: &str, keyring: Keyring) -> Self {
        Self { source: source.to_owned(), keyring, known: HashMap::new() }
    }

    /// Forgets all keys: they may have been destroyed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Seals the deliveries of a batch, each under the key of its subject. Keys that are made for it
    /// are written with it.
    pub(super) async fn seal(
        &mut self,
        batch: &mut dyn Batch,
        written: &mut Written,
        subjects: Vec<String>,
    ) -> Result<(), StoreError> {
        if self.known.len() >= MAX_REMEMBERED {
            self.forget();
        }
        let unknown = subjects.iter().filter(|subject| !self.known.contains_key(*subject));
        let unknown: BTreeSet<String> = unknown.cloned().collect();
        if !unknown.is_empty() {
            for kept in batch.data_keys(unknown.into_iter().collect()).await? {
                // One that does not open keeps nobody from writing: another one is made.
                if let Ok(key) = open(&self.keyring, &self.source, &kept) {
                    self.known.insert(kept.subject, Open { key_id: kept.key_id, key });
                }
            }
        }
        let failed = |error: KeyError| StoreError::Unavailable(error.into());
        for (row, subject) in written.deliveries.iter_mut().zip(subjects) {
            if !self.known.contains_key(&subject) {
                let made = self.make(&subject, row.received_at).map_err(failed)?;
                written.data_keys.push(made);
            }
            if let Some(open) = self.known.get(&subject) {
                seal_row((&self.source, open), row).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn make(&mut self, subject: &str, created_at: Timestamp) -> Result<DataKey, KeyError> {
        let key_id = uuid::Uuid::new_v4().to_string();
        let mut key = SecretBox::new(Box::new([0; KEY_LEN]));
        random(key.expose_secret_mut())?;
        let context = context(&self.source, &key_id, subject);
        let Sealed { key_id: sealing_key_id, bytes } =
            self.keyring.seal(&context, key.expose_secret())?;
        self.known.insert(subject.to_owned(), Open { key_id: key_id.clone(), key });
        Ok(DataKey {
            key_id,
            subject: subject.to_owned(),
            created_at,
            sealing_key_id,
            sealed: Some(bytes),
            erased_at: None,
        })
    }
}

fn seal_row((source, open): (&str, &Open), row: &mut DeliveryRow) -> Result<(), KeyError> {
    let delivery = (source, row.delivery_id.as_str());
    let key = DeliveryKey::derived(open.key.expose_secret(), delivery);
    let mut nonce = [0; 12];
    random(&mut nonce)?;
    let sealed = key.seal(delivery, (&row.headers, &row.body), nonce);
    row.body = sealed.map_err(|_| KeyError::TooLong)?.into();
    row.headers = format!("{}{}", sealed::MARK, open.key_id);
    Ok(())
}

fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    SystemRandom::new().fill(bytes).map_err(|_| KeyError::NoRandom)
}

/// What a sealed data key is bound to: moved elsewhere, it does not open.
fn context(source: &str, key_id: &str, subject: &str) -> Vec<u8> {
    serde_json::json!(["data-key", source, key_id, subject]).to_string().into_bytes()
}

fn open(
    keyring: &Keyring,
    source: &str,
    kept: &DataKey,
) -> Result<SecretBox<[u8; KEY_LEN]>, KeyError> {
    let sealed = kept.sealed.as_ref().ok_or(KeyError::Altered)?;
    let context = context(source, &kept.key_id, &kept.subject);
    let bytes = keyring.open_key(&kept.sealing_key_id, &context, sealed)?;
    let mut key = SecretBox::new(Box::new([0; KEY_LEN]));
    if bytes.expose_secret().len() != KEY_LEN {
        return Err(KeyError::Altered);
    }
    key.expose_secret_mut().copy_from_slice(bytes.expose_secret());
    Ok(key)
}

/// Whether a data key is not the one that was sealed. Under a sealing key that is not at hand nobody can
/// tell.
pub(super) fn is_altered(keyring: &Keyring, source: &str, kept: &DataKey) -> bool {
    matches!(open(keyring, source, kept), Err(KeyError::Altered))
}

/// Whether a delivery is sealed; older ones are not.
pub(super) fn is_sealed(row: &DeliveryRow) -> bool {
    sealed::key_id(&row.headers).is_some()
}

/// Opens what is kept.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) store: Arc<dyn Store>,
    keyring: Keyring,
}

/// What there is of a delivery's headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// They are there; under the key, if they are sealed.
    There(Content, Option<DeliveryKey>),
    /// They were erased then.
    Erased(Timestamp),
    /// They do not open: what is stored was altered, or its key is gone.
    Shut,
}

/// A delivery as it is stored.
struct Stored<'a> {
    delivery_id: &'a str,
    headers: &'a str,
    body: &'a [u8],
}

/// A delivery whose headers and body are as they came.
pub(super) enum Read {
    /// They are there.
    There(DeliveryRow),
    /// They were erased then; the row is as it is stored.
    Erased(DeliveryRow, Timestamp),
    /// They do not open; the row is as it is stored.
    Shut(DeliveryRow),
}

impl Opener {
    /// Deliveries with their headers and bodies as they came.
    pub(super) async fn read(
        &self,
        source: &str,
        rows: Vec<DeliveryRow>,
    ) -> Result<Vec<Read>, StoreError> {
        let stored = rows.iter().map(|row| Stored {
            delivery_id: &row.delivery_id,
            headers: &row.headers,
            body: &row.body,
        });
        let kept = self.contents(source, stored.collect()).await?;
        let read = rows.into_iter().zip(kept).map(|(row, kept)| match kept {
            Kept::There(Content { headers, body }, _) => {
                Read::There(DeliveryRow { headers, body: Bytes::from(body), ..row })
            }
            Kept::Erased(at) => Read::Erased(row, at),
            Kept::Shut => Read::Shut(row),
        });
        Ok(read.collect())
    }

    /// What there is of entries, in their order.
    pub(super) async fn of_entries(
        &self,
        source: &str,
        entries: &[&DeliveryEntry<'_>],
    ) -> Result<Vec<Kept>, StoreError> {
        let stored = entries.iter().map(|entry| Stored {
            delivery_id: &entry.delivery_id,
            headers: &entry.headers,
            body: &entry.body,
        });
        self.contents(source, stored.collect()).await
    }

    async fn contents(
        &self,
        source: &str,
        stored: Vec<Stored<'_>>,
    ) -> Result<Vec<Kept>, StoreError> {
        let ids = stored.iter().filter_map(|stored| sealed::key_id(stored.headers));
        let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
        let mut keys = HashMap::new();
        if !ids.is_empty() {
            for kept in self.store.data_keys(source, ids.into_iter().collect()).await? {
                let key = open(&self.keyring, source, &kept).ok();
                keys.insert(kept.key_id, (key, kept.erased_at));
            }
        }
        let kept = |Stored { delivery_id, headers, body }: &Stored<'_>| {
            let Some(key_id) = sealed::key_id(headers) else {
                let (headers, body) = ((*headers).to_owned(), body.to_vec());
                return Kept::There(Content { headers, body }, None);
            };
            match keys.get(key_id) {
                Some((Some(key), _)) => {
                    let delivery = (source, *delivery_id);
                    let key = DeliveryKey::derived(key.expose_secret(), delivery);
                    let opened = key.open(delivery, body);
                    opened.map_or(Kept::Shut, |content| Kept::There(content, Some(key)))
                }
                Some((None, Some(erased_at))) => Kept::Erased(*erased_at),
                _ => Kept::Shut,
            }
        };
        Ok(stored.iter().map(kept).collect())
    }
}

impl Creditrail {
    pub(super) fn opener(&self) -> Opener {
        Opener { store: Arc::clone(&self.store), keyring: self.keyring.clone() }
    }

    /// A delivery with its headers and body as they came, if they are there: the one way to read them.
    pub(super) async fn content_of(
        &self,
        source: &str,
        row: DeliveryRow,
    ) -> Result<Read, StoreError> {
        let shut = Read::Shut(row.clone());
        Ok(self.opener().read(source, vec![row]).await?.pop().unwrap_or(shut))
    }
}
