//! A bundle holds as it was made, and not with anything changed in it.

use creditrail_proof::{
    Hash,
    bundle::{Bundle, BundleError, Checked, StreamName, page, verify},
    checkpoint::CheckpointError,
    note::{self, VerifierKey},
};

use crate::support::{LOG, changed, log};

/// The bundle and its own page.
fn verified(bundle: &Bundle<'_>) -> Result<Checked, BundleError> {
    verify(bundle, &page(bundle), &log().verifier(), None)
}

#[test]
fn a_bundle_holds() {
    let bundle = log().bundle();
    let checked = verified(&bundle).unwrap();
    assert_eq!((checked.events, checked.streams, checked.cut), (6, 2, 1));
    assert_eq!((checked.deliveries, checked.not_enclosed), (3, 1));
    assert_eq!((checked.origin.as_str(), checked.size), (LOG, 12));
    assert!(checked.is_about_proven);
    let json = bundle.to_json().unwrap();
    assert_eq!(Bundle::parse(&json).unwrap(), bundle);
}

#[test]
fn nothing_in_it_can_be_changed_beside_its_page() {
    let (log, bundle) = (log(), log().bundle());
    let (page, json) = (page(&bundle), serde_json::to_value(&bundle).unwrap());
    let changes = changed(&json);
    assert!(changes.len() > 500, "{}", changes.len());
    for (place, other) in changes {
        let other = other.to_string();
        let checked =
            Bundle::parse(&other).and_then(|other| verify(&other, &page, &log.verifier(), None));
        assert!(checked.is_err(), "{place}: {other}");
    }
}

/// Whoever changes a bundle makes its page anew. What is proven cannot be changed even so.
#[test]
fn no_value_can_be_changed_but_what_is_not_proven() {
    let (log, bundle) = (log(), log().bundle());
    let json = serde_json::to_value(&bundle).unwrap();
    let mut unproven = std::collections::BTreeSet::new();
    for (place, other) in changed(&json) {
        if json.pointer(&place).unwrap().is_array() {
            continue; // Fewer events at the end, other orders of deliveries: not what is proven.
        }
        let other = other.to_string();
        let Ok(other) = Bundle::parse(&other) else { continue };
        if let Ok(checked) = verify(&other, &page(&other), &log.verifier(), None) {
            assert!(place != "/kind" || !checked.is_about_proven);
            unproven.insert(place);
        }
    }
    let expected = ["/kind", "/notes/0", "/notes/1"].map(str::to_owned);
    assert_eq!(unproven, expected.into());
}

#[test]
fn only_the_page_of_the_bundle_is_taken() {
    let (log, bundle) = (log(), log().bundle());
    let html = page(&bundle);
    let of_page = |html: &str| verify(&bundle, html, &log.verifier(), None).unwrap_err();
    for wrong in [
        html.replace("4.50", "5.50"),
        html.replace("</main>", "<script>alert(1)</script></main>"),
        html.trim_end().to_owned(),
        String::new(),
    ] {
        assert!(matches!(of_page(&wrong), BundleError::Page { .. }), "{wrong}");
    }
}

#[test]
fn the_page_is_escaped_and_loads_nothing() {
    let mut bundle = log().bundle();
    bundle.notes = vec!["<img src=x onerror=alert(1)> \u{202e}gnp.exe".to_owned()];
    let html = page(&bundle);
    assert!(html.contains("&lt;b&gt;sons&lt;/b&gt;") && html.contains("&lt;img"));
    assert!(html.contains("[U+202E]gnp.exe"));
    for absent in ["<script", "<img", "<link", "http://", "https://", "url(", "\u{202e}"] {
        assert!(!html.contains(absent), "{absent}");
    }
    assert!(html.contains("prefers-color-scheme:dark"));
    assert!(html.contains("//4="), "a body that is no text is in base64");
}

