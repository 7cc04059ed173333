//! given(what the lender said), and what came of it, whatever the order in which it was said.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::dice::Dice;
use super::ledger::{Ledger, settled};
use super::webhooks::{Told, Webhook};
use super::{instant, items, number, sorted, text};

/// No transaction of a test has a card that was announced, and the steps of card onboarding are
/// older than the window: so each of them has the one flag or the other.
const EVERYWHERE: [&str; 2] = ["unknown_payment_method", "outside_window"];

/// What came of the history of one transaction or card.
pub struct History {
    pub view: Value,
    pub exceptions: Vec<Value>,
}

/// Plays the steps, which are written in the order of their times, on two ledgers: on one as they
/// stand, on the other backwards and each twice. Both have to end the same.
pub async fn given<const N: usize>(steps: [Webhook; N]) -> History {
    let ledgers = Ledger::several::<2>();
    play(&ledgers, &steps).await
}

/// As [`given`], on ledgers that may know other things already.
pub async fn play<W: Told + Clone>(ledgers: &[Ledger; 2], steps: &[W]) -> History {
    let [forwards, backwards] = ledgers;
    forwards.receives(steps).await;
    let mut turned = steps.to_vec();
    turned.reverse();
    backwards.receives(&turned).await;
    assert!(
        backwards.receives(steps).await.iter().all(|told| told == "duplicate"),
        "a second time is a duplicate"
    );

    let (history, mirrored) =
        (History::of(forwards, &steps[0]).await, History::of(backwards, &steps[0]).await);
    let equal = history.settled() == mirrored.settled();
    assert!(
        equal,
        "the order of arrival changed the outcome:\nin order {:#}\nbackwards {:#}",
        history.settled(),
        mirrored.settled()
    );
    history
}

/// Each ledger receives the steps in an order of its own, some of them again. All have to end the
/// same.
pub async fn converge<W: Told + Clone>(
    ledgers: &[Ledger; 3],
    dice: &mut Dice,
    steps: &[W],
) -> History {
    let mut ends = Vec::new();
    for ledger in ledgers {
        let mut order = dice.shuffled(steps);
        order.push(dice.pick(steps));
        ledger.receives(&order).await;
        let arrivals: Vec<String> = order.iter().map(shown).collect();
        ends.push((History::of(ledger, &steps[0]).await, arrivals));
    }
    let (first, arrivals) = &ends[0];
    for (other, other_arrivals) in &ends[1..] {
        assert_eq!(
            first.settled(),
            other.settled(),
            "\none order:\n{}\nthe other:\n{}",
            arrivals.join("\n"),
            other_arrivals.join("\n")
        );
    }
    ends.remove(0).0
}

fn shown(webhook: &impl Told) -> String {
    format!("{} {}", webhook.signed_at().unwrap_or_default(), webhook.body())
}

impl History {
    /// As it stands for what this webhook is about.
    pub async fn of(ledger: &Ledger, webhook: &impl Told) -> Self {
        let (list, id) = webhook.about();
        let view = ledger.view(&format!("/v1/{list}/{}/{id}", ledger.source)).await;
        let mut exceptions = ledger.exceptions(&[]).await;
        exceptions.retain(|exception| exception["subject"]["id"] == id);
        Self { view, exceptions }
    }

    /// What may not depend on the order of arrival.
    pub fn settled(&self) -> Value {
        let open = self.exceptions.iter().filter(|one| one["status"] == "open");
        let mut open: Vec<Value> = open.map(settled).collect();
        open.sort_by_key(Value::to_string);
        json!({"view": settled(&self.view), "open_exceptions": open})
    }

    /// The status, and authorized, captured, refunded, hold.
    #[track_caller]
    pub fn shows(self, status: &str, totals: [i64; 4]) -> Self {
        let view = &self.view;
        let fields = ["authorized", "captured", "refunded", "hold"];
        let shown = fields.map(|field| view[field].as_i64().expect("minor units"));
        assert_eq!((text(view, "status"), shown), (status, totals), "{view:#}");
        self
    }

    /// Status and substate of a card.
    #[track_caller]
    pub fn stands(self, status: &str, substate: Option<&str>) -> Self {
        let view = &self.view;
        assert_eq!(text(view, "status"), status, "{view:#}");
        assert_eq!(view["substate"].as_str(), substate, "{view:#}");
        self
    }

