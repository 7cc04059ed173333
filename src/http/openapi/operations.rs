//! The operations, in the order of `docs/http.md`. A new path is one entry here, and a schema for
//! each document that is new.

use creditrail_projections::statistics::What;
use serde_json::json;

use super::{
    answers::{document, of_type, refer},
    operation::{
        Operation, at_least, by, command, cursor, limit, listed, one, past_of, read, thing,
    },
    schema::{count, day, one_of, text},
};
use crate::app::{
    lists::{AS_OF, HAPPENED_BY, List},
    sending::listed::{STATUSES, UNDELIVERED},
    things::Thing,
};

/// What operations are about.
pub(super) const TAGS: [(&str, &str); 6] = [
    (RECEIVING, "What lenders send."),
    (THINGS, "Transactions, cards, applications, charges and customers."),
    (WORK, "What somebody has to do or should look at."),
    (EVIDENCE, "Deliveries, the log, and what adds up."),
    (SENDING, "Who is notified, and of what not yet."),
    (SERVICE, "For operators of the service."),
];
const RECEIVING: &str = "receiving";
const THINGS: &str = "things";
const WORK: &str = "work";
const EVIDENCE: &str = "evidence";
const SENDING: &str = "sending";
const SERVICE: &str = "service";

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    let groups = [
        receiving(),
        transactions_and_cards(),
        applications(),
        charges(),
        customers(),
        moments(),
        actions_and_secrets(),
        findings_and_exceptions(),
        deliveries_and_log(),
        sources_and_search(),
        sending(),
        audits(),
        service(),
    ];
    groups.into_iter().flatten().collect()
}

fn receiving() -> Vec<Operation> {
    let receive = command("receive_webhook", "/webhooks/{source}", RECEIVING, "Webhook")
        .says("Receive a lender's webhook; 200 once it is recorded, whatever came of it")
        .answers(200, "it is recorded", "Receipt")
        .fails(&[401, 429])
        .never(&[400]);
    vec![receive]
}

fn transactions_and_cards() -> Vec<Operation> {
    let (transactions, cards) = ((THINGS, List::Transactions), (THINGS, List::PaymentMethods));
    vec![
        listed("list_transactions", "/v1/transactions", transactions, "TransactionPage")
            .says("Transactions, newest first"),
        thing("get_transaction", "/v1/transactions/{source}/{id}", THINGS, "Transaction")
            .says("A transaction with all its steps")
            .like(&[("source", "imprint"), ("id", "demo-late-update")]),
        listed("list_payment_methods", "/v1/payment-methods", cards, "PaymentMethodPage")
            .says("Cards, newest first"),
        thing("get_payment_method", "/v1/payment-methods/{source}/{id}", THINGS, "PaymentMethod")
            .says("A card with its probable reissue")
            .like(&[("source", "imprint"), ("id", "demo-card-new")]),
    ]
}

fn applications() -> Vec<Operation> {
    let list = (THINGS, List::Applications);
    let report = "/v1/applications/{source}/{id}/client-report";
    vec![
        listed("list_applications", "/v1/applications", list, "ApplicationPage")
            .says("Applications, newest first"),
        thing("get_application", "/v1/applications/{source}/{id}", THINGS, "Application")
            .says("An application")
            .like(&[("source", "loans"), ("id", "demo-loan")]),
        command("register_application", "/v1/applications/{source}", THINGS, "NewApplication")
            .says("Register an application, or a session in which a customer applies")
            .like(&[("source", "imprint")])
            .answers(201, "it is registered", "RegisteredApplication")
            .fails(&[409]),
        command("report_client_result", report, THINGS, "NewClientReport")
            .says("Record what the SDK reported in the browser; it never decides")
            .answers(200, "it is recorded", "CommandReceipt")
            .fails(&[409]),
    ]
}

fn charges() -> Vec<Operation> {
    let demo = &[("source", "loans"), ("id", "demo-charge")];
    vec![
        listed("list_charges", "/v1/charges", (THINGS, List::Charges), "ChargePage")
            .says("Charges, newest first"),
        thing("get_charge", "/v1/charges/{source}/{id}", THINGS, "Charge")
            .says("A charge with its operations and balances")
            .like(demo),
        command("create_charge", "/v1/charges/{source}", THINGS, "NewCharge")
            .says("Record that the partner created a charge with a confirmation")
            .like(&[("source", "loans")])
            .answers(201, "it is recorded", "CreatedCharge")
            .fails(&[409]),
        command("void_charge", "/v1/charges/{source}/{id}/void", THINGS, "VoidCharge")
            .says("Record that a charge was voided, of which no webhook tells")
            .like(demo)
            .answers(200, "it is recorded", "CommandReceipt")
            .fails(&[409]),
        command("link_charge", "/v1/charges/{source}/{id}/link", THINGS, "LinkCharge")
            .says("Say to which application a charge belongs")
            .like(demo)
            .answers(200, "it is recorded", "CommandReceipt")
            .fails(&[409]),
    ]
}