#[test]
fn each_lie_is_named() {
    let lie = |change: &dyn Fn(&mut Bundle<'static>)| {
        let mut bundle = log().bundle();
        change(&mut bundle);
        verified(&bundle).unwrap_err()
    };
    let error = lie(&|bundle| bundle.events[1].event.payload = "{}".into());
    assert!(matches!(error, BundleError::NotIncluded { position: 4, .. }), "{error}");
    let error = lie(&|bundle| bundle.deliveries[1].body = b"{}".to_vec().into());
    let expected = log().events[3].delivery.unwrap();
    assert!(
        matches!(&error, BundleError::Digest { delivery, position: 4, expected: e, found }
            if delivery == "d-4" && *e == expected && *found != expected),
        "{error}"
    );
    let error = lie(&|bundle| drop(bundle.deliveries.remove(0)));
    assert_eq!(error, BundleError::NotEnclosed(1));
    let error = lie(&|bundle| bundle.deliveries_not_enclosed.push(1));
    assert_eq!(error, BundleError::NotMissing(1));
    let error = lie(&|bundle| bundle.deliveries_not_enclosed.push(9));
    assert_eq!(error, BundleError::NotMissing(9));
    let error = lie(&|bundle| bundle.deliveries.push(bundle.deliveries[0].clone()));
    assert_eq!(error, BundleError::Twice("d-1".to_owned()));
    let error = lie(&|bundle| bundle.deliveries.push(log().deliveries[1].clone()));
    assert_eq!(error, BundleError::Stray { delivery: "d-2".to_owned(), position: 2 });
    let error = lie(&|bundle| bundle.events.swap(0, 1));
    assert_eq!(error, BundleError::Order { before: 4, position: 1 });
    let error = lie(&|bundle| bundle.events.push(bundle.events[5].clone()));
    assert_eq!(error, BundleError::Order { before: 12, position: 12 });
    let error = lie(&|bundle| bundle.events.clear());
    assert_eq!(error, BundleError::Empty);
    let error = lie(&|bundle| bundle.id = "imprint/t-2".to_owned());
    assert!(matches!(error, BundleError::About { .. }), "{error}");
    let error = lie(&|bundle| bundle.cut.clear());
    assert!(matches!(error, BundleError::Sequence { position: 9, expected: 1, found: 3, .. }));
    let error = lie(&|bundle| bundle.cut.push(bundle.cut[0].clone()));
    assert!(matches!(error, BundleError::Cut(_)), "{error}");
    let none = StreamName { aggregate_type: "charge".to_owned(), aggregate_id: "c".to_owned() };
    let error = lie(&|bundle| bundle.cut.push(none.clone()));
    assert!(matches!(error, BundleError::Cut(_)), "{error}");
}

#[test]
fn an_event_in_the_middle_of_a_stream_cannot_be_left_out() {
    let mut bundle = log().bundle();
    bundle.events.remove(1);
    bundle.deliveries.remove(1);
    let error = verified(&bundle).unwrap_err();
    assert!(
        matches!(error, BundleError::Sequence { position: 7, expected: 2, found: 3, .. }),
        "{error}"
    );
}

#[test]
fn the_key_and_the_log_come_from_outside() {
    let (log, bundle) = (log(), log().bundle());
    let with = |key: &VerifierKey, log: Option<&str>| verify(&bundle, &page(&bundle), key, log);
    assert!(with(&log.verifier(), Some(LOG)).is_ok());
    let other = with(&log.verifier(), Some("creditrail.example/other")).unwrap_err();
    assert!(matches!(other, BundleError::Checkpoint(CheckpointError::Origin { .. })), "{other}");
    let (_, stranger) = note::generate("creditrail.example", &[8; 32]).unwrap();
    let other = with(stranger.verifier(), None).unwrap_err();
    assert!(matches!(other, BundleError::Checkpoint(CheckpointError::Note(_))), "{other}");
}

/// The log itself has what is of another source: its leaf and its proof are right.
#[test]
fn what_is_of_another_source_is_refused() {
    let mut foreign = log();
    foreign.events[3].source = "other".into();
    let error = verified(&foreign.bundle()).unwrap_err();
    assert!(matches!(&error, BundleError::Source { what, .. } if what == "event 4"), "{error}");
    let mut foreign = log();
    let delivery = foreign.deliveries.iter_mut().find(|entry| entry.first_position == 4).unwrap();
    delivery.source = "other".into();
    foreign.events[3].delivery = Some(delivery.digest());
    let error = verified(&foreign.bundle()).unwrap_err();
    assert!(
        matches!(&error, BundleError::Source { what, .. } if what == "delivery d-4"),
        "{error}"
    );
}

/// A log that somebody rewrote and signed with a key of their own, under the same name.
#[test]
fn a_bundle_that_is_recomputed_under_another_key_is_refused() {
    let mut forged = log();
    forged.key = note::generate("creditrail.example", &[8; 32]).unwrap().1;
    forged.events[3].payload = "{}".into();
    let bundle = forged.bundle();
    assert!(verify(&bundle, &page(&bundle), &forged.verifier(), None).is_ok());
    assert!(verify(&bundle, &page(&bundle), &log().verifier(), None).is_err());
}

#[test]
fn another_form_is_not_guessed_at() {
    let json = log().bundle().to_json().unwrap().replace("bundle/v2", "bundle/v3");
    assert_eq!(
        Bundle::parse(&json).unwrap_err(),
        BundleError::Format("creditrail/bundle/v3".to_owned())
    );
    let twice = log().bundle().to_json().unwrap().replacen('{', r#"{"kind": "charge","#, 1);
    assert!(matches!(Bundle::parse(&twice).unwrap_err(), BundleError::Unreadable(_)));
}

/// The form is frozen, and its page with it. A fixture is never changed: another page is another form.
#[test]
fn a_bundle_of_the_first_form_holds_for_ever() {
    let bundle = Bundle::parse(include_str!("../fixtures/bundle-v1/bundle.json")).unwrap();
    let html = include_str!("../fixtures/bundle-v1/index.html");
    let key = include_str!("../fixtures/key.pub").trim_end().parse().unwrap();
    let checked = verify(&bundle, html, &key, Some(LOG)).unwrap();
    assert_eq!(checked.events, 6);
    assert_ne!(bundle.events[0].proof, Vec::<Hash>::new());
}