    #[track_caller]
    pub fn is(self, field: &str, value: &str) -> Self {
        assert_eq!(self.view[field], value, "{:#}", self.view);
        self
    }

    /// The outcome of each step in the order of time, and the reason of a refusal: `refused
    /// second_approval`. A refusal has to be on the list of exceptions.
    #[track_caller]
    pub fn judged<const N: usize>(self, outcomes: [&str; N]) -> Self {
        let judged: Vec<String> = self.steps().into_iter().map(judgement).collect();
        assert_eq!(judged, outcomes, "{:#}", self.view);
        let mut told: Vec<String> = judged
            .iter()
            .filter_map(|outcome| outcome.strip_prefix("refused "))
            .map(str::to_owned)
            .collect();
        told.sort();
        assert_eq!(self.open("refused", "code"), told, "{:#?}", self.exceptions);
        self
    }

    /// The flags that hold now, on the whole and on its steps: each of them has to be on the list of
    /// exceptions.
    #[track_caller]
    pub fn flagged<const N: usize>(self, expected: [&str; N]) -> Self {
        let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
        let mut flags: BTreeSet<String> = sorted(&self.view["flags"]).into_iter().collect();
        flags.extend(self.steps().into_iter().flat_map(|step| sorted(&step["flags"])));
        flags.retain(|flag| !EVERYWHERE.contains(&flag.as_str()));
        assert_eq!(flags, expected, "{:#}", self.view);

        let mut listed: BTreeSet<String> = self.open("flagged", "codes").into_iter().collect();
        listed.retain(|flag| !EVERYWHERE.contains(&flag.as_str()));
        assert_eq!(listed, expected, "{:#?}", self.exceptions);
        self
    }

    /// The newest step, judged, with its flags: `applied! over_capture`.
    pub fn newest(&self) -> String {
        let step = *self.steps().last().expect("a step");
        let mut flags = sorted(&step["flags"]);
        flags.retain(|flag| !EVERYWHERE.contains(&flag.as_str()));
        if flags.is_empty() {
            judgement(step)
        } else {
            format!("{}! {}", judgement(step), flags.join(" "))
        }
    }

    /// As [`Self::newest`], against a cell of a table. `~` at its end leaves open what the
    /// specification does not say: further flags, or the code of a refusal.
    #[track_caller]
    pub fn newest_is(&self, cell: &str, what: &str) {
        let newest = self.newest();
        let Some(least) = cell.strip_suffix(" ~") else {
            return assert_eq!(newest, cell, "{what}: {:#}", self.view);
        };
        let words: Vec<&str> = newest.split([' ', '!']).collect();
        let named = least.split([' ', '!']).all(|word| words.contains(&word));
        assert!(named, "{what}: {newest} instead of {cell}: {:#}", self.view);
    }

    /// Amounts of the view, field by field.
    #[track_caller]
    pub fn counts<const N: usize>(self, figures: [(&str, i64); N]) -> Self {
        let view = &self.view;
        let shown = figures.map(|(field, _)| (field, number(view, field)));
        assert_eq!(shown, figures, "{view:#}");
        self
    }

    /// In the order of time.
    pub fn steps(&self) -> Vec<&Value> {
        let mut steps: Vec<&Value> = items(&self.view, "steps").iter().collect();
        steps.sort_by_key(|step| instant(text(step, "occurred_at")));
        steps
    }

    /// What the open exceptions of a kind say, in alphabetical order.
    fn open(&self, kind: &str, field: &str) -> Vec<String> {
        let of_kind =
            self.exceptions.iter().filter(|one| one["status"] == "open" && one["kind"] == kind);
        let mut said: Vec<String> = of_kind
            .flat_map(|one| match &one[field] {
                Value::String(code) => vec![code.clone()],
                list => sorted(list),
            })
            .collect();
        said.sort();
        said
    }
}

fn judgement(step: &Value) -> String {
    match step["reason"].as_str() {
        Some(reason) => format!("{} {reason}", text(step, "outcome")),
        None => text(step, "outcome").to_owned(),
    }
}
