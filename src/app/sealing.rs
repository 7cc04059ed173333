//! Seals secrets for the store, and opens them again: AES-256-GCM under keys that the operator
//! holds.
//!
//! A key is 64 hexadecimal digits. Several may be given, so that keys can be changed: the first
//! seals, any opens.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use secrecy::{
    ExposeSecret, ExposeSecretMut, SecretBox, SecretSlice, SecretString, zeroize::Zeroize,
};
use sha2::{Digest, Sha256};

use super::key_file;

const KEY_LEN: usize = 32;
/// Of a key's fingerprint in hexadecimal.
const KEY_ID_LEN: usize = 16;
/// By how many bytes [`Keyring::seal_whole`] makes its text longer: fingerprint, nonce and tag.
pub const WHOLE_OVERHEAD: i64 = 16 + 12 + 16;

/// The keys that seal and open secrets. A clone shares them.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<[Key]>,
}

struct Key {
    id: String,
    bytes: SecretBox<[u8; KEY_LEN]>,
}

/// A secret as it may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The fingerprint of the key that opens it.
    pub key_id: String,
    /// The nonce, the encrypted text and its tag.
    pub bytes: Vec<u8>,
}

/// Why there is no key, or a secret is not sealed or opened. No text here quotes a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No key is given.
    #[error("no sealing key is given; give one of 64 hexadecimal digits")]
    NoKey,
    /// A key is no key. The place counts from 1.
    #[error("sealing key {0} is not 64 hexadecimal digits; give 32 random bytes as such")]
    NotHex(usize),
    /// The file is not there, or may not be read.
    #[error("the sealing key file {path} cannot be read; name a file with 64 hexadecimal digits")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("the sealing key file {path} cannot be made; name one in a folder that can be written")]
    NotMade {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file may be read by others than its owner.
    #[error("the sealing key file {0} is open to others; allow its owner alone (mode 0600)")]
    OpenToOthers(PathBuf),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers; try again")]
    NoRandom,
    /// The secret cannot be sealed, for it is too long.
    #[error("the secret is too long to be sealed")]
    TooLong,
    /// The key that sealed the secret is not among those given.
    #[error("the sealing key {0} is not given; give it after the one that seals")]
    UnknownKey(String),
    /// What is stored is altered, or belongs to another context.
    #[error("the secret does not open: what is stored was altered or moved; restore it")]
    Altered,
    /// What was sealed is no text.
    #[error("the secret opens, but is no text; it was not sealed as one")]
    NotText,
}

