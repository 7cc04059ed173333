use std::collections::HashMap;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::*;

const NAMES: &[&str] = &["token", "signingUrl"];

/// The bytes as they came, but for masked card numbers; none if a secret is not to be had.
fn restore(body: &[u8], mut secret: impl FnMut(Uuid) -> Option<String>) -> Option<Vec<u8>> {
    let mut restored = Vec::with_capacity(body.len());
    let mut copied = 0;
    for (at, reference) in references(body) {
        restored.extend_from_slice(&body[copied..at.start]);
        restored.extend_from_slice(&to_token(&secret(reference)?)?);
        copied = at.end;
    }
    restored.extend_from_slice(&body[copied..]);
    Some(restored)
}

fn to_token(value: &str) -> Option<Vec<u8>> {
    match value.strip_prefix(HEX) {
        Some(digits) => hex::decode(digits).ok(),
        None => Some(value.as_bytes().to_vec()),
    }
}

fn scrubbed(body: impl AsRef<[u8]>) -> Scrubbed {
    scrub(&Bytes::copy_from_slice(body.as_ref()), NAMES)
}

fn restored(scrubbed: &Scrubbed) -> Vec<u8> {
    let secrets: HashMap<_, _> = scrubbed
        .secrets
        .iter()
        .map(|found| (found.reference, found.value.expose_secret().to_owned()))
        .collect();
    restore(&scrubbed.body, |reference| secrets.get(&reference).cloned()).unwrap()
}

/// The body with `S` in place of each reference, and what was sealed. It is seen to restore.
fn shown(body: impl AsRef<[u8]>) -> (String, Vec<String>) {
    let scrubbed = scrubbed(body.as_ref());
    if scrubbed.masked == 0 {
        assert_eq!(restored(&scrubbed), body.as_ref());
    }
    let mut shown = String::from_utf8(scrubbed.body.to_vec()).unwrap();
    for found in &scrubbed.secrets {
        shown = shown.replace(&format!("\"{PREFIX}{}\"", found.reference), "S");
    }
    let value = |found: &Found| found.value.expose_secret().to_owned();
    (shown, scrubbed.secrets.iter().map(value).collect())
}

/// What is shown, and what is sealed.
fn check(body: &str, expected: &str, sealed: &[&str]) {
    let (shown, values) = shown(body);
    assert_eq!(shown, expected);
    assert_eq!(values, sealed, "{body}");
}

