//! What only all steps of a charge together tell: which totals are odd, and what takes too long.

use jiff::Timestamp;

use super::{
    ChargeFact, LinkedBy, Operation, OperationKind, Situation, State,
    fact::Report,
    operation::OperationKind::{Refund, Settle},
};
use crate::{
    Flag, Policies,
    judge::{Item, until},
    step::{StepId, Verdict},
};

/// Whether the flag tells of the situation in which an operation was opened, and so is set with
/// the verdict; all others depend on totals.
pub(super) const fn is_of_situation(flag: Flag) -> bool {
    matches!(
        flag,
        Flag::SettleAfterVoid
            | Flag::SettleAfterFullRefund
            | Flag::SettleDuringChargeback
            | Flag::DoubleCreditRisk
    )
}

/// Steps with their verdicts, on which flags are set.
struct Verdicts<'a, 'b> {
    items: &'a [Item<'b, ChargeFact>],
    verdicts: &'a mut [Verdict],
}

impl Verdicts<'_, '_> {
    fn of(&mut self, step: StepId) -> Option<&mut Verdict> {
        let place = self.items.iter().position(|item| item.step.id == step)?;
        self.verdicts.get_mut(place).filter(|verdict| verdict.is_applied())
    }

    fn flag(&mut self, step: StepId, flag: Flag) {
        if let Some(verdict) = self.of(step) {
            verdict.flag(flag);
        }
    }

    fn has(&mut self, step: StepId, flag: Flag) -> bool {
        self.of(step).is_some_and(|verdict| verdict.flags.contains(&flag))
    }
}

pub(super) fn review(
    state: &State,
    items: &[Item<'_, ChargeFact>],
    verdicts: &mut [Verdict],
    policies: &Policies,
) {
    let mut verdicts = Verdicts { items, verdicts };
    unseen(state, &mut verdicts);
    for operation in &state.operations {
        single(operation, &mut verdicts);
    }
    settles(state, &mut verdicts);
    refunds(state, &mut verdicts);
    chargebacks(state, &mut verdicts);
    links(state, &mut verdicts);
    overdue(state, &mut verdicts, policies);
}

/// The first money that moved, as long as no authorization is known.
fn unseen(state: &State, verdicts: &mut Verdicts<'_, '_>) {
    if state.authorized.is_some() {
        return;
    }
    let moves_money = |(item, verdict): &(&Item<'_, ChargeFact>, &Verdict)| {
        verdict.is_applied()
            && matches!(item.fact.report, Report::Operation(_) | Report::ChargedBack(_))
    };
    let first = verdicts.items.iter().zip(&*verdicts.verdicts).find(moves_money);
    if let Some(step) = first.map(|(item, _)| item.step.id) {
        verdicts.flag(step, Flag::AuthorizationUnseen);
    }
}

fn single(operation: &Operation, verdicts: &mut Verdicts<'_, '_>) {
    if !operation.is_creation_seen {
        verdicts.flag(operation.opened_by, Flag::CreationUnseen);
    }
    if let Some(step) = operation.adjusted_by {
        verdicts.flag(step, Flag::AmountAdjusted);
    }
    // No money moves with what failed, so nothing was odd about it.
    if !operation.counts()
        && let Some(verdict) = verdicts.of(operation.opened_by)
    {
        verdict.flags.retain(|flag| !is_of_situation(*flag));
    }
}

/// The operations of a kind that have not failed, by their first steps.
fn opened(state: &State, kind: OperationKind) -> Vec<StepId> {
    let counted = state.operations.iter().filter(|it| it.kind == kind && it.counts());
    counted.map(|operation| operation.opened_by).collect()
}

fn settles(state: &State, verdicts: &mut Verdicts<'_, '_>) {
    let Some(authorized) = state.authorized else { return };
    let exceeds = state.sum_counted(Settle) > i128::from(authorized);
    if let Some(last) = opened(state, Settle).last().copied().filter(|_| exceeds)
        && !verdicts.has(last, Flag::SettleAfterFullRefund)
    {
        verdicts.flag(last, Flag::SettleExceedsAuthorized);
    }
}

fn refunds(state: &State, verdicts: &mut Verdicts<'_, '_>) {
    let settled = state.sum_completed(Settle);
    let opened = opened(state, Refund);
    if settled == 0 {
        opened.into_iter().for_each(|step| verdicts.flag(step, Flag::RefundBeforeSettle));
    } else if let Some(last) = opened.last()
        && state.sum_counted(Refund) > settled
    {
        verdicts.flag(*last, Flag::OverRefund);
    }
}

fn chargebacks(state: &State, verdicts: &mut Verdicts<'_, '_>) {
    let (settled, refunds) = (state.sum_completed(Settle), state.sum_counted(Refund));
    let open = state.chargebacks.open();
    if settled == 0 && state.situation() != Situation::Unknown {
        for chargeback in &state.chargebacks.known {
            verdicts.flag(chargeback.step, Flag::ChargebackWithoutSettle);
        }
    }
    let is_double = settled > 0 && refunds > 0 && open > 0 && refunds + open > settled;
    if let Some(last) = state.chargebacks.known.last().filter(|_| is_double) {
        verdicts.flag(last.step, Flag::DoubleCreditRisk);
    }
}

/// What names another application than the one to which the charge belongs. An operator's word on
/// it is the last.
fn links(state: &State, verdicts: &mut Verdicts<'_, '_>) {
    let Some(link) = state.link.as_ref().filter(|link| link.how != LinkedBy::Operator) else {
        return;
    };
    for (item, verdict) in verdicts.items.iter().zip(&mut *verdicts.verdicts) {
        let named = item.fact.report.names_application();
        if verdict.is_applied() && named.is_some_and(|named| named != link.application_id) {
            verdict.flag(Flag::LinkMismatch);
        }
    }
}

fn overdue(state: &State, verdicts: &mut Verdicts<'_, '_>, policies: &Policies) {
    for (step, until) in watches(state, verdicts.items, policies) {
        let is_past = |item: &Item<'_, ChargeFact>| item.step.id == step && item.is_past(until);
        if verdicts.items.iter().any(is_past) {
            let is_authorization = state.authorized_by == Some(step);
            let flag = if is_authorization { Flag::ChargeUnsettled } else { Flag::OperationStuck };
            verdicts.flag(step, flag);
        }
    }
}

/// Each operation that has not ended, by its newest step; and the authorization as long as nothing
/// is settled and it is not voided.
pub(super) fn watches(
    state: &State,
    items: &[Item<'_, ChargeFact>],
    policies: &Policies,
) -> Vec<(StepId, Timestamp)> {
    let open = state.operations.iter().filter(|operation| operation.state.is_open());
    let stuck = open.filter_map(|open| until(items, open.newest, policies.operation_stuck_after));
    let is_unsettled = state.sum_completed(Settle) == 0 && state.voided_at.is_none();
    let unsettled = state.authorized_by.filter(|_| is_unsettled);
    let unsettled = unsettled.and_then(|by| until(items, by, policies.charge_unsettled_after));
    stuck.chain(unsettled).collect()
}
