//! A card transaction: authorization, captures and refunds as one lender reports them.
//!
//! Reading order: [`fact`] (what is reported), [`lifecycle`] (the table), then the rules here.
//! Totals are sums over the steps that count, never a status that is overwritten. Captures and
//! refunds stand on the customer's statement, so they are never parked and never refused for
//! their order or amount; flags say what is odd about them.

pub mod fact;
pub mod lifecycle;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

pub use fact::{Merchant, Report, TransactionFact};
pub use lifecycle::{Kind, Status};

use crate::{
    Currency, Flag, Money, Place, Policies, Reaction, Refusal,
    journal::{Journal, Lifecycle},
    judge::{Item, park_or_adopt, refuse, until},
    machine::{Edge, Machine, Row},
    step::{Outcome, StepId, Verdict},
};

/// The aggregate.
pub type Transaction = Journal<TransactionLifecycle>;

/// The rules of a transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransactionLifecycle;

/// What the steps of a transaction amount to.
#[derive(Clone, Debug, Default)]
pub struct State {
    identity: Option<Identity>,
    /// Whether an approval is known, even one that is dated later than what is judged.
    is_approved: bool,
    approved: Option<i64>,
    authorized: Option<i64>,
    approved_at: Option<Timestamp>,
    approval: Option<StepId>,
    voided_at: Option<Timestamp>,
    captured_after_void: bool,
    captured: i64,
    refunded: i64,
    merchant: Option<Merchant>,
}

/// What must not differ between the steps of one transaction: taken from the first step, in time,
/// that can stand on its own.
#[derive(Clone, Debug)]
struct Identity {
    currency: Currency,
    customer_id: String,
    payment_method_id: String,
}

impl State {
    /// The status, derived from the totals.
    pub fn status(&self) -> Status {
        let Some(authorized) = self.authorized else {
            return match (self.captured > 0, self.refunded > 0) {
                (true, _) => Status::ForceCaptured,
                (false, true) => Status::StandaloneRefund,
                (false, false) => Status::Unknown,
            };
        };
        match (self.voided_at.is_some(), self.captured > 0) {
            (true, false) => Status::Voided,
            (true, true) if self.captured_after_void => Status::LatePresented,
            (true, true) => Status::CapturedRemainderVoided,
            (false, true) if self.captured >= authorized => Status::Captured,
            (false, true) => Status::PartiallyCaptured,
            (false, false) if authorized > 0 => Status::Pending,
            (false, false) if self.approved == Some(0) => Status::Verification,
            (false, false) => Status::ReducedToZero,
        }
    }

    /// The currency of all amounts; `None` before the first step.
    pub fn currency(&self) -> Option<Currency> {
        self.identity.as_ref().map(|identity| identity.currency)
    }

    /// The lender's name of the customer.
    pub fn customer_id(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.customer_id.as_str())
    }

    /// The payment method of the first step.
    pub fn payment_method_id(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.payment_method_id.as_str())
    }

    /// The newest authorized total in minor units, as it was before a void; 0 without one.
    pub fn authorized(&self) -> i64 {
        self.authorized.unwrap_or(0)
    }

    /// Σ captures in minor units.
    pub const fn captured(&self) -> i64 {
        self.captured
    }

    /// Σ refunds in minor units.
    pub const fn refunded(&self) -> i64 {
        self.refunded
    }

    /// Amount still held on the customer's statement, in minor units.
    ///
    /// `max(0, authorized − Σ captures)`, and 0 once voided or without an authorization.
    /// Source: Imprint, "Common transaction scenarios", partial captures.
    pub fn hold(&self) -> i64 {
        if self.voided_at.is_some() { 0 } else { (self.authorized() - self.captured).max(0) }
    }

    /// The newest merchant that was named.
    pub const fn merchant(&self) -> Option<&Merchant> {
        self.merchant.as_ref()
    }

    /// Whether the void came so long after the approval that it was likely an expiry.
    pub fn is_likely_expiry(&self, policies: &Policies) -> bool {
        self.approved_at.zip(self.voided_at).is_some_and(|(approved_at, voided_at)| {
            voided_at.duration_since(approved_at) >= policies.likely_expiry_after
        })
    }

    /// How long an authorization of the merchant's category may hold an amount.
    fn hold_window(&self, policies: &Policies) -> SignedDuration {
        let code = self.merchant.as_ref().and_then(|merchant| merchant.category_code.as_ref());
        let longer = code.and_then(|code| policies.hold_windows.get(code));
        longer.copied().unwrap_or(policies.hold_window)
    }

    /// Σ captures at which the tolerance of the merchant's category ends.
    fn capture_limit(&self, authorized: i64, policies: &Policies) -> i128 {
        let code = self.merchant.as_ref().and_then(|merchant| merchant.category_code.as_deref());
        let percent = code.and_then(|code| policies.over_capture_percent.get(code)).copied();
        i128::from(authorized) * (100 + i128::from(percent.unwrap_or(0))) / 100
    }

    /// The refusal of a step that contradicts what identifies the transaction.
    fn conflict(&self, fact: &TransactionFact) -> Option<Refusal> {
        let identity = self.identity.as_ref()?;
        let amount = fact.report.amount();
        let (sum, counts) = match fact.report.kind() {
            Kind::Capture => (self.captured, true),
            Kind::Refund => (self.refunded, true),
            Kind::Approve | Kind::Update | Kind::Void => (0, false),
        };
        if amount.currency != identity.currency {
            Some(Refusal::CurrencyMismatch)
        } else if fact.customer_id != identity.customer_id {
            Some(Refusal::CustomerConflict)
        } else if counts && sum.checked_add(amount.minor).is_none() {
            Some(Refusal::AmountOverflow)
        } else {
            None
        }
    }
}

