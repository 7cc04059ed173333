//! What was acknowledged is there, once, whatever happens to the process or its disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    Dice, Ledger, SECRET, Service, Source, T1, T2, T3, T4, T5, Tx, column, items, number,
    signature, text, unix_now,
};

const ROUNDS: usize = 10;
const SENDERS: usize = 8;
/// Each a transaction of [`STEPS`] steps.
const HISTORIES: usize = 5;
const STEPS: usize = 5;
const A_ROUND: usize = SENDERS * HISTORIES * STEPS;

/// What a sender still has to send, and the delivery ids that it was told, by event id.
#[derive(Default)]
struct Sender {
    bodies: Vec<(String, String)>,
    told: BTreeMap<String, String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_mid_load_loses_nothing_and_counts_nothing_twice() {
    let imprint = Ledger::fresh();
    let mut dice = Dice::seeded(9);
    let mut told = BTreeMap::new();
    for round in 0..ROUNDS {
        let kill_at = A_ROUND / 10 + dice.roll(A_ROUND * 8 / 10);
        let senders = (0..SENDERS).map(|nth| Sender::new(round, nth)).collect();

        let senders = send_all(&imprint, senders, Some(kill_at)).await;
        let left: usize = senders.iter().map(|sender| sender.bodies.len()).sum();
        assert!(left > 0, "round {round}: the kill came too late to matter");
        imprint.service.start_again();
        let senders = send_all(&imprint, senders, None).await;

        for sender in senders {
            assert!(sender.bodies.is_empty(), "round {round}: a call failed after the restart");
            told.extend(sender.told);
        }
        imprint.adds_up().await;
    }
    assert_eq!(told.len(), ROUNDS * A_ROUND);
    Kept::of(&imprint).await.is_exactly(&told);
    the_totals_add_up(&imprint).await;
}

/// Every sender at once, one call after the other, until it is done or a call fails. At so many
/// acknowledgements the service is killed.
async fn send_all(imprint: &Ledger, senders: Vec<Sender>, kill_at: Option<usize>) -> Vec<Sender> {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut at_work = JoinSet::new();
    for mut sender in senders {
        let (imprint, acknowledged) = (imprint.clone(), Arc::clone(&acknowledged));
        at_work.spawn(async move {
            while let Some((event_id, body)) = sender.bodies.last() {
                let Some(delivery_id) = attempt(&imprint, body).await else {
                    break;
                };
                sender.told.insert(event_id.clone(), delivery_id);
                sender.bodies.pop();
                if Some(acknowledged.fetch_add(1, Ordering::SeqCst) + 1) == kill_at {
                    imprint.service.kill();
                }
            }
            sender
        });
    }
    at_work.join_all().await
}

/// The delivery's id, if the call was acknowledged.
pub async fn attempt(imprint: &Ledger, body: &str) -> Option<String> {
    let url = format!("{}/webhooks/{}", imprint.service.base(), imprint.source);
    let signed = signature(SECRET, &unix_now().to_string(), body.as_bytes());
    let request = imprint.service.http.post(url).body(body.to_owned());
    let answer = request.header("X-IMPRINT-HMAC-SIGNATURE", signed).send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    let answer: Value = answer.json().await.ok()?;
    imprint.service.note_position(&imprint.source, answer["position"].as_i64());
    Some(text(&answer, "delivery_id").to_owned())
}

impl Sender {
    /// Histories of one customer per round, the last step first, since it is taken from the end.
    fn new(round: usize, nth: usize) -> Self {
        let mut bodies = Vec::new();
        for history in 0..HISTORIES {
            let id = format!("t-{round}-{nth}-{history}");
            bodies.extend(steps_of(&id, &format!("customer-{round}")).into_iter().rev());
        }
        Self { bodies, told: BTreeMap::new() }
    }
}

/// The steps of one transaction in the order of time: event ids and bodies.
pub fn steps_of(id: &str, customer: &str) -> [(String, String); STEPS] {
    let tx = Tx::new(id);
    let steps = [
        tx.approved(5000).at(T1),
        tx.updated(6000).at(T2),
        tx.captured(1000).at(T3),
        tx.captured(3000).at(T4),
        tx.refunded(500).at(T5),
    ];
    steps.map(|step| {
        let step = step.customer(customer);
        (text(&json!(step.data), "event_id").to_owned(), step.body())
    })
}

/// The deliveries that are kept.
pub struct Kept(Vec<Value>, Value);

impl Kept {
    pub async fn of(imprint: &Ledger) -> Self {
        let deliveries = imprint.list("/v1/deliveries", &[("limit", "100")]).await;
        Self(deliveries, imprint.counts().await)
    }

