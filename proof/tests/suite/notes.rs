//! Signed notes, by the vectors of Go, and checkpoints.

use creditrail_proof::{
    Hash,
    checkpoint::{Checkpoint, CheckpointError, origin},
    note::{self, KeyError, Note, NoteError, SignerKey, VerifierKey},
};

// Source: golang.org/x/mod/sumdb/note, `note.go` (the package's documentation) and `note_test.go`.
const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SIGNER: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const SIGNATURE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn the_published_note_is_signed_and_verified() {
    let (signer, verifier) = (signer(), verifier());
    assert_eq!(signer.verifier(), &verifier);
    assert_eq!(verifier.to_string(), VERIFIER);
    let published = format!("{TEXT}\n{SIGNATURE}");
    assert_eq!(Note::new(TEXT).unwrap().signed(&signer).to_string(), published);
    let note = Note::parse(&published).unwrap();
    assert_eq!(note.verified(&verifier), Ok(TEXT));
    assert_eq!(note.to_string(), published);
}

#[test]
fn no_part_and_no_other_letter_of_a_key_is_a_key() {
    for from in 0..VERIFIER.len() {
        for to in from..=VERIFIER.len() {
            if (from, to) != (0, VERIFIER.len()) {
                assert!(VERIFIER[from..to].parse::<VerifierKey>().is_err());
            }
        }
        let mut other = VERIFIER.as_bytes().to_vec();
        other[from] += 1;
        let other = String::from_utf8(other).unwrap();
        assert!(other.parse::<VerifierKey>().is_err(), "{other}");
    }
    // Of another length, and of another kind, each with its hash. Source: `note_test.go`.
    for wrong in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert_eq!(wrong.parse::<VerifierKey>(), Err(KeyError::Bytes));
    }
}

#[test]
fn a_generated_key_signs_and_does_not_tell_itself() {
    let (text, key) = note::generate("creditrail.example", &[7; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "SignerKey(..)");
    let again: SignerKey = text.parse().unwrap();
    assert_eq!(again.verifier(), key.verifier());
    let public: VerifierKey = key.verifier().to_string().parse().unwrap();
    let note = Note::new("a\n").unwrap().signed(&again);
    assert_eq!(Note::parse(&note.to_string()).unwrap().verified(&public), Ok("a\n"));
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb"] {
        assert_eq!(note::generate(name, &[7; 32]).unwrap_err(), KeyError::Name, "{name:?}");
    }
}

#[test]
fn signatures_of_others_are_ignored() {
    let (_, other) = note::generate("other.example", &[1; 32]).unwrap();
    let (_, same_name) = note::generate("PeterNeumann", &[2; 32]).unwrap();
    let note = Note::new(TEXT).unwrap().signed(&other).signed(&same_name);
    let unsigned = Err(NoteError::Unsigned("PeterNeumann+c74f20a3".to_owned()));
    assert_eq!(note.verified(&verifier()), unsigned);
    let note = Note::parse(&note.signed(&signer()).to_string()).unwrap();
    assert_eq!(note.verified(&verifier()), Ok(TEXT));
}

#[test]
fn one_wrong_signature_of_the_key_is_enough() {
    let good = format!("{TEXT}\n{SIGNATURE}");
    let wrong = SIGNATURE.replace("NXgK", "NXgL");
    let both = Note::parse(&format!("{good}{wrong}")).unwrap();
    let refused = NoteError::WrongSignature("PeterNeumann+c74f20a3".to_owned());
    assert_eq!(both.verified(&verifier()), Err(refused));
}

