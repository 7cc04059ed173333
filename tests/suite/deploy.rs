//! What `deploy/` hands to operators fits the service: every expression of the dashboard and of the
//! alerts asks for metrics and labels that a running service has, and a real Prometheus answers it.
//!
//! Prometheus is installed by `scripts/test`. Where it cannot be had, `CREDITRAIL_TEST_PROMETHEUS=none`
//! leaves out what needs it, and the rest still holds names and labels.

mod expressions;
mod prometheus;
pub mod scrape;

use std::{collections::BTreeSet, fs, path::PathBuf};

use creditrail::http::metrics::{METRICS, Metric};
use serde_json::Value;

use self::{
    expressions::{Asked, alerts, grouped_by, panels, selectors, variables},
    prometheus::{Prometheus, promtool},
    scrape::Scrape,
};
use crate::support::{
    AUTHORIZATION, Ledger, Loan, Service, Source, T1, T2, T3, Tx, fixtures, until,
};

/// What Prometheus itself says of each target.
const OF_PROMETHEUS: &str = "up{job=\"creditrail\",instance=\"x\"} 1\n";

/// An endpoint where nobody listens.
const ENDPOINT: &str = "[[endpoint]]\nname = \"crm\"\nurl = \"http://127.0.0.1:9/\"\n\
    allow_loopback = true\nsecrets = [{ id = \"one\", value = \"a secret of some length\" }]\n";

fn deploy(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(deploy(file)).unwrap_or_else(|error| panic!("deploy/{file}: {error}"))
}

/// Every expression, of the dashboard first.
fn asked() -> Vec<Asked> {
    let dashboard: Value = serde_json::from_str(&read("grafana/creditrail.json")).expect("JSON");
    let mut asked = panels(&dashboard);
    assert!(asked.len() > 20, "the panels are found: {}", asked.len());
    asked.extend(variables(&dashboard));
    let alerts = alerts(&read("prometheus/alerts.yml"));
    assert!(alerts.len() > 8, "the alerts are found: {}", alerts.len());
    asked.extend(alerts);
    asked
}

/// A service of three lenders that has taken in histories, with a forged call, a wrong address,
/// something that waits, and something that only a person can decide.
async fn played() -> Ledger {
    let sources = [
        Source::named("imprint"),
        Source::old_onboarding("nordiska"),
        Source::charge_after("loans"),
    ];
    let imprint = Ledger::of(Service::start_set(&sources, ENDPOINT), "imprint");
    let (nordiska, loans) = (imprint.beside("nordiska"), imprint.beside("loans"));
    for body in fixtures::PAGE.iter().chain(&fixtures::PAGE) {
        imprint.deliver(body).await;
    }
    for (_, body) in fixtures::ONBOARDING {
        nordiska.deliver(body).await;
    }
    for (_, body) in fixtures::CHARGE_AFTER {
        loans.deliver(fixtures::filled(body, &[])).await;
    }
    let tx = Tx::new("t1");
    imprint.receives(&[tx.approved(5000).at(T1), tx.captured(5000).at(T2)]).await;
    imprint.receives(&[tx.voided(5000).at(T3), Tx::new("t2").voided(100)]).await;
    let lender = Loan::new("a1").lender("L1");
    loans.receive(&lender.pending_consumer("card 4242424242424242 is needed")).await;
    imprint.call("{}", &[]).await.is(401);
    imprint.beside("nobody").call("{}", &[("Authorization", AUTHORIZATION)]).await.is(404);
    for ledger in [&imprint, &nordiska, &loans] {
        ledger.adds_up().await;
    }
    imprint
}

#[tokio::test]
async fn every_expression_asks_for_metrics_and_labels_that_the_service_has() {
    let service = played().await;
    let scrape = Scrape::of(&(service.ask("/metrics", &[]).await.text + OF_PROMETHEUS));
    let mut looked_at = BTreeSet::new();
    for Asked { place, expression, told } in asked() {
        let selectors = selectors(&expression);
        assert!(!selectors.is_empty(), "{place} asks for nothing: {expression}");
        let mut labels = BTreeSet::from(["job".to_owned(), "instance".to_owned()]);
        for selector in selectors {
            let series = scrape.named(&selector.name);
            assert!(!series.is_empty(), "{place}: there is no {} in {expression}", selector.name);
            let fits = series.iter().any(|series| selector.fits(series));
            assert!(fits, "{place}: no series of {} fits {:?}", selector.name, selector.matchers);
            labels.extend(series.iter().flat_map(|series| series.keys().cloned()));
            looked_at.insert(selector.name);
        }
        let groups = grouped_by(&expression);
        let missing: Vec<_> = groups.iter().filter(|label| !labels.contains(*label)).collect();
        assert!(missing.is_empty(), "{place}: there is no label {missing:?} in {expression}");
        // What is told of a result is what is left of its labels.
        let left = if groups.is_empty() { &labels } else { &groups };
        let missing: Vec<_> = told.iter().filter(|label| !left.contains(*label)).collect();
        assert!(missing.is_empty(), "{place}: the result of {expression} has no {missing:?}");
    }
    let scraped = scrape.names();
    for metric in METRICS {
        let labels: BTreeSet<&str> = metric.labels.iter().copied().collect();
        for series in scraped.iter().filter(|name| is_of(name, metric)) {
            for series in scrape.named(series) {
                let mut has: BTreeSet<&str> = series.keys().map(String::as_str).collect();
                has.remove("le");
                assert_eq!(has, labels, "the labels of {}", metric.name);
            }
        }
        let is_looked_at = looked_at.iter().any(|name| is_of(name, metric));
        assert!(is_looked_at, "nobody looks at {}", metric.name);
    }
}

