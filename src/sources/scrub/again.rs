//! Scrubbing a body that was scrubbed before: what stands for a secret stays.

use bytes::Bytes;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{Found, PREFIX, Scrubbed, reference, references, scrub};

/// As [`scrub`], of a body that was scrubbed before, or kept before there was anything to scrub:
/// references stay as they are, so nothing is sealed twice.
pub fn again(body: &Bytes, secret_fields: &[&str]) -> Scrubbed {
    let (body_of_letters, known) = in_letters(body);
    let mut scrubbed = scrub(&body_of_letters, secret_fields);
    let found = std::mem::take(&mut scrubbed.secrets);
    let (stood, secrets): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| of_token(found).is_some());
    if secrets.is_empty() && scrubbed.masked == 0 {
        return Scrubbed { body: body.clone(), secrets, masked: 0 };
    }
    let original = |shown: Uuid| {
        let found = stood.iter().find(|found| found.reference == shown).and_then(of_token);
        let place = (0..).zip(&known).find(|(place, _)| found == Some(letters(*place)));
        place.map(|(_, original)| *original)
    };
    Scrubbed { body: replaced(&scrubbed.body, original).into(), secrets, masked: scrubbed.masked }
}

/// The body with other references, in which there is no digit: some of a hash look like a card
/// number. And those that stood in it.
fn in_letters(body: &Bytes) -> (Bytes, Vec<Uuid>) {
    let mut known = Vec::<Uuid>::new();
    for (_, reference) in references(body) {
        if !known.contains(&reference) {
            known.push(reference);
        }
    }
    if known.is_empty() {
        return (body.clone(), known);
    }
    let other = |shown: Uuid| {
        let place = (0..).zip(&known).find(|(_, known)| **known == shown);
        place.map(|(place, _)| letters(place))
    };
    (replaced(body, other).into(), known)
}

/// A UUID that tells a number in letters alone.
fn letters(mut number: u128) -> Uuid {
    let mut bits = 0;
    for _ in 0..32 {
        bits = bits << 4 | (0xa + number % 6);
        number /= 6;
    }
    Uuid::from_u128(bits)
}

fn replaced(body: &[u8], by: impl Fn(Uuid) -> Option<Uuid>) -> Vec<u8> {
    let mut written = Vec::with_capacity(body.len());
    let mut copied = 0;
    for (at, reference) in references(body) {
        let Some(other) = by(reference) else { continue };
        written.extend_from_slice(&body[copied..at.start]);
        written.extend_from_slice(format!("\"{PREFIX}{other}\"").as_bytes());
        copied = at.end;
    }
    written.extend_from_slice(&body[copied..]);
    written
}

/// The reference that was found in the place of a secret.
fn of_token(found: &Found) -> Option<Uuid> {
    let text = found.value.expose_secret().strip_prefix('"')?.strip_suffix('"')?;
    reference(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELDS: &[&str] = &["token"];

    #[test]
    fn what_was_scrubbed_stays_as_it_is() {
        let digits = r#"{"token":"sealed:41111111-1111-1111-8111-111111111111"}"#;
        for body in [
            r#"{"token":"secret-1","again":"secret-1","a":[1]}"#,
            r#"{"token":"secret-1","note":"it is secret-1"}"#,
            r#"{"token":"secret-1", broken"#,
            r#"token: secret-1 and more"#,
            r#"{"pan":"4111111111111111"}"#,
        ] {
            let once = scrub(&Bytes::from(body), FIELDS);
            let twice = again(&once.body, FIELDS);
            assert_eq!(
                (twice.body, twice.secrets.len(), twice.masked),
                (once.body, 0, 0),
                "{body}"
            );
        }
        let twice = again(&Bytes::from(digits), FIELDS);
        assert_eq!((&twice.body[..], twice.masked), (digits.as_bytes(), 0));
    }

    #[test]
    fn what_is_secret_since_is_sealed_and_the_rest_stays() {
        let once = scrub(&Bytes::from(r#"{"token":"secret-1","url":"secret-2"}"#), FIELDS);
        let twice = again(&once.body, &["token", "url"]);
        let at_once =
            scrub(&Bytes::from(r#"{"token":"secret-1","url":"secret-2"}"#), &["token", "url"]);
        assert_eq!(twice.body, at_once.body);
        let fields: Vec<_> = twice.secrets.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["url"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn twice_is_once(token in "[ -~]{0,24}", note in "[ -~]{0,24}", tail in "[ -~]{0,8}") {
            let body = serde_json::json!({ "token": token, "note": note }).to_string() + &tail;
            let once = scrub(&Bytes::from(body), FIELDS);
            prop_assert_eq!(again(&once.body, FIELDS).body, once.body);
        }
    }
}
