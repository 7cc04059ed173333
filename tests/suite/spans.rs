//! Each call is a span of `tracing`, with the source, the id of its delivery and what became of it: a
//! host sees it in its own subscriber. That the feature `otel` sends it to a collector: `tests/otel.rs`.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use creditrail::{
    app::Creditrail,
    sources::{SourceConfig, imprint},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use tracing::{
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};

use crate::support::{SECRET, Tx};

#[tokio::test]
async fn a_call_is_a_span_with_its_source_its_delivery_and_its_outcome() {
    let seen = Seen::default();
    let _guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(seen.clone()));
    let dir = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", dir.path().join("creditrail.db").display());
    let source: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "imprint", "kind": "imprint", "currency": "USD",
        "secrets": [{ "id": "first", "value": SECRET }],
    }))
    .expect("a source");
    let built = Creditrail::builder().database(url).source(source).build().await;
    let (creditrail, worker) = built.expect("a service");
    tokio::spawn(worker.run());

    let body = Tx::new("t1").approved(5000).body();
    let signature = imprint::sign(SECRET, body.as_bytes(), Timestamp::now());
    let name = HeaderName::from_static(imprint::SIGNATURE_HEADER);
    let headers = HeaderMap::from_iter([(name, HeaderValue::try_from(signature).expect("ASCII"))]);
    let told = creditrail.receive("imprint", &headers, body.clone().into()).await;
    let told = told.expect("it is acknowledged");
    let forged = creditrail.receive("imprint", &HeaderMap::new(), body.into()).await;
    assert!(forged.is_err());

    let seen = seen.0.lock().unwrap();
    let fields = |fields: &[(&str, &str)]| {
        let owned = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect::<BTreeMap<_, _>>()
    };
    let expected = [
        fields(&[
            ("source", "imprint"),
            ("delivery_id", &told.delivery_id),
            ("outcome", "applied"),
        ]),
        fields(&[("source", "imprint"), ("outcome", "unauthenticated")]),
    ];
    assert_eq!(seen.values().cloned().collect::<Vec<_>>(), expected);
}

/// The fields of each span `receive`, in the order of their beginning.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<u64, BTreeMap<String, String>>>>);

impl<S: tracing::Subscriber> Layer<S> for Seen {
    fn on_new_span(&self, span: &span::Attributes<'_>, id: &span::Id, _: Context<'_, S>) {
        if span.metadata().name() == "receive" {
            let mut seen = self.0.lock().unwrap();
            span.record(&mut Fields(seen.entry(id.into_u64()).or_default()));
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        if let Some(fields) = self.0.lock().unwrap().get_mut(&id.into_u64()) {
            values.record(&mut Fields(fields));
        }
    }
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}").trim_matches('"').to_owned();
        self.0.insert(field.name().to_owned(), value);
    }
}