/// Whether a series is one of the metric: a histogram has several.
fn is_of(series: &str, metric: &Metric) -> bool {
    let rest = series.strip_prefix(metric.name);
    rest.is_some_and(|rest| ["", "_bucket", "_sum", "_count"].contains(&rest))
}

#[test]
fn every_alert_is_explained() {
    let (page, rules) = (read("README.md"), read("prometheus/alerts.yml"));
    let explained = page.lines().filter_map(|line| line.strip_prefix("### "));
    let alerts = alerts(&rules);
    let named: Vec<&str> = alerts.iter().map(|alert| alert.place.as_str()).collect();
    assert_eq!(explained.collect::<Vec<_>>(), named);
}

#[test]
#[rustfmt::skip] // It is a table.
fn names_and_labels_are_found_however_they_are_written() {
    for (expression, names, groups) in [
        ("a",                                              "a",     ""),
        ("sum by (x, y) (rate(a{z=\"1\"}[5m]))",           "a",     "x y"),
        ("sum(a) by (x)",                                  "a",     "x"),
        ("1e3 * a_b{} / on (x) group_left b offset 1h",    "a_b b", "x"),
        ("(a > 20) unless (b <= 3 * c)",                   "a b c", ""),
        ("time() - max(a{x!~\"\\\"b{c\", y=\"2\"}) > 6 * 3600", "a", ""),
        ("histogram_quantile(0.99, a) or absent(b)",       "a b",   ""),
    ] {
        let found: Vec<String> = selectors(expression).into_iter().map(|one| one.name).collect();
        assert_eq!(found.join(" "), names, "{expression}");
        assert_eq!(grouped_by(expression).into_iter().collect::<Vec<_>>().join(" "), groups);
    }
}

#[test]
fn promtool_takes_the_scrape_and_the_alerts_and_each_alert_calls_when_it_should() {
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let Some(said) = promtool(&deploy("prometheus"), &arguments) else { return };
        assert!(said.contains("SUCCESS"), "{said}");
    }
    let tested = read("prometheus/alerts_test.yml");
    for Asked { place, .. } in alerts(&read("prometheus/alerts.yml")) {
        let calls = format!("alertname: {place}\n        exp_alerts:\n          - exp_labels");
        assert!(tested.contains(&calls), "no test has {place} call anybody");
    }
}

#[tokio::test]
async fn a_real_prometheus_scrapes_the_service_and_answers_every_expression() {
    let service = played().await;
    let address = service.service.base().replace("http://", "");
    let (config, rules) = (read("prometheus/prometheus.yml"), read("prometheus/alerts.yml"));
    let Some(prometheus) = Prometheus::start(&config, &rules, &address) else { return };
    for Asked { place, expression, .. } in asked() {
        // What a panel shows is there, and so is what an alert compares with its threshold.
        let is_alert = place.starts_with("Creditrail");
        let shown = if is_alert { selectors(&expression) } else { Vec::new() };
        let shown: Vec<String> = shown.iter().map(ToString::to_string).collect();
        let shown = if is_alert { shown } else { vec![expression.clone()] };
        for expression in shown {
            until(&format!("{place}: {expression} has a series"), async || {
                let answered = prometheus.query(&expression).await;
                Some(answered).filter(|series| !series.is_empty())
            })
            .await;
        }
        prometheus.query(&expression).await;
    }
    let health = until("every alert is evaluated", async || {
        let health = prometheus.alerts().await;
        health.iter().all(|(_, health)| health != "unknown").then_some(health)
    })
    .await;
    assert!(health.iter().all(|(_, health)| health == "ok"), "{health:#?}");
    assert_eq!(health.len(), alerts(&rules).len());
    let received = prometheus.query("sum(creditrail_deliveries_received_total)").await;
    let counted = prometheus.query("sum(creditrail_deliveries_total)").await;
    assert_eq!((received.len(), &received), (1, &counted));
}
