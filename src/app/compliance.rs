//! What is counted from decisions: read by the clock, and done when a person says so.

use creditrail_domain::{
    AggregateType, CommandRefusal, Refusal, StepId,
    application::{ApplicationFact, Statement},
    step::{Origin, Refused},
};
use creditrail_projections::{
    StreamId,
    compliance::{self, DONE, Kind, OPEN, PAST},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Creditrail,
    command::{CommandError, PartnerKey, person, reason, told},
    judge::Command,
    lists::{DUE_BEFORE, List},
    read::ReadError,
    writer::{Receipt, WriteError},
};
use crate::{
    sources::AnyStep,
    store::{Listed, Order, Page},
};

/// How long before it runs out a notice needs a person, and is warned of.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(10 * 24);
/// How many days before it runs out a warning becomes more urgent, the last first.
const WARNINGS: [i64; 3] = [1, 5, 10];

/// A person says that a notice was sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentNotice {
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
    /// How it is known: by which letter or message, sent when. Required.
    #[serde(default)]
    pub reason: String,
}

impl Creditrail {
    /// Rows of the list, without how they stand by the clock.
    pub(super) async fn clocks(
        &self,
        page: &Page,
        now: Timestamp,
    ) -> Result<Vec<Listed>, ReadError> {
        let mut page = page.clone();
        let (mut from, mut before) = (None, None::<i64>);
        let now = now.as_microsecond();
        page.filters.retain_mut(|(column, value)| match (*column, value.as_str()) {
            (DUE_BEFORE, time) => {
                // What is no time has nothing before it.
                let time = time.parse().unwrap_or(Timestamp::MIN).as_microsecond();
                before = Some(before.map_or(time, |known| known.min(time)));
                false
            }
            ("status", OPEN) => {
                from = Some(now + 1);
                true
            }
            ("status", PAST) => {
                OPEN.clone_into(value);
                before = Some(before.map_or(now + 1, |known| known.min(now + 1)));
                true
            }
            _ => true,
        });
        let table = compliance::READ_MODEL.table;
        Ok(self.store.clocks(table, &page, (from, before)).await?)
    }

    /// Notices of which nobody says that they were sent, and that are due within [`AHEAD`] or were.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn notices_due(&self, source: &str, limit: usize) -> Result<Vec<Value>, ReadError> {
        let now = self.now();
        let before = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let filters = vec![
            ("kind", Kind::AdverseActionNotice.name().to_owned()),
            ("status", OPEN.to_owned()),
        ];
        let order = Order::Due;
        let sources = vec![source.to_owned()];
        let page = Page { sources, filters, order, limit, ..Page::default() };
        let (table, before) = (compliance::READ_MODEL.table, before.as_microsecond());
        let rows = self.store.clocks(table, &page, (None, Some(before))).await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            due.push(serde_json::from_str(&row.document)?);
        }
        by_the_clock(&mut due, now);
        Ok(due)
    }

    /// Records that a person says that a notice was sent.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such clock, not a notice, said before, not written.
    pub async fn notice_sent(&self, id: &str, sent: SentNotice) -> Result<Receipt, CommandError> {
        let (reason, actor) = (reason(sent.reason)?, person(sent.actor)?);
        let not_found = || CommandError::NotFound { what: "compliance clock", id: id.to_owned() };
        let table = List::Compliance.table();
        let (source, _) = self.anywhere(table, id).await?.ok_or_else(not_found)?;
        // What was reported in the instant before may have ended it.
        self.caught_up(&source).await?;
        let clock = self.document(table, &source, id).await?.ok_or_else(not_found)?;
        let (stream, fact) = notice(&clock, actor, reason)?;
        let key = PartnerKey { aggregate_type: stream.aggregate_type, key: format!("notice:{id}") };
        let now = self.now();
        // The lender's clock may be ahead of ours: nobody is told of a decision before it is made.
        let starts_at = serde_json::from_value::<Timestamp>(clock["starts_at"].clone());
        let at = starts_at.map_or(now, |starts_at| starts_at.max(now));
        let step = AnyStep::Application(told(&source, key, fact, (Origin::Operator, (at, now))));
        Ok(self.source(&source)?.command(stream, Command::Record(step), now).await?)
    }
}

/// That the notice of a clock was sent, and on which stream.
fn notice(
    clock: &Value,
    actor: String,
    reason: String,
) -> Result<(StreamId, ApplicationFact), CommandError> {
    let broken = |error| CommandError::NotRead(ReadError::Broken(error));
    let text = |field: &str| clock[field].as_str().map(str::to_owned);
    if text("kind").as_deref() != Some(Kind::AdverseActionNotice.name()) {
        let cause = "is a date, and no notice that can be sent";
        return Err(CommandError::Invalid { field: "id", cause });
    }
    if text("status").as_deref() == Some(DONE) {
        let refused = Refused::new(Refusal::ActionClosed, DONE);
        return Err(WriteError::Refused(CommandRefusal::NotLegal(refused)).into());
    }
    let about = StepId::deserialize(&clock["started_by"]).map_err(broken)?;
    let id = String::deserialize(&clock["stream"]).map_err(broken)?;
    // Of a stream with several applications the step names its own, and whom it is about.
    let is_one_of_several = clock["subject"]["id"] != clock["stream"];
    let application_id = is_one_of_several
        .then(|| Uuid::deserialize(&clock["subject"]["id"]).map_err(broken))
        .transpose()?;
    let own = |field: &str| text(field).filter(|_| is_one_of_several);
    let (customer_id, partner_customer_id) = (own("customer_id"), own("partner_customer_id"));
    let statement = Statement::NoticeSent { about, application_id, actor, reason };
    let stream = StreamId { aggregate_type: AggregateType::Application, id };
    Ok((stream, ApplicationFact { statement, customer_id, partner_customer_id }))
}

/// Tells of open clocks whether they have run out, and of notices how soon they do.
pub(super) fn by_the_clock(clocks: &mut [Value], now: Timestamp) {
    for clock in clocks {
        if clock["status"] != OPEN {
            continue;
        }
        let Ok(due_at) = serde_json::from_value::<Timestamp>(clock["due_at"].clone()) else {
            continue;
        };
        let is_notice = clock["kind"] == Kind::AdverseActionNotice.name();
        let left = due_at.duration_since(now);
        if due_at <= now {
            clock["status"] = PAST.into();
        }
        let soon = WARNINGS.into_iter().find(|days| left <= SignedDuration::from_hours(days * 24));
        if is_notice {
            // 0 once it is overdue.
            let within = if due_at <= now { Some(0) } else { soon };
            clock["due_within_days"] = within.into();
        }
    }
}