#[test]
fn every_changed_byte_of_a_note_is_refused() {
    let note = format!("{TEXT}\n{SIGNATURE}");
    for (place, letter) in note.char_indices() {
        let other = if letter == 'A' { 'B' } else { 'A' };
        let rest = &note[place + letter.len_utf8()..];
        let changed = format!("{}{other}{rest}", &note[..place]);
        let verified =
            Note::parse(&changed).and_then(|note| note.verified(&verifier()).map(str::to_owned));
        assert!(verified.is_err(), "{changed}");
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn what_is_no_note_is_refused() {
    for wrong in [
        String::new(),
        TEXT.to_owned(),
        format!("{TEXT}\n"),
        format!("{TEXT}{SIGNATURE}"),                       // no empty line
        format!("{TEXT}\n{}", SIGNATURE.trim_end()),        // no newline at the end
        format!("{TEXT}\n{SIGNATURE}\n"),                   // a line that is no signature
        format!("{TEXT}\n{SIGNATURE}— Peter AAAA\n"),       // an id alone
        format!("{TEXT}\n{SIGNATURE}- Peter AAAAAAAA\n"),   // a hyphen
        format!("{TEXT}\n{SIGNATURE}— Pe+er AAAAAAAA\n"),
        format!("{TEXT}\r\n\n{SIGNATURE}"),
        format!("{TEXT}\n{}", SIGNATURE.repeat(101)),
    ] {
        assert!(matches!(Note::parse(&wrong), Err(NoteError::Malformed(_))), "{wrong}");
    }
    assert!(Note::parse(&format!("{TEXT}\n{}", SIGNATURE.repeat(100))).is_ok());
    assert!(Note::new("no end").is_err());
    let text_with_empty_lines = "a\n\nb\n\n";
    let note = Note::new(text_with_empty_lines).unwrap().signed(&signer()).to_string();
    assert_eq!(Note::parse(&note).unwrap().verified(&verifier()), Ok(text_with_empty_lines));
}

#[test]
fn a_checkpoint_is_signed_and_verified() {
    let checkpoint = Checkpoint {
        origin: origin(&verifier(), "imprint"),
        size: 20_852_163,
        root: "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=".parse().unwrap(),
        extensions: vec![],
    };
    // The form is that of the example in C2SP tlog-checkpoint.
    let text = "PeterNeumann/imprint\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(checkpoint.to_string(), text);
    let note = checkpoint.sign(&signer()).unwrap();
    let verified = Checkpoint::verified(&note, &verifier()).unwrap();
    assert_eq!(verified, checkpoint);
    assert!(verified.clone().of_log("PeterNeumann/imprint").is_ok());
    assert_eq!(
        verified.of_log("PeterNeumann/other").unwrap_err(),
        CheckpointError::Origin {
            expected: "PeterNeumann/other".to_owned(),
            found: "PeterNeumann/imprint".to_owned(),
        }
    );
    let extended = Checkpoint { extensions: vec!["more".to_owned()], ..checkpoint };
    let note = extended.sign(&signer()).unwrap();
    assert_eq!(Checkpoint::verified(&note, &verifier()).unwrap(), extended);
}

#[test]
fn a_checkpoint_has_one_spelling() {
    let root = Hash([5; 32]);
    let good = format!("log\n7\n{root}\n");
    assert!(Checkpoint::parse(&good).is_ok());
    for wrong in [
        format!("log\n07\n{root}\n"),
        format!("log\n+7\n{root}\n"),
        format!("log\n-7\n{root}\n"),
        format!("log\n7 \n{root}\n"),
        format!("log\n\n{root}\n"),
        format!("log\n18446744073709551615\n{root}\n"),
        format!("\n7\n{root}\n"),
        format!("log\n7\n{root}"),
        format!("log\n7\n{root}\n\n"),
        format!("log\n7\n{root}\n\nmore\n"),
        "log\n7\n".to_owned(),
        "log\n7\nBQUF\n".to_owned(),
        format!("log\n7\n{}\n", root.to_string().trim_end_matches('=')),
    ] {
        assert!(matches!(Checkpoint::parse(&wrong), Err(CheckpointError::Malformed(_))), "{wrong}");
    }
    let lines = Checkpoint { origin: "a\n1".to_owned(), size: 1, root, extensions: vec![] };
    assert!(lines.sign(&signer()).is_err(), "an origin of two lines");
}

fn signer() -> SignerKey {
    SIGNER.parse().unwrap()
}

fn verifier() -> VerifierKey {
    VERIFIER.parse().unwrap()
}