impl Keyring {
    /// The keys spelled as 64 hexadecimal digits each; the first seals.
    ///
    /// # Errors
    /// [`KeyError::NotHex`], and [`KeyError::NoKey`] if there is none.
    pub fn of_hex(keys: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        let keys: Arc<[Key]> = (1..)
            .zip(keys)
            .map(|(place, digits)| Key::of_hex(digits.expose_secret(), place))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeyError::NoKey) } else { Ok(Self { keys }) }
    }

    /// The keys in a file, one on a line; the first seals. If there is no file and `create` is
    /// set, one is made with a new key.
    ///
    /// # Errors
    /// As [`Self::of_hex`]; [`KeyError::Unreadable`], [`KeyError::OpenToOthers`], and
    /// [`KeyError::NotMade`] or [`KeyError::NoRandom`] if it was to be made.
    pub fn of_file(path: &Path, create: bool) -> Result<Self, KeyError> {
        let file = match File::open(path) {
            Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
                make(path)?;
                File::open(path)
            }
            opened => opened,
        };
        let text = file
            .and_then(key_file::read)
            .map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
        let text = text.ok_or_else(|| KeyError::OpenToOthers(path.to_owned()))?;
        let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        Self::of_hex(lines.map(SecretString::from))
    }

    /// The public fingerprint of each key, the one that seals first.
    ///
    /// **shape**: 16 hexadecimal digits.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// A key for another purpose, which tells nothing of those that seal. Of the first of them: whoever
    /// has the same first key has the same one.
    pub fn derived(&self, purpose: &[u8]) -> [u8; KEY_LEN] {
        let mut hash = Sha256::new().chain_update("creditrail derived key").chain_update(purpose);
        if let Some(key) = self.keys.first() {
            hash.update(key.bytes.expose_secret());
        }
        hash.finalize().into()
    }

    /// Seals a secret under the first key. It opens in the same context only.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`], [`KeyError::TooLong`].
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Sealed, KeyError> {
        let key = self.keys.first().ok_or(KeyError::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| KeyError::NoRandom)?;
        let mut bytes = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plain);
        let tag = key
            .cipher()?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut bytes[NONCE_LEN..],
            )
            .map_err(|_| KeyError::TooLong)?;
        bytes.extend_from_slice(tag.as_ref());
        Ok(Sealed { key_id: key.id.clone(), bytes })
    }

    /// Seals bytes so that they stand alone: the key's fingerprint in front, [`WHOLE_OVERHEAD`]
    /// bytes longer.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_whole(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let Sealed { key_id, bytes } = self.seal(context, plain)?;
        Ok([key_id.as_bytes(), &bytes].concat())
    }

    /// Opens what was sealed under the key `key_id` in the same context.
    ///
    /// # Errors
    /// [`KeyError::UnknownKey`], [`KeyError::Altered`], [`KeyError::NotText`].
    pub fn open(
        &self,
        key_id: &str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<SecretString, KeyError> {
        let bytes = self.open_bytes(key_id, context, sealed)?;
        String::from_utf8(bytes).map(SecretString::from).map_err(|error| {
            error.into_bytes().zeroize();
            KeyError::NotText
        })
    }

    /// Opens what [`Self::seal_whole`] sealed in the same context.
    ///
    /// # Errors
    /// [`KeyError::UnknownKey`], [`KeyError::Altered`].
    pub fn open_whole(&self, context: &[u8], sealed: &[u8]) -> Result<SecretSlice<u8>, KeyError> {
        let (key_id, sealed) = sealed.split_at_checked(KEY_ID_LEN).ok_or(KeyError::Altered)?;
        let key_id = std::str::from_utf8(key_id).map_err(|_| KeyError::Altered)?;
        self.open_bytes(key_id, context, sealed).map(SecretSlice::from)
    }

    /// As [`Self::open`], of what is no text.
    ///
    /// # Errors
    /// [`KeyError::UnknownKey`], [`KeyError::Altered`].
    pub fn open_key(
        &self,
        key_id: &str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<SecretSlice<u8>, KeyError> {
        self.open_bytes(key_id, context, sealed).map(SecretSlice::from)
    }

    fn open_bytes(&self, key_id: &str, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
        let key = self.keys.iter().find(|key| key.id == key_id);
        let key = key.ok_or_else(|| KeyError::UnknownKey(key_id.to_owned()))?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(KeyError::Altered)?;
        let mut bytes = rest.to_vec();
        let length = key
            .cipher()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut bytes)
            .map_err(|_| KeyError::Altered)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl Key {
    fn of_hex(digits: &str, place: usize) -> Result<Self, KeyError> {
        let mut bytes = SecretBox::new(Box::new([0; KEY_LEN]));
        hex::decode_to_slice(digits.trim(), bytes.expose_secret_mut())
            .map_err(|_| KeyError::NotHex(place))?;
        let hash = Sha256::new()
            .chain_update("creditrail sealing key")
            .chain_update(bytes.expose_secret())
            .finalize();
        Ok(Self { id: hex::encode(&hash[..8]), bytes })
    }

    fn cipher(&self) -> Result<LessSafeKey, KeyError> {
        UnboundKey::new(&AES_256_GCM, self.bytes.expose_secret())
            .map(LessSafeKey::new)
            .map_err(|_| KeyError::NoKey)
    }
}

/// Makes a file with a new key, unless another has made it meanwhile.
fn make(path: &Path) -> Result<(), KeyError> {
    let mut key = SecretBox::new(Box::new([0; KEY_LEN]));
    SystemRandom::new().fill(key.expose_secret_mut()).map_err(|_| KeyError::NoRandom)?;
    let line = SecretString::from(hex::encode(key.expose_secret()) + "\n");
    match key_file::make(path, &line) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(|source| KeyError::NotMade { path: path.to_owned(), source }),
    }
}
