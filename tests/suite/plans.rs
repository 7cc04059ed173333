//! No read without an index: every statement that the reads of the service execute is explained, and
//! none looks through a table or sorts one, on either database.
//!
//! The statements are those that come to the store while everything is read that can be: a further
//! read needs no further test, but a place in `everything`, or the router's own.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{body::Body, extract::ConnectInfo};
use creditrail::{
    app::{Creditrail, lists::List, things::Thing},
    http::{Access, router},
    sources::SourceConfig,
    store::{
        Batch, Bookmark, KnownDelivery, Projected, RejectedCall, Result, Store,
        postgres::{self, PostgresStore},
        sql::{Dialect, Look, Row, Value},
        sqlite::{self, SqliteStore},
    },
};
use creditrail_domain::StepId;
use creditrail_projections::{Recorded, StreamId};
use http::Request;
use jiff::Timestamp;
use rusqlite::Connection as Sqlite;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tower::ServiceExt as _;

use crate::support::{self, SEALING_KEY};

/// What is looked through as a whole, since it is never more than a few rows.
const SMALL: [&str; 4] = ["bookmarks", "heads", "sealing_keys", "tallies"];

/// What has no narrower index on purpose: a part of the statement, the table that is looked through,
/// and why that is bounded.
#[rustfmt::skip] // It is a table.
const BOUNDED: &[(&str, &str, &str)] = &[
    ("FROM @redriven_deliveries AS r", "r",          "as many as people had redriven"),
    ("e.status = 'open'",              "e",          "as many as are open"),
    ("AND t.outcome = ",               "d",          "most deliveries are applied, and only those are found so"),
    ("FROM @tallies AS t",             "t",          "as many as outcomes"),
    ("FROM @bookmarks AS b",           "b",          "as many as readers"),
    ("FROM @sealing_keys AS k",        "k",          "as many as keys"),
    ("GROUP BY severity",              "exceptions", "as many as are open"),
];

/// Columns whose ranges are where a page begins, or where a search does.
const PLACES: [&str; 9] = [
    "position",
    "number",
    "key",
    "first_position",
    "occurred_at",
    "done_at",
    "due_at",
    "stake",
    "(",
];

/// What one customer, one application or one id has may be sorted: it is no table.
const NARROW: [&str; 6] = [
    "customer_id=",
    "partner_customer_id=",
    "application_id=",
    "payment_method_id=",
    "key>",
    "key=",
];

