//! What is asked for: every read of `/v1`, every page.

use std::collections::BTreeMap;

use creditrail::{app::lists::List, app::things::Thing};
use serde_json::json;

use crate::{
    client::Connection,
    stock::{IMPRINT, LOANS, ONBOARDING, Of, Stock, id, spread},
};

/// How many different things are asked for in a row.
const SAMPLES: u64 = 50;

/// One row of the table: paths that are asked for in turn.
pub struct Asked {
    pub what: String,
    pub paths: Vec<String>,
    /// In milliseconds, at the 99th percentile.
    pub limit: u64,
}

impl Asked {
    fn new(what: impl Into<String>, paths: impl IntoIterator<Item = String>) -> Self {
        let what = what.into();
        let limit = if what.contains("search") { 100 } else { 50 };
        Self { what, paths: paths.into_iter().collect(), limit }
    }
}

/// What of the stock only the database can tell.
pub struct Found {
    /// Imprint's newest position.
    head: i64,
    /// Of lists the ids of their things: source and id, by the name of the list.
    ids: BTreeMap<&'static str, Vec<(String, String)>>,
}

impl Found {
    pub async fn of(connection: &mut Connection) -> Self {
        let status = connection.json("/v1/sources/imprint").await;
        let mut ids = BTreeMap::new();
        for (list, field) in [
            ("applications", "application_id"),
            ("exceptions", "id"),
            ("deliveries", "delivery_id"),
        ] {
            let mut found = Vec::new();
            for source in [IMPRINT, LOANS] {
                let listed = connection.json(&format!("/v1/{list}?source={source}&limit=50")).await;
                found.extend(listed["items"].as_array().into_iter().flatten().map(|item| {
                    (source.to_owned(), item[field].as_str().unwrap_or_default().to_owned())
                }));
            }
            ids.insert(list, found);
        }
        Self { head: status["position"].as_i64().expect("a position"), ids }
    }

    fn paths(&self, list: &str, path: impl Fn(&str, &str) -> String) -> Vec<String> {
        let ids = self.ids.get(list).into_iter().flatten();
        ids.map(|(source, id)| path(source, id)).collect()
    }

    /// A position in the newer half of the log.
    fn position(&self, number: u64) -> i64 {
        let half = u64::try_from(self.head / 2).unwrap_or(1).max(1);
        self.head - i64::try_from(spread(number) % half).unwrap_or(0)
    }
}

/// All of it.
pub fn all(stock: &Stock, found: &Found) -> Vec<Asked> {
    let mut all = fixed();
    for (list, name) in List::ALL {
        all.extend(listed(stock, found, (list, name)));
    }
    all.extend(things(stock, found));
    all.extend(searches(stock, found));
    for (what, path) in
        [("exceptions", "/exceptions/{id}"), ("deliveries", "/deliveries/{source}/{id}")]
    {
        let one = |source: &str, id: &str| match what {
            "exceptions" => format!("/exceptions/{id}"),
            _ => format!("/deliveries/{source}/{id}"),
        };
        all.push(Asked::new(
            format!("/v1{path}"),
            found.paths(what, |s, i| format!("/v1{}", one(s, i))),
        ));
        all.push(Asked::new(path, found.paths(what, one)));
    }
    for limit in [100, 1000] {
        let paths = (0..SAMPLES).map(|number| {
            let after = found.position(number);
            format!("/v1/events?source={IMPRINT}&after={after}&limit={limit}")
        });
        all.push(Asked::new(format!("/v1/events, {limit} of them"), paths));
    }
    all
}

