//! Signed notes with Ed25519. Source: C2SP signed-note (c2sp.org/signed-note); the same as
//! `golang.org/x/mod/sumdb/note`.
//!
//! A key is given from outside. What a note says about keys decides nothing but which of its signatures
//! is looked at.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::Hash;

/// Ed25519, among the kinds of signatures.
const KIND: u8 = 1;

/// The most signatures that are looked at, as in Go.
const MOST_SIGNATURES: usize = 100;

/// What the text of a signer's key begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// What a signature's line begins with.
const DASH: &str = "— ";

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It does not have the parts of a key.
    #[error("a key is NAME+HASH+BASE64, and this is not")]
    Form,
    /// Empty, or with a space, a control character or a plus.
    #[error("the name of a key has no spaces and no plus, and is not empty")]
    Name,
    /// Not an Ed25519 key of 32 bytes.
    #[error("the key is not an Ed25519 key in base64")]
    Bytes,
    /// The hash is not the one of the name and the key.
    #[error("the key's hash is {found}, and of this name and key it is {expected}")]
    Hash {
        /// Of this name and key.
        expected: String,
        /// What it has.
        found: String,
    },
}

/// Why a note is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is not spelled as a signed note.
    #[error("this is not a signed note: {0}")]
    Malformed(&'static str),
    /// None of its signatures is by the key.
    #[error("the note is not signed by the key {0}")]
    Unsigned(String),
    /// A signature that claims to be by the key is not.
    #[error("the note's signature by the key {0} is wrong: the text or the key is another one")]
    WrongSignature(String),
}

/// The key that verifies: its name and the public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

impl VerifierKey {
    /// The name that stands in signatures.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of the hash of name and key: by them a signature is known.
    pub fn id(&self) -> u32 {
        let hash = Hash::fed(|put| {
            put(self.name.as_bytes());
            put(&[b'\n', KIND]);
            put(&self.public);
        });
        let [a, b, c, d, ..] = hash.0;
        u32::from_be_bytes([a, b, c, d])
    }

    fn label(&self) -> String {
        format!("{}+{:08x}", self.name, self.id())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.label(), with_kind(&self.public))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, hash, public) = parts(text)?;
        let key = Self { name: name.to_owned(), public };
        key.is_labelled(hash)?;
        Ok(key)
    }
}

impl VerifierKey {
    fn is_labelled(&self, found: &str) -> Result<(), KeyError> {
        let expected = format!("{:08x}", self.id());
        let same = expected == found;
        if same { Ok(()) } else { Err(KeyError::Hash { expected, found: found.to_owned() }) }
    }
}

/// The key that signs. It does not tell its secret, in no form.
pub struct SignerKey {
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignerKey(..)")
    }
}

/// A new key of 32 bytes that nobody can guess: the text that is kept secret, and the key itself.
///
/// # Errors
/// [`KeyError::Name`].
pub fn generate(name: &str, random: &[u8; 32]) -> Result<(String, SignerKey), KeyError> {
    let key = SignerKey::new(name, random)?;
    Ok((format!("{PRIVATE}{}+{}", key.public.label(), with_kind(random)), key))
}

impl SignerKey {
    fn new(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let name = named(name)?.to_owned();
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Bytes)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Bytes)?;
        Ok(Self { pair, public: VerifierKey { name, public } })
    }

    /// The key that verifies what this one signs.
    pub fn verifier(&self) -> &VerifierKey {
        &self.public
    }
}

impl FromStr for SignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, hash, seed) = parts(text.strip_prefix(PRIVATE).ok_or(KeyError::Form)?)?;
        let key = Self::new(name, &seed)?;
        key.public.is_labelled(hash)?;
        Ok(key)
    }
}

/// A text with signatures below it. Not verified by being one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// A signature, by whoever it says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

impl Note {
    /// A text that is not signed yet. It ends with a newline.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] if it does not, or has control characters.
    pub fn new(text: &str) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Malformed("the text does not end with a newline"));
        }
        printable(text)?;
        Ok(Self { text: text.to_owned(), signatures: Vec::new() })
    }

    /// The note as it is written. Only one that is signed can be parsed again.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        printable(note)?;
        let (text, lines) = note
            .rfind("\n\n")
            .map(|end| (&note[..=end], &note[end + 2..]))
            .ok_or(NoteError::Malformed("there is no empty line above the signatures"))?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Malformed("it has no signature that ends with a newline"))?;
        let signatures: Option<Vec<_>> =
            lines.split('\n').take(MOST_SIGNATURES + 1).map(signature).collect();
        let signatures = signatures.ok_or(NoteError::Malformed("a line is no signature"))?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(NoteError::Malformed("it has more than 100 signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, verified: signed by this key. Signatures by others are ignored.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] without a signature by the key, [`NoteError::WrongSignature`] if one that
    /// claims to be is not.
    pub fn verified(&self, key: &VerifierKey) -> Result<&str, NoteError> {
        let public = UnparsedPublicKey::new(&ED25519, &key.public);
        let mut is_signed = false;
        let claimed = |one: &&Signature| one.name == key.name && one.id == key.id();
        for signature in self.signatures.iter().filter(claimed) {
            let verified = public.verify(self.text.as_bytes(), &signature.bytes);
            verified.map_err(|_| NoteError::WrongSignature(key.label()))?;
            is_signed = true;
        }
        if is_signed { Ok(&self.text) } else { Err(NoteError::Unsigned(key.label())) }
    }

    /// The same note with a signature more.
    #[must_use]
    pub fn signed(mut self, key: &SignerKey) -> Self {
        let bytes = key.pair.sign(self.text.as_bytes()).as_ref().to_vec();
        let VerifierKey { name, .. } = &key.public;
        self.signatures.push(Signature { name: name.clone(), id: key.public.id(), bytes });
        self
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, id, bytes } in &self.signatures {
            let bytes = [&id.to_be_bytes()[..], bytes].concat();
            writeln!(f, "{DASH}{name} {}", STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

fn signature(line: &str) -> Option<Signature> {
    let (name, bytes) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok()?;
    let (id, bytes) = bytes.split_first_chunk::<4>()?;
    let is_signature = named(name).is_ok() && !bytes.is_empty();
    is_signature.then(|| Signature {
        name: name.to_owned(),
        id: u32::from_be_bytes(*id),
        bytes: bytes.to_vec(),
    })
}

fn printable(text: &str) -> Result<(), NoteError> {
    let is_control = |byte: u8| byte < b' ' && byte != b'\n';
    let has_control = text.bytes().any(is_control);
    if has_control { Err(NoteError::Malformed("it has control characters")) } else { Ok(()) }
}

/// Name, hash and the 32 bytes of a key's text.
fn parts(text: &str) -> Result<(&str, &str, [u8; 32]), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    let bytes = STANDARD.decode(key).map_err(|_| KeyError::Bytes)?;
    match bytes.split_first() {
        Some((&KIND, key)) => {
            Ok((named(name)?, hash, key.try_into().map_err(|_| KeyError::Bytes)?))
        }
        _ => Err(KeyError::Bytes),
    }
}

fn named(name: &str) -> Result<&str, KeyError> {
    let wrong = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    if name.is_empty() || name.contains(wrong) { Err(KeyError::Name) } else { Ok(name) }
}

fn with_kind(key: &[u8; 32]) -> String {
    STANDARD.encode([&[KIND], &key[..]].concat())
}