impl Lifecycle for TransactionLifecycle {
    const TYPE: &'static str = "transaction";
    type Fact = TransactionFact;
    type State = State;

    fn open(items: &[Item<'_, TransactionFact>], _: &Policies) -> State {
        let stands_alone = |item: &&Item<'_, TransactionFact>| {
            !matches!(item.fact.report.kind(), Kind::Update | Kind::Void)
        };
        let said = || items.iter().filter(|item| !item.void);
        let first = said().find(stands_alone).or_else(|| said().next());
        let identity = first.map(|item| Identity {
            currency: item.fact.report.amount().currency,
            customer_id: item.fact.customer_id.clone(),
            payment_method_id: item.fact.payment_method_id.clone(),
        });
        let is_approved = said().any(|item| {
            let (currency, customer_id) =
                (item.fact.report.amount().currency, &item.fact.customer_id);
            let fits = |identity: &Identity| {
                identity.currency == currency && identity.customer_id == *customer_id
            };
            item.fact.report.kind() == Kind::Approve && identity.as_ref().is_some_and(fits)
        });
        State { identity, is_approved, ..State::default() }
    }

    fn rule(state: &State, item: &Item<'_, TransactionFact>, policies: &Policies) -> Verdict {
        if let Some(conflict) = state.conflict(&item.fact) {
            return refuse::<Self>(state, item, conflict);
        }
        let mut verdict = by_table(state, item, policies);
        if !verdict.is_applied() {
            return verdict;
        }
        if state.payment_method_id() != Some(&item.fact.payment_method_id) {
            verdict.flag(Flag::PaymentMethodChanged);
        }
        let amount = item.fact.report.amount().minor;
        match item.fact.report.kind() {
            Kind::Capture | Kind::Refund if amount == 0 => verdict.flag(Flag::ZeroMoneyLine),
            Kind::Update if amount < state.captured => verdict.flag(Flag::UpdateBelowCaptured),
            Kind::Void
                if state
                    .authorized
                    .is_some_and(|total| amount != total && amount != state.hold()) =>
            {
                verdict.flag(Flag::VoidAmountMismatch)
            }
            _ => {}
        }
        verdict
    }

    fn absorb(state: &mut State, item: &Item<'_, TransactionFact>, verdict: &Verdict) {
        if !matches!(verdict.outcome, Outcome::Refused(_)) && item.fact.merchant.is_some() {
            state.merchant.clone_from(&item.fact.merchant);
        }
        if !matches!(verdict.outcome, Outcome::Applied | Outcome::Stale) {
            return;
        }
        let amount = item.fact.report.amount().minor;
        match item.fact.report.kind() {
            Kind::Approve => {
                state.approved = Some(amount);
                state.approved_at = Some(item.step.occurred_at);
                state.approval = Some(item.step.id);
                state.authorized = Some(amount);
            }
            // It waited for an approval when it was replaced, so it never counted.
            Kind::Update if verdict.outcome == Outcome::Stale && state.authorized.is_none() => {}
            Kind::Update => state.authorized = Some(amount),
            Kind::Void => {
                state.voided_at = Some(item.step.occurred_at);
                state.authorized = state.authorized.or(Some(amount));
            }
            // Saturates only for what an operator forced past `amount_overflow`.
            Kind::Capture => {
                state.captured = state.captured.saturating_add(amount);
                state.captured_after_void |= state.voided_at.is_some() && amount > 0;
            }
            Kind::Refund => state.refunded = state.refunded.saturating_add(amount),
        }
    }

