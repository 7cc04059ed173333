//! Deliveries whose headers and body are sealed: what is stored of them, and how it is opened.
//!
//! The key of one delivery is derived from the data key of the subject that it is about, so that it can
//! be handed over without opening any other. What is stored begins with a commitment to it: it opens
//! under no other key, so whoever shows what was sealed cannot show something else.

use std::fmt;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

use crate::{Hash, leaf::DeliveryEntry};

/// With what stored headers begin if the delivery is sealed; the id of the data key follows. Headers
/// that are not sealed are a JSON object.
pub const MARK: &str = "sealed/v1/";

/// The bytes of a key.
pub const KEY_LEN: usize = 32;

/// The bytes of the commitment.
const COMMITMENT_LEN: usize = 32;

/// The bytes of the length of the headers, which stand before the body.
const LENGTH_LEN: usize = 8;

/// What is hashed with the key of a delivery for the commitment.
const COMMITMENT_TAG: &[u8] = b"creditrail/delivery-key/v1";

/// The key of one delivery, which opens it and no other.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryKey([u8; KEY_LEN]);

/// What was sealed of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its headers, as JSON; credentials are masked.
    pub headers: String,
    /// Its body, but for secrets and what looked like a card number.
    pub body: Vec<u8>,
}

/// Why a delivery is not sealed, or not opened. No text here quotes what is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It is too long.
    #[error("it is too long to be sealed")]
    TooLong,
    /// What is stored is shorter than anything that was sealed.
    #[error("what is stored was not sealed")]
    NotSealed,
    /// The key is another delivery's, or none.
    #[error("the key is not the one of this delivery")]
    OtherKey,
    /// What is stored was altered, or belongs to another delivery.
    #[error("it does not open: what is stored was altered or moved")]
    Altered,
}

impl DeliveryKey {
    /// The key of a delivery under a data key: HMAC-SHA-256 over the name of the delivery.
    pub fn derived(data_key: &[u8; KEY_LEN], delivery: (&str, &str)) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, data_key), &name(delivery));
        let mut key = [0; KEY_LEN];
        key.copy_from_slice(tag.as_ref());
        Self(key)
    }

    /// The key that is spelled as 64 hexadecimal digits; `None` if the text is none.
    pub fn of_hex(digits: &str) -> Option<Self> {
        let mut key = [0; KEY_LEN];
        hex::decode_to_slice(digits, &mut key).ok()?;
        Some(Self(key))
    }

    /// The key as 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    fn commitment(&self) -> Hash {
        Hash::of(&[COMMITMENT_TAG, &self.0].concat())
    }

    fn cipher(&self) -> Result<LessSafeKey, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.0).map_err(|_| SealError::OtherKey)?;
        Ok(LessSafeKey::new(key))
    }

    /// What is stored in place of the body: the commitment, the nonce, which is used for nothing else
    /// under this key, and then headers and body under AES-256-GCM. Source and id of the delivery are
    /// bound to it.
    ///
    /// # Errors
    /// [`SealError::TooLong`].
    pub fn seal(
        &self,
        delivery: (&str, &str),
        (headers, body): (&str, &[u8]),
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, SealError> {
        let start = COMMITMENT_LEN + NONCE_LEN;
        let plain = LENGTH_LEN + headers.len() + body.len();
        let mut bytes = Vec::with_capacity(start + plain + AES_256_GCM.tag_len());
        bytes.extend_from_slice(&self.commitment().0);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&(headers.len() as u64).to_be_bytes());
        bytes.extend_from_slice(headers.as_bytes());
        bytes.extend_from_slice(body);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let bound = Aad::from(name(delivery));
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(nonce, bound, &mut bytes[start..])
            .map_err(|_| SealError::TooLong)?;
        bytes.extend_from_slice(tag.as_ref());
        Ok(bytes)
    }

    /// What was sealed.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, delivery: (&str, &str), stored: &[u8]) -> Result<Content, SealError> {
        let (commitment, rest) =
            stored.split_first_chunk::<COMMITMENT_LEN>().ok_or(SealError::NotSealed)?;
        if *commitment != self.commitment().0 {
            return Err(SealError::OtherKey);
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::NotSealed)?;
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self
            .cipher()?
            .open_in_place(nonce, Aad::from(name(delivery)), &mut bytes)
            .map_err(|_| SealError::Altered)?;
        let (length, plain) = plain.split_first_chunk::<LENGTH_LEN>().ok_or(SealError::Altered)?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok();
        let parts = length.and_then(|length| plain.split_at_checked(length));
        let (headers, body) = parts.ok_or(SealError::Altered)?;
        let headers = std::str::from_utf8(headers).map_err(|_| SealError::Altered)?;
        Ok(Content { headers: headers.to_owned(), body: body.to_vec() })
    }

    /// What was sealed of an enclosed delivery.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_entry(&self, entry: &DeliveryEntry<'_>) -> Result<Content, SealError> {
        self.open((&entry.source, &entry.delivery_id), &entry.body)
    }
}

/// It opens what is sealed, so it is not shown.
impl fmt::Debug for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliveryKey(…)")
    }
}

/// The id of the data key under which a delivery is sealed, by its stored headers; `None` if they are
/// not sealed.
pub fn key_id(headers: &str) -> Option<&str> {
    headers.strip_prefix(MARK)
}

/// The name of a delivery: its source and its id, each with its length before it.
fn name((source, delivery_id): (&str, &str)) -> Vec<u8> {
    let mut name = Vec::with_capacity(COMMITMENT_TAG.len() + source.len() + delivery_id.len() + 16);
    for part in [source, delivery_id] {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERY: (&str, &str) = ("imprint", "d-1");
    const NONCE: [u8; NONCE_LEN] = [7; NONCE_LEN];

    fn key(data_key: u8) -> DeliveryKey {
        DeliveryKey::derived(&[data_key; KEY_LEN], DELIVERY)
    }

    fn stored() -> Vec<u8> {
        key(1).seal(DELIVERY, ("{}", b"{\"a\":1}"), NONCE).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_as_it_was() {
        let content = key(1).open(DELIVERY, &stored()).unwrap();
        assert_eq!((content.headers.as_str(), &content.body[..]), ("{}", &b"{\"a\":1}"[..]));
    }

    #[test]
    fn the_key_of_another_delivery_opens_nothing() {
        let other = DeliveryKey::derived(&[1; KEY_LEN], ("imprint", "d-2"));
        assert_eq!(other.open(DELIVERY, &stored()), Err(SealError::OtherKey));
        assert_eq!(key(2).open(DELIVERY, &stored()), Err(SealError::OtherKey));
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let stored = stored();
        for place in 0..stored.len() {
            let mut altered = stored.clone();
            altered[place] ^= 1;
            assert!(key(1).open(DELIVERY, &altered).is_err(), "byte {place}");
        }
        for length in 0..stored.len() {
            assert!(key(1).open(DELIVERY, &stored[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn what_was_moved_to_another_delivery_does_not_open() {
        assert_eq!(key(1).open(("imprint", "d-2"), &stored()), Err(SealError::Altered));
    }

    /// What is stored may never change its form: it is hashed into leaves.
    #[test]
    fn the_form_is_frozen() {
        assert_eq!(Hash::of(&stored()).to_string(), "IJSG5b4HLm+IW2Tw/VClqDTAJeV1LD+ZgUr4D7BBb7M=");
        assert_eq!(key_id("sealed/v1/k"), Some("k"));
        assert_eq!(key_id("{}"), None);
    }
}