fn customers() -> Vec<Operation> {
    let demo = &[("source", "imprint"), ("id", "demo-customer")];
    let timeline = "/v1/customers/{source}/{id}/timeline";
    vec![
        thing("get_customer", "/v1/customers/{source}/{id}", THINGS, "Customer")
            .says("A customer: identities, applications, charges, cards, balances")
            .like(demo),
        one("get_customer_timeline", timeline, THINGS, "TimelinePage")
            .says("Everything that happened to a customer, in the order in which it happened")
            .takes(
                "order",
                one_of(["oldest", "newest"]).says("what comes first; `oldest`, if absent"),
            )
            .takes("limit", limit(200, 50))
            .takes("cursor", cursor())
            .of_the_past(&[AS_OF, HAPPENED_BY])
            .like(demo),
        one("get_customer_privacy", "/v1/customers/{source}/{id}/privacy", THINGS, "PrivacyStatus")
            .says("What is held of a customer, until when, and what was erased")
            .like(demo),
        command("place_hold", "/v1/customers/{source}/{id}/hold", THINGS, "DecidePrivacy")
            .says("Place a legal hold: nothing of the customer is erased until it is released")
            .answers(200, "it is recorded", "CommandReceipt")
            .fails(&[409]),
        command("release_hold", "/v1/customers/{source}/{id}/release", THINGS, "DecidePrivacy")
            .says("Release a legal hold")
            .answers(200, "it is recorded", "CommandReceipt")
            .fails(&[409]),
        command("erase_customer", "/v1/customers/{source}/{id}/erase", THINGS, "DecidePrivacy")
            .says("Destroy the keys under which the customer's deliveries are sealed; for ever")
            .answers(200, "it is erased", "ErasedData")
            .fails(&[409]),
    ]
}

fn moments() -> Vec<Operation> {
    Thing::ALL.into_iter().flat_map(|thing| past_of(thing, THINGS)).collect()
}

fn actions_and_secrets() -> Vec<Operation> {
    vec![
        listed("list_actions", "/v1/actions", (WORK, List::Actions), "ActionPage")
            .says("What somebody has to do, newest first"),
        command("finish_action", "/v1/actions/{id}/done", WORK, "DoneAction")
            .says("Record that the partner has done an action")
            .answers(200, "it is recorded", "FinishedAction")
            .fails(&[409]),
        listed("list_compliance", "/v1/compliance", (WORK, List::Compliance), "CompliancePage")
            .says("What is counted from decisions, the first to run out first"),
        command("record_notice", "/v1/compliance/{id}/done", WORK, "SentNotice")
            .says("Record that the notice of an adverse action was sent")
            .answers(200, "it is recorded", "FinishedAction")
            .fails(&[409]),
        command("reveal_secret", "/v1/secrets/{reference}/reveal", WORK, "RevealSecret")
            .says("Show a sealed secret, once it is recorded who asked for it, and why")
            .answers(200, "the secret; nobody may keep a copy on the way", "RevealedSecret")
            .fails(&[500]),
    ]
}

fn findings_and_exceptions() -> Vec<Operation> {
    let (preview, resolve) = ("/v1/exceptions/{id}/preview", "/v1/exceptions/{id}/resolve");
    vec![
        listed("list_stale", "/v1/stale", (WORK, List::Stale), "FindingPage")
            .says("What has been silent for long"),
        listed(
            "list_discrepancies",
            "/v1/discrepancies",
            (WORK, List::Discrepancies),
            "FindingPage",
        )
        .says("Where what was said does not fit together"),
        listed("list_exceptions", "/v1/exceptions", (WORK, List::Exceptions), "ExceptionPage")
            .says("What a person should look at"),
        read("get_exception", "/v1/exceptions/{id}", WORK)
            .says("An exception, with what a person can do about it")
            .takes("source", text().says("required with `at_least`"))
            .takes("at_least", at_least())
            .answers(200, "as it stands now", "Exception")
            .fails(&[400, 404, 503]),
        command("preview_exception", preview, WORK, "PreviewException")
            .says("What resolving it would lead to; nothing is written")
            .answers(200, "what would follow", "Preview")
            .fails(&[409]),
        command("resolve_exception", resolve, WORK, "ResolveException")
            .says("Apply, convert or discard; the refusal stays in the history")
            .answers(200, "it is resolved", "ResolvedException")
            .fails(&[409]),
    ]
}

