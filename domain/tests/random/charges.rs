//! Random steps of a charge, and what holds of its money whatever they are.

use std::collections::BTreeMap;

use creditrail_domain::{
    charge::{
        self, ChargeFact, Dispute, Form, Linkage, OperationKind, OperationReport, OperationState,
    },
    *,
};
use proptest::{option, prelude::*, sample::select};

use super::{Told, mostly, steps};

/// Operations, chargebacks and reversals of few names; some operations have none.
pub fn charge_steps() -> impl Strategy<Value = Vec<Told<ChargeFact>>> {
    let amounts = select(vec![0, 20_00, 20_00, 20_00, 30_00, 50_00, i64::MAX]);
    let money = (amounts, mostly(&["USD", "EUR"])).prop_map(|(minor, currency)| {
        let currency = Currency::from_code(&currency).unwrap();
        Money { minor, currency }
    });
    let reports = prop_oneof![
        2 => money.clone().prop_map(charge::Report::Authorized),
        6 => operation(money.clone()).prop_map(charge::Report::Operation),
        2 => dispute(money.clone()).prop_map(charge::Report::ChargedBack),
        2 => dispute(money).prop_map(charge::Report::ChargebackReversed),
        1 => Just(charge::Report::Voided { reason: None, actor: "partner".to_owned() }),
        1 => (select(vec!["a", "b"]), select(vec![Linkage::Partner, Linkage::Operator])).prop_map(
            |(application_id, how)| charge::Report::Linked {
                application_id: application_id.to_owned(),
                how,
                actor: "kim".to_owned(),
                reason: None,
            }
        ),
    ];
    let customer = option::weighted(0.3, mostly(&["customer-1", "customer-2"]));
    let order = option::of(select(vec!["order-1", "order-2"]));
    steps((reports, customer.clone(), customer, order).prop_map(
        |(report, customer_id, partner_customer_id, order)| ChargeFact {
            report,
            merchant_order_id: order.map(str::to_owned),
            customer_id,
            partner_customer_id,
        },
    ))
}

fn operation(money: impl Strategy<Value = Money>) -> impl Strategy<Value = OperationReport> {
    let kind = select(OperationKind::ALL.to_vec());
    let form = select(vec![Form::Created, Form::Updated]);
    let id = option::weighted(0.7, select(vec!["t-1", "t-2", "t-3"]));
    let state = select(OperationState::ALL.to_vec());
    (kind, form, id, money, state).prop_map(|(kind, form, id, amount, state)| OperationReport {
        kind,
        form,
        lender_transaction_id: id.map(str::to_owned),
        amount,
        state,
    })
}

fn dispute(money: impl Strategy<Value = Money>) -> impl Strategy<Value = Dispute> {
    let application_id = option::of(select(vec!["a", "b"]));
    (select(vec!["d-1", "d-2"]), money, application_id).prop_map(|(id, amount, application_id)| {
        Dispute {
            transaction_id: id.to_owned(),
            amount,
            application_id: application_id.map(str::to_owned),
        }
    })
}

/// What a charge's steps that count amount to, reckoned from the verdicts alone. Only where each
/// operation has its id and no person has decided.
fn reckoned(entries: &[Entry<ChargeFact>]) -> Result<[i128; 4], TestCaseError> {
    use charge::Report::{ChargebackReversed, ChargedBack, Operation};
    let mut operations = BTreeMap::new();
    let [mut charged_back, mut reversed] = [0; 2];
    for entry in entries.iter().filter(|entry| entry.verdict.is_applied()) {
        match &entry.step.fact.report {
            Operation(report) => {
                let key = (report.kind, report.lender_transaction_id.clone());
                let (state, amount) = (report.state, i128::from(report.amount.minor));
                if let Some((before, _)) = operations.insert(key, (state, amount)) {
                    let before: OperationState = before;
                    prop_assert!(before.is_open(), "what has ended stays so");
                    prop_assert!(before.rank() < state.rank(), "an operation never goes back");
                }
            }
            ChargedBack(dispute) => charged_back += i128::from(dispute.amount.minor),
            ChargebackReversed(dispute) => reversed += i128::from(dispute.amount.minor),
            _ => {}
        }
    }
    let completed = |kind| {
        let of_kind = operations.iter().filter(|((known, _), _)| *known == kind);
        let done = of_kind.filter(|(_, (state, _))| *state == OperationState::Completed);
        done.map(|(_, (_, amount))| amount).sum()
    };
    Ok([completed(OperationKind::Settle), completed(OperationKind::Refund), charged_back, reversed])
}

/// Whether the money of a charge adds up.
pub fn check_charge(
    entries: &[Entry<ChargeFact>],
    state: &charge::State,
) -> Result<(), TestCaseError> {
    let sums =
        [state.settled(), state.refunded(), state.charged_back(), state.chargebacks_reversed()];
    prop_assert!(sums[3] <= sums[2], "no more is reversed than was charged back");
    let [settled, refunded, charged_back, reversed] = sums.map(i128::from);
    let shown = |sum: i128| i64::try_from(sum).unwrap_or(i64::MAX);
    let can_be_counted = !sums.contains(&i64::MAX);
    if can_be_counted {
        let net = settled - refunded - (charged_back - reversed);
        prop_assert_eq!(i128::from(state.net_to_merchant()), net);
        prop_assert!(state.refundable() == 0 || i128::from(state.refundable()) <= net);
    }
    for chargeback in state.chargebacks() {
        prop_assert!((0..=chargeback.amount).contains(&chargeback.reversed));
    }
    let authorized = state.authorized().map_or(0, |authorized| authorized.minor);
    prop_assert!((0..=authorized).contains(&state.open_to_settle()));
    prop_assert!(state.voided_at().is_none() || state.open_to_settle() == 0);
    let is_named = |entry: &Entry<ChargeFact>| match &entry.step.fact.report {
        charge::Report::Operation(report) => report.lender_transaction_id.is_some(),
        _ => true,
    };
    if entries.iter().all(|entry| is_named(entry) && entry.overridden.is_none()) {
        prop_assert_eq!(sums, reckoned(entries)?.map(shown));
    }
    Ok(())
}