fn fixed() -> Vec<Asked> {
    let of_source = |path: &'static str| {
        let sources = [IMPRINT, ONBOARDING, LOANS];
        Asked::new(path, sources.map(|source| path.replace("{source}", source)))
    };
    let days = "from=2026-06-01&to=2026-10-31";
    let mut all: Vec<_> = [
        "/",
        "/sources",
        "/statistics",
        "/help",
        "/v1/sources",
        "/v1/statistics",
        "/metrics",
        "/readyz",
        "/healthz",
    ]
    .map(|path| Asked::new(path, [path.to_owned()]))
    .into();
    all.push(Asked::new("/statistics, 150 days", [format!("/statistics?{days}")]));
    all.push(Asked::new("/v1/statistics, 150 days", [format!("/v1/statistics?{days}")]));
    all.extend(
        [
            "/sources/{source}",
            "/v1/sources/{source}",
            "/rejected-calls?source={source}",
            "/v1/rejected-calls?source={source}",
            "/redrive?source={source}",
            "/verify?source={source}",
        ]
        .map(of_source),
    );
    all
}

/// Lists: in each order, with no filter, with each and with each two, from the beginning and from far
/// behind it.
fn listed(stock: &Stock, found: &Found, (list, name): (List, &str)) -> Vec<Asked> {
    let mut rows = BTreeMap::<String, Vec<String>>::new();
    let mut add = |what: String, query: String| {
        rows.entry(what).or_default().push(query);
    };
    let filters = list.filters();
    for (order, _) in list.orders() {
        add("whole".to_owned(), format!("order={order}"));
        add("whole, 200 of them".to_owned(), format!("order={order}&limit=200"));
        for number in 0..5 {
            let place = if *order == "stake" { 100 } else { found.position(number) };
            let place = if list == List::Deliveries { place * 9 / 10 } else { place };
            let cursor = hex::encode(json!([IMPRINT, place, "0"]).to_string());
            add("far behind".to_owned(), format!("order={order}&cursor={cursor}"));
            if filters.contains(&"status") {
                for status in list.values("status").unwrap_or_default() {
                    let query = format!("order={order}&cursor={cursor}&status={status}");
                    add("far behind, by status".to_owned(), query);
                }
            }
        }
        for (place, filter) in filters.iter().enumerate() {
            for value in values(stock, list, filter) {
                let one = format!("order={order}&{filter}={value}");
                add(format!("by {filter}"), one.clone());
                for other in &filters[place + 1..] {
                    for second in values(stock, list, other) {
                        add("by two".to_owned(), format!("{one}&{other}={second}"));
                    }
                }
            }
        }
    }
    let row = |(what, queries): (String, Vec<String>)| {
        ["/v1", ""].map(|root| {
            let path = |query: &String| format!("{root}/{name}?{query}");
            Asked::new(format!("{root}/{name}, {what}"), queries.iter().map(path))
        })
    };
    rows.into_iter().flat_map(row).collect()
}

/// Values of a filter: all that there can be, or a few that are there and one that is not.
fn values(stock: &Stock, list: List, filter: &str) -> Vec<String> {
    if let Some(values) = list.values(filter) {
        return values.into_iter().map(str::to_owned).collect();
    }
    let customer = |number: u64| spread(number) % stock.customers();
    let few = |of: Of| [0, 1, 2].map(|number| id(of, customer(number))).into();
    let mut values: Vec<String> = match filter {
        "customer_id" => few(Of::Customer),
        "payment_method_id" => [0, 1, 2].map(|number| id(Of::Card, 2 * customer(number))).into(),
        "partner_customer_id" => {
            [0, 1, 2].map(|number| format!("USER_{}", customer(number))).into()
        }
        "application_id" => [0, 1, 2].map(|number| id(Of::Loan, number)).into(),
        "currency" => vec!["USD".to_owned(), "CAD".to_owned()],
        "code" => ["void_after_full_capture", "over_capture", "late_presentment", "malformed"]
            .map(str::to_owned)
            .into(),
        _ => vec!["ada".to_owned()],
    };
    if filter == "customer_id" {
        // The one with the most transactions.
        values.push(id(Of::Customer, 0));
    }
    values.push("nothing-such".to_owned());
    values
}

