//! What is asked of the service, and how it answers.

use super::schema::{
    Named, Schema, boolean, closed, count, integer, is, list, map, one_of, open, position, refer,
    text, time, uuid,
};
use crate::app::{export::Format, lists::List, proof::export::What};

pub(super) fn all() -> Vec<Named> {
    vec![
        ("Webhook", open().says("what the lender sends: docs/webhooks.md")),
        ("Receipt", receipt()),
        ("NewApplication", new_application()),
        ("RegisteredApplication", closed([("application_id", text()), last_event()])),
        ("NewClientReport", new_client_report()),
        ("NewCharge", new_charge()),
        ("CreatedCharge", closed([("charge_id", text()), last_event()])),
        ("VoidCharge", void_charge()),
        ("LinkCharge", link_charge()),
        ("CommandReceipt", closed([("outcome", refer("StepOutcome")), last_event()])),
        ("DoneAction", closed([actor("operator"), ("note", text().or_null().or_absent())])),
        ("SentNotice", closed([why(), actor("operator")])),
        ("FinishedAction", closed([("id", text()), ("status", is("done")), last_event()])),
        ("DecidePrivacy", closed([why(), actor("operator")])),
        ("ErasedData", erased_data()),
        ("RevealSecret", closed([why(), actor("operator")])),
        ("RevealedSecret", revealed_secret()),
        ("ResolveException", resolve_exception()),
        ("ResolvedException", closed([("id", text()), ("status", is("resolved")), last_event()])),
        ("Export", export()),
        ("LogExport", log_export()),
        ("Problem", problem()),
    ]
}

fn last_event() -> Named {
    ("position", position().or_null().says("of the last event that it caused"))
}

pub(super) fn actor(default: &str) -> Named {
    (
        "actor",
        text()
            .not_empty()
            .or_absent()
            .says(&format!("who, in 200 characters at the most; `{default}` if absent")),
    )
}

fn why() -> Named {
    ("reason", text().not_empty().says("why; no card number"))
}

/// A time that is not ahead of the service's clock by more than a minute.
fn past(field: &'static str) -> Named {
    (field, time().or_null().or_absent().says("when it happened, not in the future; now if absent"))
}

fn given(field: &'static str) -> Named {
    (field, text().or_null().or_absent())
}

fn receipt() -> Schema {
    closed([
        ("outcome", refer("Outcome")),
        ("delivery_id", uuid().says("of a repetition, the first one's")),
        last_event(),
    ])
    .says("A delivery is recorded.")
}

fn new_application() -> Schema {
    closed([
        given("partner_customer_id"),
        given("customer_id"),
        (
            "application_id",
            text().or_null().or_absent().says("required for `card-onboarding` and `charge-after`"),
        ),
        given("merchant_order_id"),
        ("session_id", text().or_null().or_absent().says("with it, registering twice is once")),
        actor("partner"),
        past("started_at"),
    ])
    .says("An application; of `imprint` a session, with one of the customer's ids.")
}

fn new_client_report() -> Schema {
    let result = text().not_empty();
    closed([
        (
            "result",
            result.says(
                "`OFFER_ACCEPTED`, `REJECTED`, `IN_PROGRESS`, `ABANDONED`, `ERROR`, or any other",
            ),
        ),
        given("session_id"),
        (
            "exit_no",
            integer()
                .within(0, u32::MAX.into())
                .or_null()
                .or_absent()
                .says("with it, reporting twice is once"),
        ),
        given("error_code"),
        actor("partner"),
        past("occurred_at"),
    ])
    .says("What the SDK reported in the browser.")
}

fn new_charge() -> Schema {
    closed([
        ("charge_id", text().not_empty()),
        ("application_id", text().not_empty()),
        given("merchant_order_id"),
        given("partner_customer_id"),
        actor("partner"),
        past("occurred_at"),
    ])
    .says("A charge that the partner created with the confirmation of an application.")
}

fn void_charge() -> Schema {
    closed([given("reason"), actor("partner"), past("occurred_at")])
        .says("A void, of which no webhook tells.")
}

fn link_charge() -> Schema {
    closed([("application_id", text().not_empty()), why(), actor("operator")])
        .says("A person says to which application a charge belongs.")
}

fn revealed_secret() -> Schema {
    closed([
        ("secret_ref", text()),
        ("field", text().says("where it stood in the payload")),
        ("value", text().says("the secret")),
        ("position", position().or_null().says("of the event that tells who saw it")),
    ])
}

fn erased_data() -> Schema {
    closed([
        ("subject", text().says("who: `customer:id` or `partner:id`")),
        ("keys", count().says("how many keys were destroyed")),
        ("secrets", count().says("how many secrets went with them")),
        ("not_sealed", count().says("deliveries from before they were sealed: they stay")),
        ("journal_emptied", boolean().says("whether nothing is left in the database's own files")),
        last_event(),
    ])
    .says("Personal data of a customer were erased.")
}

fn resolve_exception() -> Schema {
    let convert_to = refer("StepKind").or_null().or_absent();
    closed([
        ("action", refer("ResolutionAction")),
        ("convert_to", convert_to.says("for `convert`: the kind of step to take it as")),
        why(),
        actor("operator"),
        ("as_of", count().or_null().or_absent().says("`as_of.position` of the preview: 409 `changed_meanwhile` if the thing has changed since")),
    ])
    .says("A person's decision about an exception.")
}

fn export() -> Schema {
    let filters = map(text()).or_absent().says("the parameters of the list, without `cursor`");
    closed([
        ("list", one_of(List::ALL.map(|(_, name)| name)).says("by its path")),
        (
            "format",
            one_of(Format::OF_LISTS.map(Format::name)).or_absent().says("`ndjson` if absent"),
        ),
        ("filters", filters),
        why(),
        exporter(),
    ])
    .says("All rows of a list are to be taken away.")
}

fn log_export() -> Schema {
    let tables: Vec<_> = What::all().iter().map(What::name).collect();
    let moment = |means: &str| text().or_null().or_absent().says(means);
    closed([
        ("source", text().says("or `_access`: who did what in no source")),
        ("what", list(one_of(tables)).or_absent().says("the tables; all, if absent or empty")),
        ("format", one_of(Format::ALL.map(Format::name)).or_absent().says("`ndjson` if absent")),
        ("from", moment("events and deliveries from this position on, or recorded since this time")),
        ("to", moment("up to this position, or recorded until this time")),
        ("customer_id", moment("only what names this customer; nothing proves that it is all")),
        ("kind", moment("only events and deliveries of this kind of thing; the same")),
        why(),
        exporter(),
    ])
    .says("What is recorded is to be taken away as a ZIP archive, with `manifest.json` as its last file.")
}

fn exporter() -> Named {
    let who = "who, in 200 characters at the most; the caller, if absent";
    ("actor", text().not_empty().or_absent().says(who))
}

fn problem() -> Schema {
    closed([
        ("type", text()),
        ("title", text().says("the status in words")),
        ("status", count().within(400, 599)),
        ("code", text().says("stable; see docs/http.md")),
        ("detail", text()),
        ("field", text().or_absent().says("what is wrong with the request")),
    ])
    .says("RFC 9457")
}
