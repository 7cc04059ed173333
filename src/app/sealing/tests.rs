//! What is sealed opens as it was, where it was, and with its key alone.

use proptest::prelude::*;
use tempfile::tempdir;

use super::*;

fn ring(digits: &[&str]) -> Keyring {
    Keyring::of_hex(digits.iter().map(|digit| SecretString::from(digit.repeat(64)))).unwrap()
}

fn open(ring: &Keyring, context: &[u8], sealed: &Sealed) -> Result<String, KeyError> {
    let opened = ring.open(&sealed.key_id, context, &sealed.bytes)?;
    Ok(opened.expose_secret().to_owned())
}

#[test]
fn the_first_key_seals_and_any_opens() {
    let (old, new) = (ring(&["a"]), ring(&["b", "a"]));
    let sealed = old.seal(b"row 1", b"secret").unwrap();
    assert_eq!(open(&new, b"row 1", &sealed).unwrap(), "secret");
    let sealed = new.seal(b"row 1", b"secret").unwrap();
    assert_eq!(Some(&*sealed.key_id), new.ids().next());
    assert!(matches!(open(&old, b"row 1", &sealed), Err(KeyError::UnknownKey(_))));
}

#[test]
fn what_is_moved_or_altered_does_not_open() {
    let ring = ring(&["a"]);
    let sealed = ring.seal(b"row 1", b"secret").unwrap();
    assert!(matches!(open(&ring, b"row 2", &sealed), Err(KeyError::Altered)));
    for place in 0..sealed.bytes.len() {
        let mut altered = sealed.clone();
        altered.bytes[place] ^= 1;
        assert!(matches!(open(&ring, b"row 1", &altered), Err(KeyError::Altered)));
        altered.bytes.truncate(place);
        assert!(matches!(open(&ring, b"row 1", &altered), Err(KeyError::Altered)));
    }
}

#[test]
fn the_same_secret_is_never_sealed_alike() {
    let ring = ring(&["a"]);
    assert_ne!(ring.seal(b"", b"secret").unwrap(), ring.seal(b"", b"secret").unwrap());
}

#[test]
fn the_fingerprint_is_the_start_of_a_hash() {
    let hash = Sha256::digest([b"creditrail sealing key".as_slice(), &[0xAA; 32]].concat());
    assert!(
        ring(&["a", "b"]).ids().eq([&hex::encode(&hash[..8]), ring(&["b"]).ids().next().unwrap()])
    );
}

#[test]
fn what_is_no_key_is_refused_without_being_quoted() {
    let refusal = |keys: &[&str]| {
        let keys = keys.iter().map(|key| SecretString::from(*key));
        Keyring::of_hex(keys).unwrap_err().to_string()
    };
    let good = "a".repeat(64);
    for bad in ["xyz", &"a".repeat(62), &"a".repeat(66), &"g".repeat(64)] {
        let text = refusal(&[&good, bad]);
        assert!(text.contains("key 2") && !text.contains(bad), "{text}");
    }
    assert!(refusal(&[]).contains("no sealing key"));
}

#[test]
fn a_keyring_shows_no_key() {
    let shown = format!("{:?}", ring(&["a"]));
    assert_eq!(shown, format!("[{:?}]", ring(&["a"]).ids().next().unwrap()));
}

#[test]
fn what_is_no_text_does_not_open_as_one() {
    let ring = ring(&["a"]);
    let sealed = ring.seal(b"", b"\xff").unwrap();
    assert!(matches!(open(&ring, b"", &sealed), Err(KeyError::NotText)));
}

#[test]
fn what_is_sealed_as_a_whole_opens_as_any_bytes_in_its_own_context() {
    let ring = ring(&["a"]);
    let whole = ring.seal_whole(b"row 1", b"\xff\0").unwrap();
    assert_eq!(ring.open_whole(b"row 1", &whole).unwrap().expose_secret(), b"\xff\0");
    assert!(matches!(ring.open_whole(b"row 2", &whole), Err(KeyError::Altered)));
    for length in 0..whole.len() {
        assert!(ring.open_whole(b"row 1", &whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_file_is_made_once_and_read_after() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("key");
    assert!(matches!(Keyring::of_file(&path, false), Err(KeyError::Unreadable { .. })));
    let made = Keyring::of_file(&path, true).unwrap();
    for create in [true, false] {
        assert!(Keyring::of_file(&path, create).unwrap().ids().eq(made.ids()));
    }
    let other = Keyring::of_file(&folder.path().join("other"), true).unwrap();
    assert!(!other.ids().eq(made.ids()));
    let nowhere = folder.path().join("absent").join("key");
    assert!(matches!(Keyring::of_file(&nowhere, true), Err(KeyError::NotMade { .. })));
}

#[test]
fn a_file_may_hold_several_keys_and_must_hold_one() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("key");
    key_file::make(&path, &format!("\n{}\r\n{}", "a".repeat(64), "b".repeat(64)).into()).unwrap();
    assert!(Keyring::of_file(&path, true).unwrap().ids().eq(ring(&["a", "b"]).ids()));
    let empty = folder.path().join("empty");
    key_file::make(&empty, &"\n".to_owned().into()).unwrap();
    assert!(matches!(Keyring::of_file(&empty, true), Err(KeyError::NoKey)));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let path = folder.path().join("key");
    Keyring::of_file(&path, true).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for mode in [0o640, 0o604] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Keyring::of_file(&path, true), Err(KeyError::OpenToOthers(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_text_opens_as_it_was_sealed(text: String, context: Vec<u8>) {
        let ring = ring(&["a"]);
        let sealed = ring.seal(&context, text.as_bytes()).unwrap();
        prop_assert_eq!(open(&ring, &context, &sealed).unwrap(), text);
    }
}
