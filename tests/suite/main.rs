//! The suite: the service as its callers see it. Each test starts the real binary on a directory
//! of its own and speaks HTTP with it; nothing here knows the code, only the specification.
//!
//! Reading order: `support` (the harness), then the module of the question at hand. `G1` and the
//! like are the golden sequences of the domain page.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed, and says where"
)]

mod support;

mod accessibility; // every page, for whoever cannot see or point
mod actions; // what somebody has to do now
mod applications; // what the lender decides, what the browser only reports
mod audit_replay; // what was decided, decided again
mod audit_show; // the record on the command line, as it is over HTTP
mod auditing; // what a check looked at, and of which record
mod browser; // the dashboard, used as support uses it
mod cards; // the lifecycle of a card, its reissue
mod changes; // when a thing changed, and in what
mod charge_commands; // a partner's void, an operator's link
mod charges; // operations, chargebacks, what they add up to
mod checkpoints; // what is signed, who takes it, and when it is red
mod clients; // generated from the description, and what asks at random
mod clocks; // recorded_at, whatever the clock does
mod compliance; // what is counted from decisions
mod contract; // what every store promises, run on each
mod crash; // kill -9, a full disk, a polite end
mod customers; // identities, balances, the timeline, search
mod decimals; // minor units without a float
mod description; // every answer is as it is described
mod determinism; // the same bytes in every process, at any time
mod discrepancies; // browser against lender
mod doors; // what keeps strangers out
mod erasure; // what is sealed is gone with its key, and all else goes on
mod event_types; // what endpoints can be told of, and what each says
mod fourth_kind; // a lender that a host brings, as the how-to says
mod frozen_events; // the bytes of what is stored
mod handlers; // a handler of the embedding program
mod hostile; // bodies and connections that mean harm
mod in_force; // under which settings a service ran
mod instances; // several services on one PostgreSQL, and a server that goes away
mod lender_tracks; // one application, several lenders, twins
mod lifecycles; // the path of a thing, now and then
mod lists; // cursors, filters, wrong parameters, the log
mod logs; // one delivery, followed by its id
mod markup; // what lenders send stays text
mod metrics; // what is counted for operators
mod moments; // what was known at a moment
mod occurrence; // what had happened by a time
mod onboarding; // from the signing to the card
mod onboarding_calls; // its signature, its window, its ids
mod orders; // any order, any repetition: one end
mod overrides; // policies, and a person who decides otherwise
mod pages; // what pages say is true, and their links lead somewhere
mod past_lists; // lists and timelines as they were
mod plans; // no read without an index
mod postgres_es_traps; // what of postgres-es loses data
mod previews; // what resolving an exception would lead to
mod proving; // bundles, checked by who has nothing but the key
mod read_models; // held against the log, row by row
mod readers; // a reader that fails holds up nobody else
mod receiving; // the answers to a webhook, row by row
mod redriving; // what could not be read, after an upgrade
mod replay; // read models are disposable
mod roles; // who may what, call by call
mod secrets; // sealed, found nowhere, revealed for a reason
mod seeds; // every payload of the two newer pages
mod sending; // notifications: signed, in order, at least once
mod simulate; // a lender that is played, and what is known of it
mod spans; // a call as a span, for whoever traces
mod statistics; // numbers over time
mod stock; // a partner's own commands through the stock framework
mod tampering; // what is changed in the database, and what tells of it
mod transaction_table; // every state, every step
mod transactions; // the golden sequences of money
mod verifying; // calls that were turned away, once the secret is mended

// The house rules: these look at the tree, not at the service.
mod catalog; // every webhook and what becomes of it
mod deploy; // the dashboard and the alerts ask for what there is
mod docs; // the generated pages are current
mod examples;
mod exports; // the examples end well
mod layers; // arrows, no unwrap, keys