    fn review(
        state: &State,
        items: &[Item<'_, TransactionFact>],
        verdicts: &mut [Verdict],
        policies: &Policies,
    ) {
        supersede_updates(items, verdicts);
        for (step, until) in Self::watches(state, items, policies) {
            let held = items.iter().zip(&mut *verdicts).find(|(item, _)| item.step.id == step);
            if let Some((item, verdict)) = held
                && item.is_past(until)
            {
                verdict.flag(Flag::HoldOverdue);
            }
        }
        let of_kind = |verdicts: &[Verdict], kind: Kind| -> Vec<usize> {
            let counts = |place: &usize| {
                items[*place].fact.report.kind() == kind && verdicts[*place].is_applied()
            };
            (0..items.len()).filter(counts).collect()
        };
        if let [first, .., last] | [first @ last] = of_kind(verdicts, Kind::Capture)[..] {
            match state.authorized {
                None => verdicts[first].flag(Flag::ForceCaptureProvisional),
                Some(total)
                    if i128::from(state.captured) > state.capture_limit(total, policies) =>
                {
                    verdicts[last].flag(Flag::OverCapture);
                }
                Some(_) => {}
            }
        }
        if let [first, .., last] | [first @ last] = of_kind(verdicts, Kind::Refund)[..]
            && state.refunded > state.captured
        {
            match (state.captured, state.authorized) {
                (0, None) => verdicts[first].flag(Flag::StandaloneRefundProvisional),
                (0, Some(_)) => verdicts[last].flag(Flag::RefundExceedsCaptured),
                _ => verdicts[last].flag(Flag::OverRefund),
            }
        }
    }

    /// The approval, as long as something is held by it.
    fn watches(
        state: &State,
        items: &[Item<'_, TransactionFact>],
        policies: &Policies,
    ) -> Vec<(StepId, Timestamp)> {
        let approval = state.approval.filter(|_| state.hold() > 0);
        let held = approval.and_then(|step| until(items, step, state.hold_window(policies)));
        held.into_iter().collect()
    }

    fn state_name(state: &State, _: &TransactionFact) -> &'static str {
        state.status().name()
    }

    fn legal(state: &State, _: &TransactionFact) -> Vec<&'static str> {
        lifecycle::legal(state.status())
    }

    fn places(state: &State, item: &Item<'_, TransactionFact>) -> Vec<Place> {
        let status = state.status();
        vec![Place::of_all("transaction", status.name(), &*item.fact, lifecycle::legal(status))]
    }
}

fn by_table(state: &State, item: &Item<'_, TransactionFact>, policies: &Policies) -> Verdict {
    let kind = item.fact.report.kind();
    if kind == Kind::Approve && state.approved.is_none() && state.authorized.is_some() {
        // The authorization was adopted with a gap: this is the step that was missing.
        return Verdict::applied();
    }
    match lifecycle::row(state.status(), kind) {
        Row::Leads { flag: Some(Flag::LatePresentment), .. }
            if policies.capture_after_void == Reaction::Refuse =>
        {
            refuse::<TransactionLifecycle>(state, item, Refusal::CaptureAfterVoid)
        }
        Row::Leads { flag: Some(flag), .. } if !depends_on_totals(flag) => {
            Verdict::applied().flagged(flag)
        }
        Row::Leads { .. } => Verdict::applied(),
        // A void dated before its approval: what was missing is there.
        Row::Parks(_) if kind == Kind::Void && state.is_approved => Verdict::applied(),
        Row::Parks(missing) => park_or_adopt(item, missing, policies.parked_for),
        Row::Refuses(code) => refuse::<TransactionLifecycle>(state, item, code),
    }
}

/// Whether only the whole history tells if the flag holds; `review` sets these.
const fn depends_on_totals(flag: Flag) -> bool {
    matches!(
        flag,
        Flag::ForceCaptureProvisional
            | Flag::StandaloneRefundProvisional
            | Flag::OverCapture
            | Flag::RefundExceedsCaptured
    )
}

/// An update that a newer authorized total has replaced is stale, whenever it arrived: so is one
/// that waits for an approval when the approval is the newer of the two.
fn supersede_updates(items: &[Item<'_, TransactionFact>], verdicts: &mut [Verdict]) {
    let mut superseded = false;
    for (item, verdict) in items.iter().zip(verdicts).rev() {
        match (item.fact.report.kind(), &verdict.outcome) {
            (Kind::Update, Outcome::Applied | Outcome::Parked { .. }) if superseded => {
                *verdict = Verdict { outcome: Outcome::Stale, ..Verdict::applied() };
                item.step.call_flags().for_each(|flag| verdict.flag(flag));
            }
            (Kind::Approve | Kind::Update, Outcome::Applied) => superseded = true,
            _ => {}
        }
    }
}

/// An amount of the transaction, for those who show it.
pub fn money(minor: i64, state: &State) -> Option<Money> {
    state.currency().map(|currency| Money { minor, currency })
}

/// The table as edges, ready to be drawn.
pub fn machine() -> Machine {
    let edges = Status::ALL.into_iter().flat_map(|from| {
        Kind::ALL.into_iter().map(move |kind| {
            let row = lifecycle::row(from, kind);
            Edge::of(from.name(), kind.name(), row, |to| to.name().to_owned())
        })
    });
    Machine { name: TransactionLifecycle::TYPE, edges: edges.collect() }
}