fn deliveries_and_log() -> Vec<Operation> {
    vec![
        listed("list_deliveries", "/v1/deliveries", (EVIDENCE, List::Deliveries), "DeliveryPage")
            .says("Deliveries with their outcome as of now, newest first"),
        one("get_delivery", "/v1/deliveries/{source}/{id}", EVIDENCE, "Delivery")
            .says("A delivery with its headers and body"),
        command("redrive_deliveries", "/v1/deliveries/redrive", EVIDENCE, "RedriveDeliveries")
            .says("Read deliveries again that could not be read")
            .answers(200, "what became of them, or would", "RedriveReport"),
        read("list_events", "/v1/events", EVIDENCE)
            .says("The log of a source, in position order")
            .needs("source", text())
            .like(&[("source", "imprint")])
            .takes("after", count().says("events after this position"))
            .takes("limit", limit(1000, 100))
            .answers(200, "events in position order", "EventList")
            .fails(&[400, 404, 503]),
    ]
}

fn sources_and_search() -> Vec<Operation> {
    vec![
        read("list_sources", "/v1/sources", EVIDENCE)
            .says("All sources with their status")
            .answers(200, "all sources", "SourceList")
            .fails(&[400, 503]),
        one("get_source", "/v1/sources/{source}", EVIDENCE, "Source")
            .says("What a source received and what became of it: the audit equation")
            .like(&[("source", "imprint")]),
        read("list_rejected_calls", "/v1/rejected-calls", EVIDENCE)
            .says("The newest calls that were turned away")
            .needs("source", text())
            .like(&[("source", "imprint")])
            .takes("at_least", at_least())
            .takes("limit", limit(200, 50))
            .answers(200, "the newest calls", "RejectedCallList")
            .fails(&[400, 404, 503]),
        command("verify_calls", "/v1/rejected-calls/verify", EVIDENCE, "VerifyCalls")
            .says("Verify calls again that were turned away, after a secret was mended")
            .answers(200, "what they were found to be", "VerifyReport"),
        read("search", "/v1/search", EVIDENCE)
            .says("What an id leads to, in any case, of any kind")
            .needs("q", text().not_empty().says("an id"))
            .like(&[("q", "DEMO-CARD-NEW")])
            .takes("source", text().says("one source; all, if absent"))
            .takes("at_least", at_least().says("waits for this position of `source`"))
            .answers(200, "what it leads to; nothing, if nothing", "SearchHitList")
            .fails(&[400, 404, 503]),
    ]
}

fn sending() -> Vec<Operation> {
    let steer = |id, path, says| command(id, path, SENDING, "SteerEndpoint").says(says);
    let endpoint = "/v1/endpoints/{name}";
    let paused = "it is recorded who does, and why; what is recorded meanwhile is sent later";
    vec![
        read("list_endpoints", "/v1/endpoints", SENDING)
            .says("Who is notified, and how each stands")
            .answers(200, "all endpoints", "EndpointList")
            .fails(&[400, 503]),
        read("get_endpoint", endpoint, SENDING)
            .says("An endpoint: its settings without secrets, and how it stands")
            .answers(200, "the endpoint", "KnownEndpoint")
            .fails(&[400, 404, 503]),
        command("create_endpoint", "/v1/endpoints", SENDING, "NewEndpoint")
            .says("Make an endpoint, beside those of the settings file")
            .answers(201, "it is told of what is recorded from now on", "Endpoint")
            .fails(&[409])
            .never(&[404]),
        by("put", command("replace_endpoint", endpoint, SENDING, "EndpointSettings"))
            .says("Give an endpoint other settings; it goes on where it was")
            .answers(200, "as it stands then", "Endpoint")
            .fails(&[409, 500]),
        by("delete", command("delete_endpoint", endpoint, SENDING, "SteerEndpoint"))
            .says("Delete an endpoint; what was noted of its notifications stays")
            .answers(200, "which", "DeletedEndpoint")
            .fails(&[409]),
        steer("pause_endpoint", "/v1/endpoints/{name}/pause", "Send nothing to an endpoint")
            .answers(200, paused, "Endpoint"),
        steer("resume_endpoint", "/v1/endpoints/{name}/resume", "Send to an endpoint again")
            .answers(200, "as it stands then", "Endpoint"),
        steer("test_endpoint", "/v1/endpoints/{name}/test", "Call an endpoint to see what it says")
            .answers(200, "what it said", "EndpointTest"),
        read("list_notifications", "/v1/notifications", SENDING)
            .says("Notifications that were not taken at once, newest first within each source")
            .takes("source", text().says("one source; all, if absent"))
            .takes("endpoint", text())
            .takes(
                "status",
                one_of(STATUSES.into_iter().chain([UNDELIVERED]))
                    .says("`undelivered`: each but `delivered`"),
            )
            .takes("type", text().says("of one aggregate; with `id`"))
            .takes("id", text())
            .takes("limit", limit(200, 50))
            .takes("cursor", cursor())
            .takes("at_least", at_least())
            .answers(200, "a page", "NotificationPage")
            .fails(&[400, 404, 503]),
        read("list_event_types", "/v1/event-types", SENDING)
            .says("The event types that endpoints can be told of")
            .answers(200, "all event types", "EventTypeList")
            .fails(&[400]),
        read("get_event_type", "/v1/event-types/{type}", SENDING)
            .says("An event type, with the JSON Schema of its data and examples")
            .like(&[("type", "transaction.Captured")])
            .answers(200, "the event type", "EventType")
            .fails(&[400, 404]),
        command("resend_notifications", "/v1/notifications/resend", SENDING, "Resend")
            .says("Send now what was tried and not taken, or again all since a time; a dry run counts it")
            .answers(200, "how many", "Resent"),
        command("skip_notification", "/v1/notifications/skip", SENDING, "Skip")
            .says("Never send a notification at which its aggregate waits")
            .answers(200, "which", "Skipped"),
    ]
}