    pub fn deliveries(&self) -> usize {
        self.0.len()
    }

    /// How often one of them came again.
    pub fn repeats(&self) -> i64 {
        self.0.iter().map(|delivery| number(delivery, "repeats")).sum()
    }

    /// They are those that were acknowledged, by event id, each once.
    pub fn is_exactly(&self, told: &BTreeMap<String, String>) {
        let mut kept = column(&self.0, "delivery_id");
        kept.sort_unstable();
        let mut acknowledged: Vec<&str> = told.values().map(String::as_str).collect();
        acknowledged.sort_unstable();
        assert!(kept == acknowledged, "{} kept, {} acknowledged", kept.len(), acknowledged.len());
        let (distinct, counts) = (i64::try_from(told.len()).unwrap(), &self.1);
        assert_eq!(number(&counts["outcomes"], "applied"), distinct);
        assert_eq!(number(&counts["outcomes"], "duplicate"), self.repeats());
        assert_eq!(number(counts, "received"), distinct + self.repeats());
        assert_eq!(counts["balanced"], true);
    }
}

async fn the_totals_add_up(imprint: &Ledger) {
    for row in imprint.list("/v1/transactions", &[("limit", "100")]).await {
        let fields = ["authorized", "captured", "refunded", "hold"];
        assert_eq!(fields.map(|field| number(&row, field)), [6000, 4000, 500, 2000], "{row:#}");
    }
    let histories = i64::try_from(SENDERS * HISTORIES).unwrap();
    for round in 0..ROUNDS {
        let customer = imprint.customer(&format!("customer-{round}")).await;
        let balance = &items(&customer, "balances")[0];
        let figures =
            ["pending", "confirmed", "refunded", "net"].map(|field| number(balance, field));
        assert_eq!(figures, [2000, 4000, 500, 3500].map(|each| each * histories));
    }
}

#[tokio::test]
async fn a_full_disk_is_answered_503_and_loses_nothing_that_was_acknowledged() {
    // 8 MiB for each file, and 40 bodies of 600 kB.
    let sources = [Source::named("imprint")];
    let imprint = Ledger::of(Service::start_on_a_small_disk(&sources, 16_384), "imprint");
    let mut dice = Dice::seeded(5);
    let mut told = Vec::new();
    let mut refused = None;
    for nth in 0..40 {
        let id = format!("t{nth}");
        let noise: String =
            (0..600_000).map(|_| dice.pick(&['0', '1', '2', '3', '4', '5', '6', '7'])).collect();
        let body = Tx::new(&id).approved(1000).with("noise", json!(noise)).body();
        let answer = imprint.post(&body).await;
        if answer.status == 503 {
            assert!(answer.retry_after.is_some(), "it is told when to come again");
            refused = Some(body);
            break;
        }
        told.push(answer.is(200)["delivery_id"].clone());
    }
    let refused = refused.expect("the disk gets full");
    assert!(!told.is_empty());

    imprint.service.kill();
    imprint.service.start_again();
    let deliveries = imprint.list("/v1/deliveries", &[("limit", "100")]).await;
    assert_eq!(deliveries.len(), told.len());
    assert!(deliveries.iter().all(|delivery| told.contains(&delivery["delivery_id"])));
    assert_eq!(imprint.deliver(&refused).await["outcome"], "applied");
    imprint.is_sound().await;
}

#[tokio::test]
async fn sigterm_ends_the_service_in_peace() {
    let imprint = Ledger::fresh();
    imprint.receive(&Tx::new("t1").approved(5000)).await;
    assert!(imprint.service.stop().success(), "{}", imprint.service.log());
    imprint.service.start_again();
    assert_eq!(imprint.receive(&Tx::new("t1").approved(5000)).await, "duplicate");
    imprint.is_sound().await;
}
