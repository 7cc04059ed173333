//! What had happened by a time: the events of a stream as they would be if nothing later were told.

use creditrail_domain::{
    Event, HappenedBy, Journal, Lifecycle, Policies, StepEvent, application::ApplicationLifecycle,
    charge::ChargeLifecycle, customer_link::CustomerLinkLifecycle, exception::ExceptionEvent,
    payment_method::PaymentMethodLifecycle, transaction::TransactionLifecycle,
};

use crate::Recorded;

/// The events of one stream, in sequence, as they would be if only what had happened by a time had
/// been told: see [`Journal::happened_by`]. A delivery that cannot be read happens when it is
/// received. Empty if nothing had happened.
pub fn happened_by(events: Vec<Recorded>, by: HappenedBy, policies: &Policies) -> Vec<Recorded> {
    macro_rules! of {
        ($lifecycle:ty, $kind:ident) => {
            retold::<$lifecycle>(events, (by, policies), Event::$kind, |event| match event {
                Event::$kind(event) => Some(event),
                _ => None,
            })
        };
    }
    match events.first().map(|first| &first.event) {
        Some(Event::Application(_)) => of!(ApplicationLifecycle, Application),
        Some(Event::Charge(_)) => of!(ChargeLifecycle, Charge),
        Some(Event::CustomerLink(_)) => of!(CustomerLinkLifecycle, CustomerLink),
        Some(Event::PaymentMethod(_)) => of!(PaymentMethodLifecycle, PaymentMethod),
        Some(Event::Transaction(_)) => of!(TransactionLifecycle, Transaction),
        Some(Event::Exception(ExceptionEvent::DeliveryUnreadable(unreadable)))
            if unreadable.received_at > by.time =>
        {
            Vec::new()
        }
        // What people did has no time but that of its record.
        _ => events,
    }
}

fn retold<L: Lifecycle>(
    events: Vec<Recorded>,
    (by, policies): (HappenedBy, &Policies),
    wrap: fn(StepEvent<L::Fact>) -> Event,
    unwrap: fn(Event) -> Option<StepEvent<L::Fact>>,
) -> Vec<Recorded> {
    let Some(first) = events.first() else { return Vec::new() };
    let (source, stream) = (first.source.clone(), first.stream.clone());
    let placed = events
        .into_iter()
        .filter_map(|event| Some(((event.position, event.recorded_at), unwrap(event.event)?)));
    let retold = Journal::<L>::happened_by(placed.collect(), by, policies);
    let numbered = retold.into_iter().zip(1..);
    let recorded = numbered.map(|(((position, recorded_at), event), sequence)| Recorded {
        source: source.clone(),
        position,
        stream: stream.clone(),
        sequence,
        recorded_at,
        event: wrap(event),
    });
    recorded.collect()
}