fn audits() -> Vec<Operation> {
    let records = (EVIDENCE, List::AccessRecords);
    let rows = json!({
        "description": "all rows of the list, streamed",
        "content": {
            "text/csv": { "schema": { "type": "string" } },
            "application/x-ndjson": { "schema": { "type": "string" } },
        },
    });
    let archive = of_type("application/zip", "the files, streamed", &json!({ "type": "string" }));
    vec![
        read("get_statistics", "/v1/statistics", EVIDENCE)
            .says("Numbers over time")
            .takes("source", text().says("one source; all, if absent"))
            .takes("what", one_of(What::ALL.map(What::name)))
            .takes("from", day().says("the first day, in UTC; 27 days before `to`, if absent"))
            .takes("to", day().says("the last day, at most 365 after `from`; today, if absent"))
            .takes("at_least", at_least())
            .answers(200, "the numbers that are not 0", "Statistics")
            .fails(&[400, 404, 503]),
        listed("list_access_records", "/v1/access-records", records, "AccessRecordPage")
            .says("Who did what, when and why"),
        read("list_proofs", "/v1/proof", EVIDENCE)
            .says("How far each log is proven: hashed, signed, and taken outside the database")
            .answers(200, "all logs", "ProofList")
            .fails(&[503]),
        command("export_list", "/v1/exports", EVIDENCE, "Export")
            .says("Take all rows of a list away, once it is recorded who does, and why")
            .answers_with(200, rows)
            .never(&[404]),
        command("export_log", "/v1/exports/log", EVIDENCE, "LogExport")
            .says(
                "Take the log, its deliveries and read models away, with a manifest and its proof",
            )
            .answers_with(200, archive),
    ]
}

fn service() -> Vec<Operation> {
    let plain = |means| of_type("text/plain", means, &json!({ "type": "string" }));
    let unready = json!({
        "description": "a reader has stopped, or the database does not answer",
        "content": {
            "application/json": { "schema": refer("Unready") },
            "application/problem+json": { "schema": refer("Problem") },
        },
    });
    let this = of_type("application/json", "OpenAPI 3.1", &json!({ "type": "object" }));
    vec![
        read("get_health", "/healthz", SERVICE)
            .says("Whether the process answers")
            .answers_with(200, plain("`ok`")),
        read("get_readiness", "/readyz", SERVICE)
            .says("Whether it can do its work")
            .answers_with(200, document("it can", "Ready"))
            .answers_with(503, unready),
        read("get_metrics", "/metrics", SERVICE)
            .says("Figures for Prometheus")
            .answers_with(200, plain("the text format of Prometheus"))
            .fails(&[503]),
        read("get_home", "/", SERVICE)
            .says("Links for a browser, and a search")
            .answers_with(200, of_type("text/html", "a page", &json!({ "type": "string" })))
            .answers_with(303, json!({ "description": "to the sign-in, for a browser" }))
            .fails(&[401, 403, 503]),
        read("get_description", "/openapi.json", SERVICE)
            .says("This description")
            .answers_with(200, this),
    ]
}
