//! Whether what the partner knows is what was sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use creditrail_domain::{Currency, StepId};
use http::{Request, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

use super::journal::{Attempt, Record, Way};
use crate::{
    cli::{CliError, client::Client},
    simulation::expected::{Known, Reader, ThingId, Understood},
    sources::Kind,
};

/// How often it is asked whether the read models have caught up, and how long apart.
const ASKED: u32 = 150;
const APART: Duration = Duration::from_millis(200);
/// Deliveries older than the run by this much are not its own, whatever the clocks say.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// Something that is not known as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// What it is about: `transaction sim-1-4`.
    pub(super) about: String,
    /// What of it.
    pub(super) what: String,
    /// As it follows from what was sent.
    pub(super) sent: Value,
    /// As the partner knows it.
    pub(super) known: Value,
}

/// The read interface of a partner.
pub(super) struct Partner {
    client: Client,
    base: reqwest::Url,
    token: Option<SecretString>,
}

/// A delivery as the partner lists it.
struct Listed {
    outcome: String,
    repeats: u64,
    subject: String,
    times: usize,
}

/// What was sent of one delivery, however often.
struct Told<'a> {
    keys: Vec<&'a str>,
    understood: Understood,
    acknowledged: usize,
    authentic: usize,
    /// The ids that it was acknowledged under.
    answered: BTreeSet<&'a str>,
}

impl Partner {
    pub(super) const fn new(
        client: Client,
        base: reqwest::Url,
        token: Option<SecretString>,
    ) -> Self {
        Self { client, base, token }
    }

    /// All that is not known as it was sent.
    pub(super) async fn compare(
        &self,
        record: &Record,
        kind: Kind,
    ) -> Result<Vec<Difference>, CliError> {
        let source = &record.run.source;
        let currency = Currency::from_code(&record.run.currency);
        let reader = currency.and_then(|currency| Reader::new(source, kind, currency));
        let reader =
            reader.ok_or_else(|| CliError::Simulation("nothing can be read".to_owned()))?;
        let mut found = Vec::new();
        self.wait(source, &mut found).await?;
        let listed = self.listed(record).await?;
        let told = told(record, &reader);
        let taken: Vec<Understood> = told
            .iter()
            .filter(|(id, told)| told.acknowledged > 0 || listed.contains_key(id))
            .map(|(_, told)| told.understood.clone())
            .collect();
        // What waits in vain may have been judged again by now, or not yet.
        let known = [None, Some(Timestamp::now())].map(|now| Known::of(&taken, now));
        deliveries(&told, &listed, &known, &mut found);
        for (thing, expected) in &known[0].things {
            let differs = self.thing((source, thing), expected, &known[0]).await?;
            let later = match known[1].things.get(thing) {
                Some(later) if !differs.is_empty() => {
                    self.thing((source, thing), later, &known[1]).await?
                }
                _ => Vec::new(),
            };
            let is_settled = known[1] != known[0] && later.is_empty();
            if !is_settled {
                found.extend(differs);
            }
        }
        Ok(found)
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Option<Value>, CliError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::get(url.as_str());
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {}", token.expose_secret());
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let answered = self.client.call(request, Bytes::new()).await;
        let answered = answered.map_err(|error| {
            CliError::Simulation(format!("--read: {}", crate::failure::chain(&error)))
        })?;
        match answered.status {
            404 => Ok(None),
            200 => {
                let read = serde_json::from_slice(&answered.body);
                let told =
                    |_| CliError::Simulation("--read: what is answered is no JSON".to_owned());
                read.map(Some).map_err(told)
            }
            status => Err(CliError::Simulation(format!(
                "--read: /v1/{} was answered {status}",
                path.join("/")
            ))),
        }
    }