#[tokio::test]
async fn every_read_on_sqlite_is_served_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("creditrail.db");
    let store = SqliteStore::open(&file, true).unwrap();
    let statements = executed(Arc::new(store)).await;
    let connection = Sqlite::open(&file).unwrap();
    let all = statements.iter().map(String::as_str).chain(sqlite::READS);
    let faults: Vec<_> = all.flat_map(|sql| faults_on_sqlite(&connection, sql)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[tokio::test]
async fn every_read_on_postgres_is_served_by_an_index() {
    let url = support::postgres::database().await;
    let store = PostgresStore::connect(&url, 4, true).await.unwrap();
    let statements = executed(Arc::new(store)).await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    // The planner counts: a plan for a few rows tells nothing.
    for fill in filling(&mut connection).await {
        connection
            .execute(sqlx::raw_sql(&fill))
            .await
            .unwrap_or_else(|error| panic!("{fill}: {error}"));
    }
    connection.execute("ANALYZE; SET plan_cache_mode = force_generic_plan;").await.unwrap();
    let mut faults = Vec::new();
    for sql in statements.iter().map(String::as_str).chain(postgres::READS) {
        faults.extend(faults_on_postgres(&mut connection, sql).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    connection.close().await.unwrap();
}

#[test]
fn what_has_no_index_is_found() {
    let connection = Sqlite::open_in_memory().unwrap();
    let table = "CREATE TABLE t (source TEXT, key TEXT, number INTEGER, code TEXT,
            PRIMARY KEY (source, key));
        CREATE INDEX t_by_number ON t (source, number);
        CREATE INDEX t_by_code ON t (source, code, number);";
    connection.execute_batch(table).unwrap();
    #[rustfmt::skip] // It is a table.
    let statements = [
        ("SELECT key FROM t WHERE source = $1 ORDER BY number LIMIT 5",                          true),
        ("SELECT key FROM t WHERE source = $1 AND number < $2 ORDER BY number, key LIMIT 5",     true),
        ("SELECT key FROM t WHERE source = $1 AND code = $2 ORDER BY number LIMIT 5",            true),
        ("SELECT key FROM t WHERE source = $1 AND +code = $2 ORDER BY number LIMIT 5",           false),
        ("SELECT key FROM t WHERE source = $1 AND code IS NOT NULL",                             false),
        ("SELECT key FROM t WHERE source = $1 ORDER BY number + 1 LIMIT 5",                      false),
        ("SELECT code FROM t WHERE number < 7",                                                  false),
    ];
    for (sql, is_served) in statements {
        assert_eq!(faults_on_sqlite(&connection, sql).is_empty(), is_served, "{sql}");
    }
}

/// A store that notes what is read of it.
struct Noted {
    store: Arc<dyn Store>,
    statements: Arc<Mutex<BTreeSet<String>>>,
}

#[async_trait::async_trait]
impl Store for Noted {
    async fn begin(&self, source: &str) -> Result<Box<dyn Batch>> {
        self.store.begin(source).await
    }

    async fn known(&self, source: &str, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>> {
        self.store.known(source, deliveries).await
    }

    async fn events_after(&self, source: &str, after: i64, limit: i64) -> Result<Vec<Recorded>> {
        self.store.events_after(source, after, limit).await
    }

    async fn events_of(
        &self,
        source: &str,
        streams: Vec<StreamId>,
        up_to: i64,
    ) -> Result<Vec<Recorded>> {
        self.store.events_of(source, streams, up_to).await
    }

    async fn claim(
        &self,
        source: &str,
        wanted: Vec<creditrail::store::ReaderName>,
        holder: &str,
    ) -> Result<Vec<Bookmark>> {
        self.store.claim(source, wanted, holder).await
    }

    async fn project(&self, source: &str, projected: Projected) -> Result<bool> {
        self.store.project(source, projected).await
    }

    async fn add_sealing_key(&self, source: &str, key_id: &str) -> Result<()> {
        self.store.add_sealing_key(source, key_id).await
    }

    async fn reject(
        &self,
        source: &str,
        calls: Vec<RejectedCall>,
        most: i64,
        oldest: Timestamp,
    ) -> Result<()> {
        self.store.reject(source, calls, most, oldest).await
    }

    async fn forget(&self) -> Result<bool> {
        self.store.forget().await
    }

    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>> {
        self.statements.lock().unwrap().insert(sql.clone());
        self.store.rows(sql, values).await
    }

    async fn look(&self, sql: String, values: Vec<Value>, look: Look) -> Result<()> {
        self.statements.lock().unwrap().insert(sql.clone());
        self.store.look(sql, values, look).await
    }

    fn dialect(&self) -> &'static Dialect {
        self.store.dialect()
    }
}

/// The statements of all reads.
async fn executed(store: Arc<dyn Store>) -> BTreeSet<String> {
    let statements = Arc::<Mutex<BTreeSet<String>>>::default();
    let store = Arc::new(Noted { store, statements: Arc::clone(&statements) });
    let mut builder = Creditrail::builder().store(store).sealing_key(SEALING_KEY.into());
    for kind in ["imprint", "card-onboarding", "charge-after"] {
        let source: SourceConfig = serde_json::from_value(json!({
            "name": kind, "kind": kind, "currency": "USD",
            "secrets": [{ "id": "first", "value": "whsec_of_the_plans" }],
        }))
        .unwrap();
        builder = builder.source(source);
    }
    let (creditrail, worker) = builder.build().await.unwrap();
    let worker = tokio::spawn(worker.run());
    fill(&creditrail).await;
    everything(&creditrail).await;
    worker.abort();
    let statements = statements.lock().unwrap().clone();
    assert!(statements.len() > 100, "the statements are found: {}", statements.len());
    statements
}

/// As much as reads need to go on to what they look up next.
async fn fill(creditrail: &Creditrail) {
    let secret = "whsec_of_the_plans";
    let said = [
        (
            "imprint",
            r#"{"object":"CUSTOMER_LINK","data":{"customer_id":"c","partner_customer_id":"p","status":"ACTIVE","created_at":"2026-03-01T07:00:00Z","updated_at":"2026-03-01T07:00:00Z"}}"#,
        ),
        (
            "imprint",
            r#"{"object":"APPLICATION","data":{"customer_id":"c","partner_customer_id":"p","status":"OFFER_ACCEPTED","created_at":"2026-03-01T07:00:00Z","updated_at":"2026-03-01T07:00:00Z"}}"#,
        ),
        (
            "imprint",
            r#"{"object":"PAYMENT_METHOD","data":{"payment_method_id":"m","customer_id":"c","card_type":"VIRTUAL","new_status":"ACTIVE","created_at":"2026-03-01T07:00:00Z","updated_at":"2026-03-01T07:00:00Z"}}"#,
        ),
        (
            "imprint",
            r#"{"object":"TRANSACTION","data":{"transaction_id":"t","event_id":"t","payment_method_id":"m","customer_id":"c","status":"APPROVED","amount":5,"currency":"USD","created_at":"2026-03-01T07:00:00Z","updated_at":"2026-03-01T07:00:00Z"}}"#,
        ),
        (
            "imprint",
            r#"{"object":"TRANSACTION","data":{"transaction_id":"t","event_id":"u","amount":5.5}}"#,
        ),
        ("imprint", r#"{"object":"REWARD","data":{}}"#),
        (
            "charge-after",
            r#"{"eventType":"application.created","createdAt":"2026-03-01T07:00:00Z","applicationId":"a"}"#,
        ),
        (
            "charge-after",
            r#"{"eventType":"postsale.authorize","createdAt":"2026-03-01T07:00:00Z","chargeId":"h","merchantOrderId":"o","merchantConsumerId":null,"amount":5.00}"#,
        ),
        (
            "card-onboarding",
            r#"{"eventType":"SIGNING_SESSION_CREATED","onboardingId":"b","signingUrl":"https://sign.example/?sessionId=s"}"#,
        ),
    ];
    for (source, body) in said {
        let kind = serde_json::from_value(json!(source)).unwrap();
        let headers = creditrail::sources::sign(kind, secret, body.as_bytes(), Timestamp::now());
        let headers = headers.into_iter().map(|(name, value)| {
            (http::HeaderName::try_from(name).unwrap(), http::HeaderValue::try_from(value).unwrap())
        });
        let receipt = creditrail.receive(source, &headers.collect(), body.into()).await.unwrap();
        creditrail.at_least(source, receipt.position.unwrap_or(0)).await.unwrap();
    }
}

/// Every read there is: of `/v1` and of the pages, which are behind the same router.
async fn everything(creditrail: &Creditrail) {
    let router = router(creditrail, &Access::loopback());
    let ids = [
        ("transactions", "imprint", "t"),
        ("payment-methods", "imprint", "m"),
        ("customers", "imprint", "c"),
        ("charges", "charge-after", "h"),
        ("applications", "charge-after", "a"),
        ("applications", "card-onboarding", "b"),
    ];
    assert!(Thing::ALL.iter().all(|thing| ids.iter().any(|(name, ..)| *name == thing.name())));
    let mut paths = Vec::new();
    for (name, source, id) in ids {
        for root in ["/v1/", "/"] {
            paths.push(format!("{root}{name}/{source}/{id}"));
            paths.push(format!("{root}{name}/{source}/{id}?as_of=2"));
            paths.push(format!("{root}{name}/{source}/{id}?as_of=2026-03-01T07:00:00Z"));
            paths.push(format!("{root}{name}/{source}/{id}?happened_by=2026-03-01T07:00:00Z"));
        }
        paths.push(format!("/v1/{name}/{source}/{id}/moments"));
        paths.push(format!("/v1/{name}/{source}/{id}/changes?from=1"));
        paths.push(format!("/v1/search?q={id}"));
        paths.push(format!("/v1/{name}/{source}/nothing-such?as_of=2"));
    }
    let cursor = hex::encode(json!(["imprint", 5, "c"]).to_string());
    for cursor in ["", &format!("?cursor={cursor}")] {
        paths.push(format!("/v1/customers/imprint/c/timeline{cursor}"));
        let and = if cursor.is_empty() { "?" } else { "&" };
        paths.push(format!("/v1/customers/imprint/c/timeline{cursor}{and}as_of=5"));
    }
    for (list, name) in List::ALL {
        for (order, _) in list.orders() {
            for cursor in [String::new(), format!("&cursor={cursor}")] {
                paths.extend(
                    filtered(list)
                        .into_iter()
                        .map(|filters| format!("/v1/{name}?order={order}{filters}{cursor}")),
                );
                if *order != "stake" && !list.axes().is_empty() {
                    let past = "&source=imprint&as_of=20";
                    let past = |filters| format!("/v1/{name}?order={order}{filters}{cursor}{past}");
                    paths.extend(filtered(list).into_iter().map(past));
                }
            }
        }
    }
    let exceptions = creditrail.list(List::Exceptions, page("imprint")).await.unwrap().items;
    let deliveries = creditrail.list(List::Deliveries, page("imprint")).await.unwrap().items;
    for (list, id, field) in [
        ("exceptions", &exceptions[0], "id"),
        ("deliveries/imprint", &deliveries[0], "delivery_id"),
    ] {
        let id = id[field].as_str().unwrap();
        paths.extend([format!("/v1/{list}/{id}"), format!("/{list}/{id}")]);
    }
    paths.extend(
        [
            "/",
            "/sources",
            "/sources/imprint",
            "/statistics",
            "/redrive?source=imprint",
            "/redrive?source=imprint&outcome=malformed",
            "/verify?source=imprint",
            "/rejected-calls?source=imprint",
            "/v1/rejected-calls?source=imprint",
            "/v1/deliveries/imprint/nothing-such",
            "/v1/search?q=nothing-such",
            "/v1/statistics",
            "/v1/events?source=imprint",
            "/v1/sources",
            "/v1/proof",
            "/proof",
            "/v1/sources/imprint",
            "/metrics",
            "/readyz",
        ]
        .map(str::to_owned),
    );
    for path in paths {
        let mut request =
            Request::get(&path).header("host", "localhost").body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        let status = router.clone().oneshot(request).await.unwrap().status().as_u16();
        assert!([200, 303, 404].contains(&status), "{status} {path}");
    }
}

fn page(source: &str) -> creditrail::store::Page {
    creditrail::store::Page { sources: vec![source.to_owned()], limit: 9, ..Default::default() }
}

/// No filter, each filter, each two, all: with every value that tells statements apart.
fn filtered(list: List) -> Vec<String> {
    let value = |filter: &str| match list.values(filter) {
        _ if filter == "due_before" => "2026-03-01T07:00:00Z",
        None => "c",
        Some(values) => values[values.len() - 1],
    };
    let values = |filter: &&str| match list.values(filter) {
        Some(values) if ["status", "outcome"].contains(filter) => values,
        _ => vec![value(filter)],
    };
    let filters = list.filters();
    let mut all = vec![String::new()];
    for (place, filter) in filters.iter().enumerate() {
        for value_of in values(filter) {
            let one = format!("&{filter}={value_of}");
            all.extend(
                filters[place + 1..].iter().map(|other| format!("{one}&{other}={}", value(other))),
            );
            all.push(one);
        }
    }
    all.push(filters.iter().map(|filter| format!("&{filter}={}", value(filter))).collect());
    all
}

/// Whether a statement looks rows up by more than their source, where it says more of them.
fn is_whole(sql: &str) -> bool {
    let said = sql.rsplit_once("source = $1").map_or("", |(_, said)| said);
    // An order by what it lists, from its beginning or from a place in it.
    !said.contains(" AND ")
        || ["(first_position, key)", "(stake, key)", "(due_at, key)", "due_at"]
            .iter()
            .any(|place| said.trim_start().starts_with(&format!("AND {place}")))
}

/// The table that a statement may look through.
fn bounded(sql: &str) -> Option<&'static str> {
    let plain = sql.replace("creditrail.", "@");
    let found = BOUNDED
        .iter()
        .find(|(part, ..)| plain.contains(part) || sql.contains(&part.replace('@', "")));
    found.map(|(_, table, _)| *table)
}

/// Whether an index is only entered by the source, or by a range of what is no place.
fn is_wide(line: &str) -> bool {
    let Some((_, by)) = line.split_once("(source=?") else { return false };
    let Some((column, _)) = by.trim_start_matches(" AND ").split_once(['>', '<']) else {
        return by == ")" || by.starts_with(") LEFT-JOIN");
    };
    !column.contains('=') && !PLACES.iter().any(|place| column.starts_with(place))
}

fn faults_on_sqlite(connection: &Sqlite, sql: &str) -> Vec<String> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let rows = explain.raw_query().mapped(|row| row.get::<_, String>(3));
    let plan: Vec<String> = rows.collect::<rusqlite::Result<_>>().unwrap();
    let is_narrow = plan.iter().any(|line| NARROW.iter().any(|column| line.contains(column)));
    let fault = |line: &String| {
        let is_small =
            SMALL.iter().any(|table| line.contains(&format!("sqlite_autoindex_{table}")))
                || SMALL.iter().any(|table| line.contains(&format!(" {table} ")));
        let is_scan = line.starts_with("SCAN ") && !line.contains("json_each");
        let is_sort = line.starts_with("USE TEMP B-TREE FOR ")
            && !line.contains("LAST TERM OF ORDER BY")
            && !is_narrow;
        let is_wide = is_wide(line) && !(is_whole(sql) && line.ends_with("(source=?)"));
        let is_bounded = bounded(sql).is_some_and(|table| {
            line.starts_with(&format!("SEARCH {table} ")) || (is_sort && table == "r")
        });
        (is_scan && !is_small) || ((is_sort || is_wide) && !is_small && !is_bounded)
    };
    let found: Vec<_> = plan.iter().filter(|line| fault(line)).cloned().collect();
    if found.is_empty() { found } else { vec![format!("{sql}\n  {}", plan.join("\n  "))] }
}

/// Statements that fill every table: a few values in columns that are filters, many in ids.
async fn filling(connection: &mut PgConnection) -> Vec<String> {
    let columns = "SELECT table_name::text, column_name::text, data_type::text
        FROM information_schema.columns WHERE table_schema = 'creditrail'
        ORDER BY table_name, ordinal_position";
    let mut tables = std::collections::BTreeMap::<String, Vec<(String, String)>>::new();
    for row in connection.fetch_all(columns).await.unwrap() {
        tables.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    tables.retain(|table, _| table != "migrations" && !SMALL.contains(&table.as_str()));
    let value = |(column, kind): &(String, String)| match (column.as_str(), kind.as_str()) {
        ("source", _) => "'imprint'".to_owned(),
        ("aggregate_type", _) => "'transaction'".to_owned(),
        ("aggregate_id", _) => "'imprint/' || n".to_owned(),
        ("key" | "delivery_id" | "reference", _) => "lpad((n + 100)::text, 20, '0')".to_owned(),
        ("stands_from", _) => "CASE n % 100 WHEN 0 THEN n ELSE 9223372036854775807 END".to_owned(),
        ("payload" | "metadata", _) => "'{}'".to_owned(),
        ("document", _) => "repeat('{}', 500)".to_owned(),
        (_, "bigint") => "n + 100".to_owned(),
        (_, "bytea") => "''::bytea".to_owned(),
        (column, _) if FEW.contains(&column) => format!("'{column}' || (n % 5)"),
        (column, _) => format!("'{column}' || (n % 5000)"),
    };
    let fill = |(table, columns): (&String, &Vec<(String, String)>)| {
        let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<_> = columns.iter().map(value).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        format!(
            "INSERT INTO creditrail.{table} ({names})
             SELECT {values} FROM generate_series(1, 20000) AS n ON CONFLICT DO NOTHING"
        )
    };
    tables.iter().map(fill).collect()
}

/// Columns with a few values.
const FEW: [&str; 11] = [
    "status", "severity", "code", "kind", "owner", "outcome", "currency", "list", "act", "unless",
    "strength",
];

async fn faults_on_postgres(connection: &mut PgConnection, sql: &str) -> Option<String> {
    let places = (1..=20).rev().find(|place| sql.contains(&format!("${place}"))).unwrap_or(0);
    let nulls = vec!["NULL"; places].join(", ");
    let nulls = if places == 0 { String::new() } else { format!("({nulls})") };
    connection.execute(sqlx::raw_sql(&format!("PREPARE plan AS {sql}"))).await.unwrap();
    let explain = format!("EXPLAIN (COSTS off) EXECUTE plan{nulls}");
    let rows = connection.fetch_all(sqlx::raw_sql(&explain)).await.unwrap();
    connection.execute("DEALLOCATE plan").await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let is_narrow = plan.iter().any(|line| {
        line.contains("Index Cond")
            && ["customer_id", "application_id", "payment_method_id", "key", "aggregate_id"]
                .iter()
                .any(|column| line.contains(column))
    });
    let fault = |line: &String| {
        let line = line.trim_start_matches([' ', '-', '>']);
        let is_small = SMALL.iter().any(|table| sql.contains(&format!("FROM creditrail.{table} ")));
        let is_sort = line.starts_with("Sort") && !line.starts_with("Sort Key");
        let is_wide = line.starts_with("Index Cond")
            && line.trim_end_matches(')').ends_with("source = $1")
            && !is_whole(sql);
        let is_scan = line.starts_with("Seq Scan");
        (is_scan || (is_sort && !is_narrow) || is_wide) && !is_small && bounded(sql).is_none()
    };
    plan.iter().any(fault).then(|| format!("{sql}\n  {}", plan.join("\n  ")))
}
