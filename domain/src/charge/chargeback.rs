//! The chargebacks of a charge, and what of each is reversed.
//!
//! A reversal does not name its chargeback. It belongs to the oldest one of its amount that is
//! open, else it is taken from all that is open, oldest first. It may be dated before the
//! chargeback: the lender's times are those of its webhooks.

use jiff::Timestamp;

use super::fact::Dispute;
use crate::step::StepId;

/// A chargeback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chargeback {
    /// The lender's id of it.
    pub transaction_id: String,
    /// How much was charged back, in minor units of the charge's currency.
    pub amount: i64,
    /// How much of it is reversed, in the same. Range: 0 to [`Self::amount`].
    pub reversed: i64,
    pub(super) step: StepId,
}

impl Chargeback {
    /// How much of it is not reversed, in minor units.
    pub const fn open(&self) -> i64 {
        self.amount - self.reversed
    }
}

/// A chargeback that the whole set of steps knows, and its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upcoming {
    pub(super) step: StepId,
    pub(super) at: Timestamp,
    pub(super) amount: i64,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Chargebacks {
    /// Those that count, in the order in which they happened.
    pub(super) known: Vec<Chargeback>,
    /// Those that will count, but are dated later than what is judged.
    upcoming: Vec<Upcoming>,
    /// The reversals that are not refused, with their amounts.
    reversals: Vec<(String, i64)>,
    /// Σ reversals that count.
    applied: i128,
    /// Reversals that count, but whose chargeback is dated later.
    ahead: Vec<i64>,
}

impl Chargebacks {
    pub(super) fn expecting(upcoming: Vec<Upcoming>) -> Self {
        Self { upcoming, ..Self::default() }
    }

    /// The amount of the chargeback of that id, in minor units.
    pub(super) fn amount_of(&self, transaction_id: &str) -> Option<i64> {
        let known = self.known.iter().find(|known| known.transaction_id == transaction_id);
        known.map(|known| known.amount)
    }

    /// The amount of the reversal of that id, in minor units.
    pub(super) fn amount_of_reversal(&self, transaction_id: &str) -> Option<i64> {
        let known = self.reversals.iter().find(|(known, _)| known == transaction_id);
        known.map(|(_, amount)| *amount)
    }

    /// Σ chargebacks.
    pub(super) fn total(&self) -> i128 {
        self.known.iter().map(|known| i128::from(known.amount)).sum()
    }

    /// Σ of what of them is reversed.
    pub(super) fn reversed(&self) -> i128 {
        self.known.iter().map(|known| i128::from(known.reversed)).sum()
    }

    /// Σ of what of them is not reversed.
    pub(super) fn open(&self) -> i128 {
        self.total() - self.reversed()
    }

    /// Whether the chargebacks that are dated up to `horizon` cover a further reversal.
    pub(super) fn cover(&self, amount: i64, horizon: Timestamp) -> bool {
        let mut amounts = self.known.iter().map(|known| known.amount).chain(
            self.upcoming.iter().filter(|later| later.at <= horizon).map(|later| later.amount),
        );
        let Some(first) = amounts.next() else { return false };
        let total = i128::from(first) + amounts.map(i128::from).sum::<i128>();
        total - self.applied >= i128::from(amount)
    }

    /// The step has been judged, so it is no longer to come.
    pub(super) fn pass(&mut self, step: StepId) {
        self.upcoming.retain(|later| later.step != step);
    }

    /// Takes a chargeback that counts.
    pub(super) fn charge_back(&mut self, dispute: &Dispute, step: StepId) {
        let Dispute { transaction_id, amount, .. } = dispute;
        let same = |known: &&mut Chargeback| known.transaction_id == *transaction_id;
        match self.known.iter_mut().find(same) {
            // A person chose the other of two amounts; what is reversed stays so.
            Some(known) => known.amount = amount.minor.max(known.reversed),
            None => self.known.push(Chargeback {
                transaction_id: transaction_id.clone(),
                amount: amount.minor,
                reversed: 0,
                step,
            }),
        }
        self.settle_up();
    }

    /// Takes a reversal that has been judged and is not refused.
    pub(super) fn reverse(&mut self, dispute: &Dispute, is_applied: bool) {
        let Dispute { transaction_id, amount, .. } = dispute;
        if self.amount_of_reversal(transaction_id).is_none() {
            self.reversals.push((transaction_id.clone(), amount.minor));
        }
        if is_applied {
            // A person may have insisted on more than there is to reverse.
            let later = self.upcoming.iter().map(|later| i128::from(later.amount)).sum::<i128>();
            let left = (self.total() + later - self.applied).max(0);
            let reversed = i64::try_from(left).map_or(amount.minor, |left| left.min(amount.minor));
            self.applied += i128::from(reversed);
            self.ahead.push(reversed);
            self.settle_up();
        }
    }

    /// Takes the reversals out of the chargebacks that are there, as far as these cover them.
    fn settle_up(&mut self) {
        let Self { known, ahead, .. } = self;
        ahead.retain(|amount| !take_out(known, *amount));
    }
}

/// Takes a reversal out of chargebacks that cover it; whether they do.
fn take_out(known: &mut [Chargeback], amount: i64) -> bool {
    let of_amount = |known: &&mut Chargeback| known.amount == amount && known.reversed == 0;
    if let Some(chargeback) = known.iter_mut().find(of_amount) {
        chargeback.reversed = amount;
        return true;
    }
    let open: i128 = known.iter().map(|known| i128::from(known.open())).sum();
    if open < i128::from(amount) {
        return false;
    }
    let mut rest = amount;
    for chargeback in known {
        let part = chargeback.open().min(rest);
        chargeback.reversed += part;
        rest -= part;
    }
    true
}
