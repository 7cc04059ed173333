//! Endpoints that answered 410: each is something that a person should look at, so they are listed
//! among the exceptions.
//!
//! They are in no log and no read model: what a call is answered is nothing that a source reported, and
//! one endpoint takes the events of several. So they stand under [`LOG`], as long as the endpoint is
//! paused for it; who paused it and who resumed it is in the log of accesses.

use creditrail_domain::StepId;
use serde_json::{Value, json};

use super::LOG;
use crate::{
    app::{
        Creditrail,
        read::{Items, ReadError},
    },
    store::{Cursor, Page, sending::ENDPOINTS},
};

/// What makes it an exception.
pub const CODE: &str = "endpoint_gone";
/// Of which kind that is, and what it is about.
pub const KIND: &str = "endpoint";

/// Where the pages of a list come to these: after those of all sources, whatever they are sorted by.
const PLACE: i64 = i64::MIN;

impl Creditrail {
    /// The endpoints that answered 410 and that nobody has resumed, as exceptions, by their names.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn gone_endpoints(&self) -> Result<Vec<Value>, ReadError> {
        let mut gone = Vec::new();
        for (name, document) in self.store.documents_of(LOG, &ENDPOINTS, "").await? {
            let document: Value = serde_json::from_str(&document)?;
            // One that is configured no more is nobody's business.
            if document["gone"].is_object() && self.endpoints.now().contains_key(&name) {
                gone.push(exception(&name, &document["gone"]));
            }
        }
        Ok(gone)
    }

    /// The one of that id.
    pub(in crate::app) async fn gone_endpoint(&self, id: &str) -> Result<Option<Value>, ReadError> {
        // No configured endpoint has it: so it is not looked for.
        if !self.endpoints.now().keys().any(|name| id_of(name) == id) {
            return Ok(None);
        }
        Ok(self.gone_endpoints().await?.into_iter().find(|gone| gone["id"] == id))
    }

    /// A page of exceptions with those of endpoints, which come last.
    pub(in crate::app) async fn with_gone_endpoints(
        &self,
        mut items: Items,
        page: &Page,
    ) -> Result<Items, ReadError> {
        if items.next.is_some() {
            return Ok(items);
        }
        let after = page.after.as_ref().filter(|after| after.source == LOG);
        let after = after.map(|after| after.key.clone()).unwrap_or_default();
        let mut gone = self.gone_endpoints().await?;
        gone.retain(|gone| {
            let is_meant = page.filters.iter().all(|(field, value)| gone[*field] == value.as_str());
            is_meant && name(gone) > after.as_str()
        });
        let room = page.limit.saturating_sub(items.items.len());
        if gone.len() > room {
            gone.truncate(room);
            let key = gone.last().map_or(after, |last| name(last).to_owned());
            items.next = Some(Cursor { source: LOG.to_owned(), place: PLACE, key });
        }
        items.items.extend(gone);
        Ok(items)
    }
}

/// The id of the exception: always the same of one endpoint.
fn id_of(name: &str) -> String {
    StepId::derive(LOG, KIND, name).to_string()
}

fn name(gone: &Value) -> &str {
    gone["subject"]["id"].as_str().unwrap_or_default()
}

/// With all fields that every exception has.
fn exception(name: &str, gone: &Value) -> Value {
    let (source, position) = (gone["source"].as_str().unwrap_or_default(), &gone["position"]);
    json!({
        "id": id_of(name),
        "source": LOG,
        "code": CODE,
        "codes": [CODE],
        "kind": KIND,
        "severity": "review",
        "status": "open",
        "subject": { "type": KIND, "id": name },
        "message": format!("{name} answered 410 to what was recorded at position {position} of {source}: it is sent nothing more until somebody resumes it"),
        "state": null,
        "asked": null,
        "legal": [],
        "waits_for": null,
        "amount_at_stake": null,
        "currency": null,
        "delivery_id": null,
        "received_at": gone["at"],
        "resolution": null,
        "history": [],
    })
}