#[test]
fn the_values_of_secret_fields_are_sealed_wherever_they_stand() {
    check(r#"{"a":1,"token" : "x\"y","b":2}"#, r#"{"a":1,"token" : S,"b":2}"#, &[r#""x\"y""#]);
    check(r#"[{"d":{"token":12 }}]"#, r#"[{"d":{"token":S }}]"#, &["12"]);
    check(r#"{"sign\u0069ngUrl":true}"#, r#"{"sign\u0069ngUrl":S}"#, &["true"]);
    check(
        r#"{"Token":"a","SIGNINGURL":"b"}"#,
        r#"{"Token":S,"SIGNINGURL":S}"#,
        &["\"a\"", "\"b\""],
    );
    check(r#"{"token":{"a":["]"]},"b":1}"#, r#"{"token":S,"b":1}"#, &[r#"{"a":["]"]}"#]);
}

#[test]
fn nothing_to_do_leaves_the_very_bytes() {
    let text = r#"{"token":null,"x":{"token":""},"t":"token","tokens":["a"]}"#;
    for text in [text, "", "\"", "not json", "{\"token\":"] {
        let body = Bytes::from(text);
        let scrubbed = scrub(&body, NAMES);
        assert_eq!(scrubbed.body.as_ptr(), body.as_ptr(), "{text}");
        assert!(scrubbed.secrets.is_empty());
    }
}

#[test]
fn broken_json_hides_its_secrets_too() {
    check(r#"{"token":"abc"#, r#"{"token":S"#, &["\"abc"]);
    check(r#"{"token":"abc\"#, r#"{"token":S"#, &["\"abc\\"]);
    check(r#"{"token":{"a":["b"]"#, r#"{"token":S"#, &[r#"{"a":["b"]"#]);
    check(r#"{"token":"abc"}} x"#, r#"{"token":S}} x"#, &["\"abc\""]);
    // A quote too many before it.
    check(r#"x" {"token":"abc"}"#, r#"x" {"token":S}"#, &["\"abc\""]);
}

fn check_whole(body: impl AsRef<[u8]>) {
    let body = body.as_ref();
    let scrubbed = scrubbed(body);
    let name = String::from_utf8_lossy(body);
    assert_eq!(scrubbed.secrets.len(), 1, "{name}");
    assert_eq!(scrubbed.secrets[0].field, "", "{name}");
    let reference = scrubbed.secrets[0].reference;
    assert_eq!(scrubbed.body, format!("\"{PREFIX}{reference}\""), "{name}");
    assert_eq!((scrubbed.masked, restored(&scrubbed)), (0, body.to_vec()), "{name}");
}

#[test]
fn a_body_that_may_hold_a_secret_elsewhere_is_sealed_as_a_whole() {
    for body in [
        r#"{signingUrl: "https://x.example/1"}"#,
        "{'signingUrl': 'https://x.example/1'}",
        "{`token`: `tok_1`}",
        "token=tok_1",
        "a=1&TOKEN=tok_1",
        "card[token]=tok_1",
        "card%5Btoken%5D=tok_1",
        "data=token%3Dtok_1",
        r#""signingUrl" = "https://x.example/1""#,
        r#"{"sign\u0069ngUrl" = "https://x.example/1"}"#,
        r#"{"Token" = "tok_1"} x"#,
        r#"{"token":"abcdefgh"} token=tok_2"#,
        r#"it"s token="tok_1" so"#,
        r#"{"a":"{\"token\":\"tok_1"#,
        r#"{\"token\":\"tok_1\"}"#,
        "<token>tok_1</token>",
        "name=\"token\"\r\n\r\ntok_1",
        "token\ntok_1",
        "token\ttok_1",
        "--token tok_1 --token=tok_2",
        // A value that may not end where it seems to.
        r#"{"token": 'abc, def'}"#,
        r#"{"token": https://x.example/1,2}"#,
        r#"{"token":"abc"def"}"#,
        r#"{"token":"" abc}"#,
        r#"{"token":{] "abc"}"#,
        r#"{"token":12 abc}"#,
    ] {
        check_whole(body);
    }
}

#[test]
fn a_body_that_is_no_utf8_is_sealed_as_a_whole() {
    let text = r#"{"token":"tok_1"}"#;
    let wide: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    check_whole([b"\xff\xfe", &*little].concat());
    check_whole([b"\xfe\xff", &*big].concat());
    check_whole(&little);
    check_whole(&big);
    check_whole(b"\xff");
    check_whole(b"{\"token\":\"\xff");
    assert_eq!(shown(b"{\"\xff").1, ["hex:7b22ff"]);
    let wide: Vec<u8> = "card 4111111111111111".bytes().flat_map(|byte| [byte, 0]).collect();
    assert_eq!(shown(wide).1, ["card 411111••••••1111"]);
}

#[test]
fn names_in_prose_and_in_longer_names_are_none() {
    for body in [
        "the token has expired",
        "invalid token.",
        "token, he said: none\n",
        "token_type=bearer&tokens=3&x_token=1&token-type=2&x-token=3&token2=4",
        r#"{"token":null,"token_type":"bearer","note":"your token has expired" x"#,
        r#"{"token":,"a":1}"#,
    ] {
        check(body, body, &[]);
    }
    let body = r#"{"a":"the token has expired","b":"token","c":"token_type=1 tokens: 2","d":"token, x: 1"}"#;
    check(body, body, &[]);
}

#[test]
fn a_text_that_holds_a_name_with_its_value_is_sealed() {
    for text in [
        r#""token=tok_1""#,
        r#""token: none""#,
        r#""a=1&Token = tok_1""#,
        r#""{'token': 'tok_1'}""#,
        r#""x\ntoken=tok_1""#,
        r#""{\"a\":\"x\\ntoken=tok_1\"}""#,
        r#""\\token=tok_1""#,
        r#""card[token]=tok_1""#,
        r#""data=token%3Dtok_1""#,
        r#""{\"sign\\u0069ngUrl\":1}""#,
        r#""{\"a\":\"{\\\"token\\\":1}\"}""#,
    ] {
        check(&format!("{{\"data\":{text}}}"), r#"{"data":S}"#, &[text]);
    }
}

#[test]
fn a_card_number_in_a_secret_field_is_masked_and_not_sealed() {
    #[rustfmt::skip] // It is a table.
    let cases = [
        (r#"{"token":"4111111111111111"}"#,     r#"{"token":"411111••••••1111"}"#),
        (r#"{"token":4111111111111111}"#,       r#"{"token":"411111••••••1111"}"#),
        (r#"{"token":"VISA 4111 1111 1111 1111"}"#, r#"{"token":"VISA 411111••••••1111"}"#),
        (r#"{"token":"\u0034111111111111111"}"#, r#"{"token":"411111••••••1111"}"#),
        (r#"{"token":"4111111111111111"#,       r#"{"token":"411111••••••1111"#),
        (r#"{"token":"4111111111111111","a":"see 4111111111111111"}"#,
         r#"{"token":"411111••••••1111","a":"see 411111••••••1111"}"#),
    ];
    for (body, expected) in cases {
        check(body, expected, &[]);
    }
    let id = scrub(&Bytes::from(r#"{"pan_id":"4111111111111111"}"#), &["pan_id"]);
    assert_eq!(id.body, r#"{"pan_id":"411111••••••1111"}"#);
    // With more beside it, it is masked before it is sealed, but for addresses.
    for (value, sealed) in [
        (r#""4111111111111111 of Ada Byron""#, r#""411111••••••1111 of Ada Byron""#),
        (r#"{"n":["4111111111111111"]}"#, r#"{"n":["411111••••••1111"]}"#),
        (r#""https://x.example/4111111111111111""#, r#""https://x.example/4111111111111111""#),
    ] {
        check(&format!("{{\"token\":{value}}}"), r#"{"token":S}"#, &[sealed]);
    }
    let (_, sealed) = shown(r#"{"token":"4111111111111111 of Ada Byron"} token=1"#);
    assert_eq!(sealed, [r#"{"token":"411111••••••1111 of Ada Byron"} token=1"#]);
    let (_, sealed) = shown("token=4111111111111111");
    assert_eq!(sealed, ["token=411111••••••1111"]);
}

#[test]
fn a_text_that_repeats_a_secret_is_sealed_as_a_whole() {
    check(
        r#"{"a":"see abcdefgh\n","token":"abcdefgh","b":"abcdefg"}"#,
        r#"{"a":S,"token":S,"b":"abcdefg"}"#,
        &[r#""see abcdefgh\n""#, r#""abcdefgh""#],
    );
    check(
        r#"{"token":12345678,"a":[9,123456789]}"#,
        r#"{"token":S,"a":[9,S]}"#,
        &["12345678", "123456789"],
    );
    // Short ones would be found everywhere.
    check(r#"{"token":"abc","b":"abc"}"#, r#"{"token":S,"b":"abc"}"#, &["\"abc\""]);
    // Outside of strings, in broken JSON.
    let body = r#"{"token":"abcdefgh"} abcdefgh"#;
    check(body, "S", &[body]);
}

#[test]
fn a_text_that_holds_a_secret_field_is_sealed_as_a_whole() {
    let body = r#"{"p":"{\"token\" : \"abc\"}","q":"\"token\""}"#;
    check(body, r#"{"p":S,"q":"\"token\""}"#, &[r#""{\"token\" : \"abc\"}""#]);
}

#[test]
fn what_looks_like_a_reference_is_sealed_itself() {
    let forged = format!("{PREFIX}{}", Uuid::nil());
    for text in [
        format!("\"{forged}\""),
        format!("\"\\u0073{}\"", &forged[1..]),
        format!("\"\\\"{forged}\""),
    ] {
        check(&format!("{{\"a\":{text},{text}:1}}"), "{\"a\":S,S:1}", &[&text]);
    }
    // Between two quotes, but in no string: there is no telling them apart.
    let body = format!("\"a\"{forged}\"b\"");
    check(&body, "S", &[&body]);
    assert_eq!(reference(&forged), Some(Uuid::nil()));
    assert_eq!(reference(&forged.to_uppercase()), None);
    assert_eq!(reference(&format!("{forged} ")), None);
}

#[test]
fn the_same_secret_has_the_same_reference() {
    let of = |body: &str| scrubbed(body).secrets[0].reference;
    assert_eq!(of(r#"{"token":"abc"}"#), of(r#"{"a":1,"token":"abc"}"#));
    assert_ne!(of(r#"{"token":"abc"}"#), of(r#"{"token":"abd"}"#));
    assert_eq!(scrubbed(r#"[{"token":"a"},{"token":"a"}]"#).secrets.len(), 1);
}

#[test]
fn a_secret_that_is_not_to_be_had_leaves_nothing() {
    assert_eq!(restore(&scrubbed(r#"{"token":"abc"}"#).body, |_| None), None);
}

#[test]
fn the_field_of_a_secret_is_told_but_no_secret_in_it() {
    let body = r#"{"token":"abcdefgh","note":["abcdefgh"],"abcdefgh":"-abcdefgh"}"#;
    let fields: Vec<_> = scrubbed(body).secrets.into_iter().map(|found| found.field).collect();
    assert_eq!(fields, ["token", ""]);
    let body = r#"{"token":"abcdefgh","note":"-abcdefgh"}"#;
    assert_eq!(scrubbed(body).secrets[1].field, "note");
}

#[test]
fn card_numbers_are_masked_but_for_ids_amounts_uuids_and_times() {
    #[rustfmt::skip] // It is a table.
    let cases = [
        (r#"{"a":"4111111111111111"}"#,          r#"{"a":"411111••••••1111"}"#),
        (r#"{"a":4111111111111111}"#,            r#"{"a":"411111••••••1111"}"#),
        (r#"{"a":[-4111111111111111.0]}"#,       r#"{"a":["-411111••••••1111.0"]}"#),
        (r#"{"a":"\u0034111111111111111\n"}"#,   r#"{"a":"411111••••••1111\n"}"#),
        (r#"{"4111111111111111":1}"#,            r#"{"411111••••••1111":1}"#),
        (r#"{"amount":"4111111111111111"}"#,     r#"{"amount":"411111••••••1111"}"#),
        (r#"{"id":["4111111111111111"]}"#,       r#"{"id":["411111••••••1111"]}"#),
        (r#"{"id":[4111111111111111]}"#,         r#"{"id":["411111••••••1111"]}"#),
        (r#"{"id":{"a":4111111111111111}}"#,     r#"{"id":{"a":"411111••••••1111"}}"#),
        ("card 4111111111111111 ",               "card 411111••••••1111 "),
        (r#"{"id":"4111111111111111"#,           r#"{"id":"411111••••••1111"#),
        (r#"{"a":4111111111111111"#,             r#"{"a":411111••••••1111"#),
    ];
    for (body, expected) in cases {
        assert_eq!(shown(body).0, expected);
        assert_eq!(scrubbed(body).masked, 1);
    }
    for body in [
        r#"{"amount":4111111111111111}"#,
        r#"{"a_id":4111111111111111,"aId":"4111111111111111","id":"4111111111111111"}"#,
        r#"{"a":"41111111-1111-1111-4111-111111111111"}"#,
        r#"{"a":"2025-02-27T18:11:32.4111111111111111+00:00"}"#,
        r#"{"a":0.4111111111111111}"#,
    ] {
        check(body, body, &[]);
    }
}

#[test]
fn a_card_number_beside_a_secret_is_masked_before_it_is_sealed() {
    let (_, sealed) = shown(r#"{"token":"abcdefgh","a":"abcdefgh 4111111111111111"}"#);
    assert_eq!(sealed[1], "\"abcdefgh 411111••••••1111\"");
    let (_, sealed) = shown(r#"{"token":"abcdefgh"} abcdefgh 4111111111111111"#);
    assert_eq!(sealed, [r#"{"token":"abcdefgh"} abcdefgh 411111••••••1111"#]);
}

#[test]
fn a_large_body_takes_time_in_proportion() {
    let size = 1 << 20;
    for unit in [
        "1",
        "1 ",
        "\"",
        "\\\"",
        "[",
        "{\"token\":[",
        "\"token\":\"abcdefgh\",",
        "sealed:",
        "\\",
        "token",
        "token ",
        "token token-",
        "\"token\":",
        "\"token\":4111111111111111,",
        "\"token\":\"4111111111111111",
        "1  ",
        "1111.",
        "•",
        "411111•••",
        "%",
        "a1",
    ] {
        let secret = r#"{"token":"11111111111111","token":"[[[[[[[[[["}"#;
        let body = Bytes::from(secret.to_owned() + &unit.repeat(size / unit.len()));
        let start = std::time::Instant::now();
        scrub(&body, NAMES);
        assert!(start.elapsed().as_secs() < 5, "{unit}: {:?}", start.elapsed());
    }
}

/// JSON with secrets, numbers of cards, ids and what looks like a reference.
fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[ -~]{0,12}",
        "[a-c\"\\\\]{8,10}",
        Just("see secret-one, or \"secret-two\"".to_owned()),
        Just("secret-one".to_owned()),
        Just(format!("{PREFIX}{}", Uuid::nil())),
        Just(format!("\"{PREFIX}{}", Uuid::nil())),
        Just("12 4111 1111 1111 1111".to_owned()),
        Just("token=tok_1".to_owned()),
        Just("the Token: secret-one".to_owned()),
        "(4111|1111|422222|4222222222222|[1-9]|x|e|[ ._/-]|  |\u{a0}|•••){1,12}",
        any::<String>(),
    ];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::from(4_111_111_111_111_111_u64)),
        Just(Value::Null),
    ];
    let name = prop_oneof!["token", "signingUrl", "id", "amount", "[a-z\"]{1,3}", "secret-one"];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The texts and numbers in secret fields that are long enough to be found elsewhere.
fn secrets_in(value: &Value, secrets: &mut Vec<String>) {
    let Value::Object(fields) = value else {
        value.as_array().into_iter().flatten().for_each(|value| secrets_in(value, secrets));
        return;
    };
    for (name, value) in fields {
        match value {
            Value::String(text) if NAMES.contains(&&**name) => secrets.push(text.clone()),
            Value::Number(number) if NAMES.contains(&&**name) => secrets.push(number.to_string()),
            _ if NAMES.contains(&&**name) => {}
            _ => secrets_in(value, secrets),
        }
    }
    // A card number is no secret, and a mask may hold bullets.
    let is_one = |text: &str| !cards::is_card(text.as_bytes()) && !text.contains("•••");
    secrets.retain(|secret| secret.len() >= 8 && is_one(secret));
}

fn texts_in(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts_in).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| [vec![name.clone()], texts_in(value)].concat())
            .collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// Bytes that come close to JSON.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            " ",
            "\"token\":",
            "\"token\":\"secret-one\"",
            "\\\"token\\\":",
            "secret-one",
            "\"a\":",
            "4111111111111111",
            "4222222222222",
            "4111",
            "1111",
            "5555555555554444",
            "token",
            "TOKEN=",
            ".",
            "/",
            "_",
            "\u{a0}",
            "•••",
            "x",
            "e",
            "-1",
            "\\u0034",
            "sealed:00000000-0000-0000-0000-000000000000",
            "12345678",
            "hex:",
        ])
        .prop_map(|part| part.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..3),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn json_stays_json_restores_and_keeps_no_secret(value in json(), pretty: bool) {
        let body = if pretty { format!("{value:#}") } else { value.to_string() };
        let scrubbed = scrubbed(&body);
        if scrubbed.masked == 0 {
            prop_assert_eq!(restored(&scrubbed), body.as_bytes());
        }
        let left: Value = serde_json::from_slice(&scrubbed.body).unwrap();
        let mut secrets = Vec::new();
        secrets_in(&value, &mut secrets);
        for text in texts_in(&left) {
            prop_assert!(!secrets.iter().any(|secret| text.contains(secret)), "{}", text);
        }
        // A reader of the body meets no reference but ours.
        for met in texts_in(&left).iter().filter_map(|text| reference(text)) {
            let is_ours = scrubbed.secrets.iter().any(|found| found.reference == met);
            prop_assert!(is_ours, "{}", met);
        }
    }

    #[test]
    fn bytes_restore_and_keep_no_secret(body in bytes()) {
        let scrubbed = scrubbed(&body);
        if scrubbed.masked == 0 {
            prop_assert_eq!(&restored(&scrubbed), &body);
        }
        if serde_json::from_slice::<Value>(&body).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&scrubbed.body).is_ok());
            return Ok(());
        }
        let body = Bytes::from(body);
        for piece in Lexer::new(&body, NAMES) {
            let Piece::Secret { at, .. } = piece else { continue };
            let token = &body[at];
            let closed = token.starts_with(b"\"") && lexer::end_of_text(token, 0).1;
            let token = token.strip_prefix(b"\"").unwrap_or(token);
            let token = &token[..token.len() - usize::from(closed)];
            let mut parts = scrubbed.body.windows(token.len().max(8));
            prop_assert!(!parts.any(|part| part == token));
        }
    }

    #[test]
    fn cut_json_restores_and_keeps_no_secret(value in json(), cut: prop::sample::Index) {
        let body = format!("{{\"token\":\"secret-one\",\"x\":{value}}}");
        let body = &body.as_bytes()[..cut.index(body.len())];
        let scrubbed = scrubbed(body);
        if scrubbed.masked == 0 {
            prop_assert_eq!(restored(&scrubbed), body);
        }
        if body.len() > 20 {
            prop_assert!(!scrubbed.body.windows(10).any(|part| part == b"secret-one"));
        }
    }

    #[test]
    fn masks_stay_and_the_same_body_has_the_same_outcome(
        body in prop_oneof![bytes(), json().prop_map(|value| value.to_string().into_bytes())],
    ) {
        let body = Bytes::from(body);
        let once = scrub(&body, &[]);
        prop_assert_eq!(&once.body, &scrub(&body, &[]).body);
        let twice = scrub(&once.body, &[]);
        prop_assert_eq!(twice.masked, 0, "{}", String::from_utf8_lossy(&once.body));
    }
}