/// The documents of things: now, then, their moments, what changed.
fn things(stock: &Stock, found: &Found) -> Vec<Asked> {
    let mut rows = Vec::new();
    let sampled = |path: &dyn Fn(u64) -> (&'static str, String)| -> Vec<(String, String)> {
        (0..SAMPLES).map(|number| path(spread(number))).map(|(s, id)| (s.to_owned(), id)).collect()
    };
    let elsewhere = stock.elsewhere();
    let customers = stock.customers();
    for thing in Thing::ALL {
        let things: Vec<_> = match thing {
            Thing::Transaction => {
                sampled(&|n| (IMPRINT, id(Of::Transaction, n % stock.transactions)))
            }
            Thing::PaymentMethod => sampled(&|n| (IMPRINT, id(Of::Card, 2 * (n % customers)))),
            Thing::Application => {
                let known = found.ids.get("applications").cloned().unwrap_or_default();
                let boarding = sampled(&|n| (ONBOARDING, id(Of::Onboarding, n % elsewhere)));
                known.into_iter().chain(boarding).collect()
            }
            Thing::Charge => sampled(&|n| (LOANS, id(Of::Charge, (n % elsewhere) | 1))),
            Thing::Customer => sampled(&|n| (IMPRINT, id(Of::Customer, 1 + n % (customers - 1)))),
        };
        rows.extend(of_thing(thing.name(), &things, found));
    }
    let most = [(IMPRINT.to_owned(), id(Of::Customer, 0))];
    let of_most = of_thing("customers", &most, found).into_iter();
    rows.extend(of_most.map(|asked| Asked { what: asked.what + ", of 5,000", ..asked }));
    rows
}

fn of_thing(name: &str, things: &[(String, String)], found: &Found) -> Vec<Asked> {
    let asked = |what: &str, root: &str, end: &str| {
        let path = |(number, (source, id)): (u64, &(String, String))| {
            let (at, later) = (found.position(number), found.position(number + 1));
            let (from, to) = (at.min(later), at.max(later));
            let end = end.replace("{at}", &at.to_string());
            let end = end.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
            format!("{root}/{name}/{source}/{id}{end}")
        };
        Asked::new(format!("{root}/{name}/…{what}"), (0..).zip(things).map(path))
    };
    let mut rows = vec![
        asked("", "/v1", ""),
        asked(", as of a position", "/v1", "?as_of={at}"),
        asked(", as of a time", "/v1", "?as_of=2099-01-01T00:00:00Z"),
        asked("/moments", "/v1", "/moments"),
        asked("/changes", "/v1", "/changes?from={from}&to={to}"),
        asked("", "", ""),
        asked(", as of a position", "", "?as_of={at}"),
    ];
    if name == "customers" {
        rows.push(asked("/timeline", "/v1", "/timeline"));
        let place = json!([IMPRINT, 1_785_000_000_000_000_i64, "0"]).to_string();
        let end = format!("/timeline?limit=200&cursor={}", hex::encode(place));
        rows.push(asked("/timeline, a later page", "/v1", &end));
    }
    rows
}

fn searches(stock: &Stock, found: &Found) -> Vec<Asked> {
    let mut sought: Vec<String> = Vec::new();
    for number in (0..SAMPLES).map(spread) {
        sought.push(id(Of::Transaction, number % stock.transactions));
        sought.push(id(Of::Customer, number % stock.customers()));
        sought.push(id(Of::Card, 2 * (number % stock.customers())));
        sought.push(format!("USER_{}", number % stock.customers()));
        sought.push(format!("order-{}", number % stock.elsewhere()));
        sought.push(format!("{:06}", number % 1_000_000));
    }
    sought.push(id(Of::Customer, 0));
    sought.push("nothing-such".to_owned());
    let deliveries = found.ids.get("deliveries").into_iter().flatten();
    sought.extend(deliveries.map(|(_, id)| id.clone()));
    let path =
        |root: &str| sought.iter().map(|id| format!("{root}/search?q={id}")).collect::<Vec<_>>();
    vec![Asked::new("/v1/search", path("/v1")), Asked::new("/search", path(""))]
}