    /// Waits for the read models; then the audit equation has to hold.
    async fn wait(&self, source: &str, found: &mut Vec<Difference>) -> Result<(), CliError> {
        for _ in 0..ASKED {
            let status = self.get(&["sources", source], &[]).await?.ok_or_else(|| {
                CliError::Simulation(format!("--read: there is no source `{source}`"))
            })?;
            if status["read_models"]["behind"] != 0 {
                tokio::time::sleep(APART).await;
                continue;
            }
            let outcomes = status["outcomes"].as_object().into_iter().flatten();
            let sum: i64 = outcomes.filter_map(|(_, count)| count.as_i64()).sum();
            if status["balanced"] != true || status["received"] != sum {
                found.push(Difference {
                    about: format!("source {source}"),
                    what: "audit equation".to_owned(),
                    sent: json!({ "received": status["received"] }),
                    known: status["outcomes"].clone(),
                });
            }
            return Ok(());
        }
        Err(CliError::Simulation("the read models do not catch up".to_owned()))
    }

    /// The deliveries that the partner has since the run began.
    async fn listed(&self, record: &Record) -> Result<BTreeMap<StepId, Listed>, CliError> {
        let oldest = record.run.started_at - SKEW;
        let mut listed = BTreeMap::<StepId, Listed>::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("source", record.run.source.as_str()), ("limit", "100")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = self.get(&["deliveries"], &query).await?.unwrap_or_default();
            let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            for item in items {
                let Ok(id) = serde_json::from_value::<StepId>(item["delivery_id"].clone()) else {
                    continue;
                };
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let times = listed.get(&id).map_or(0, |listed| listed.times);
                listed.insert(
                    id,
                    Listed {
                        outcome: text(&item["outcome"]),
                        repeats: item["repeats"].as_u64().unwrap_or(0),
                        subject: text(&item["subject"]["id"]),
                        times: times + 1,
                    },
                );
            }
            let received = items.last().and_then(|item| item["received_at"].as_str());
            let is_older = received.and_then(|at| at.parse::<Timestamp>().ok()) < Some(oldest);
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() || is_older {
                return Ok(listed);
            }
        }
    }

    /// The view of a thing, field by field, and what became of its steps.
    async fn thing(
        &self,
        (source, thing): (&str, &ThingId),
        expected: &Value,
        known: &Known,
    ) -> Result<Vec<Difference>, CliError> {
        let (list, id) = thing;
        let about = format!("{list} {id}");
        let difference = |what: &str, sent: &Value, known: &Value| Difference {
            about: about.clone(),
            what: what.to_owned(),
            sent: sent.clone(),
            known: known.clone(),
        };
        let Some(view) = self.get(&[list, source, id], &[]).await? else {
            return Ok(vec![difference("view", expected, &Value::Null)]);
        };
        let mut found = Vec::new();
        for (field, sent) in expected.as_object().into_iter().flatten() {
            if !says(&view[field], sent) {
                found.push(difference(field, sent, &view[field]));
            }
        }
        let shown = view["steps"].as_array().into_iter().flatten();
        let shown: BTreeMap<String, &Value> = shown
            .filter(|step| step["actor"] == "provider")
            .map(|step| (step["id"].as_str().unwrap_or_default().to_owned(), &step["outcome"]))
            .collect();
        let steps = known.steps.get(thing);
        let steps: BTreeMap<String, Value> = steps
            .into_iter()
            .flatten()
            .map(|id| (id.to_string(), json!(known.outcomes.get(id))))
            .collect();
        for id in shown.keys().chain(steps.keys()).collect::<BTreeSet<_>>() {
            let (sent, known) = (steps.get(id), shown.get(id).copied());
            if sent != known {
                let or_none = |value: Option<&Value>| value.cloned().unwrap_or_default();
                found.push(difference(&format!("step {id}"), &or_none(sent), &or_none(known)));
            }
        }
        Ok(found)
    }
}

/// Whether a view says at least this.
fn says(known: &Value, sent: &Value) -> bool {
    match (known, sent) {
        (Value::Object(known), Value::Object(sent)) => {
            let field = |name: &str| known.get(name).unwrap_or(&Value::Null);
            sent.iter().all(|(name, value)| says(field(name), value))
        }
        (Value::Array(known), Value::Array(sent)) => {
            known.len() == sent.len()
                && known.iter().zip(sent).all(|(known, sent)| says(known, sent))
        }
        _ => known == sent,
    }
}

/// What was sent, by the id that it has with the partner.
fn told<'a>(record: &'a Record, reader: &Reader) -> BTreeMap<StepId, Told<'a>> {
    let mut attempts = BTreeMap::<&str, Vec<&Attempt>>::new();
    for attempt in record.attempts.iter().filter(|attempt| attempt.way != Way::Forged) {
        attempts.entry(&attempt.key).or_default().push(attempt);
    }
    let mut all = BTreeMap::new();
    for sent in &record.sent {
        let made = attempts.remove(sent.key.as_str()).unwrap_or_default();
        let first = made.first().map_or(sent.signed_at, |attempt| attempt.at);
        let understood = reader.read(&sent.body, first, Some(sent.signed_at));
        let told = all.entry(understood.id).or_insert_with(|| Told {
            keys: Vec::new(),
            understood,
            acknowledged: 0,
            authentic: 0,
            answered: BTreeSet::new(),
        });
        told.keys.push(&sent.key);
        // Without a note of the first call it may have been made, and the note lost.
        told.authentic += made.len().max(1);
        told.acknowledged += made.iter().filter(|attempt| attempt.is_acknowledged()).count();
        let acknowledged = made.iter().filter(|attempt| attempt.is_acknowledged());
        told.answered.extend(acknowledged.filter_map(|attempt| attempt.delivery_id.as_deref()));
    }
    all
}

/// Each acknowledged delivery is there exactly once, each other at most once, nothing else is,
/// and what became of each is what follows from all of them.
fn deliveries(
    told: &BTreeMap<StepId, Told<'_>>,
    listed: &BTreeMap<StepId, Listed>,
    known: &[Known; 2],
    found: &mut Vec<Difference>,
) {
    for (id, told) in told {
        let difference = |what: &str, sent: Value, known: Value| Difference {
            about: format!("delivery {} ({id})", told.keys.join(", ")),
            what: what.to_owned(),
            sent,
            known,
        };
        if told.answered.iter().any(|answered| **answered != id.to_string()) {
            found.push(difference("delivery_id", json!(id), json!(told.answered)));
        }
        let Some(listed) = listed.get(id) else {
            if told.acknowledged > 0 {
                found.push(difference("times", json!(1), json!(0)));
            }
            continue;
        };
        if listed.times != 1 {
            found.push(difference("times", json!(1), json!(listed.times)));
        }
        let received = usize::try_from(listed.repeats).unwrap_or(usize::MAX).saturating_add(1);
        if !(told.acknowledged..=told.authentic).contains(&received) {
            let sent = json!({ "acknowledged": told.acknowledged, "sent": told.authentic });
            found.push(difference("received", sent, json!(received)));
        }
        let expected = known.each_ref().map(|known| known.outcomes.get(id).copied());
        if !expected.contains(&Some(listed.outcome.as_str())) {
            found.push(difference("outcome", json!(expected[0]), json!(listed.outcome)));
        }
    }
    let strange = listed.iter().filter(|(id, _)| !told.contains_key(id));
    for (id, listed) in strange.filter(|(_, listed)| known[0].subjects.contains(&listed.subject)) {
        found.push(Difference {
            about: format!("delivery {id}"),
            what: format!("about {}", listed.subject),
            sent: Value::Null,
            known: json!(listed.outcome),
        });
    }
}

/// A call with a wrong signature is never acknowledged.
pub(super) fn forged(record: &Record) -> Vec<Difference> {
    let mut found = Vec::new();
    let forged = record.attempts.iter().filter(|attempt| attempt.way == Way::Forged);
    for Attempt { key, status, .. } in forged {
        if status.is_some_and(|status| (200..300).contains(&status)) {
            found.push(Difference {
                about: format!("delivery {key}"),
                what: "answer to a wrong signature".to_owned(),
                sent: json!(401),
                known: json!(status),
            });
        }
    }
    found
}
