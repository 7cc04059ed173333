//! Notifications that were not taken at once, page by page.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::Value;

use crate::{
    app::{
        Creditrail,
        read::{Items, ReadError},
    },
    store::{Listed, Page, StoreError, sending::NOTIFICATIONS},
};

/// The statuses of notifications that were not taken at once.
pub const STATUSES: [&str; 4] = ["delivered", "parked", "retrying", "skipped"];

/// Those at which a lane waits.
pub const WAITING: [&str; 2] = ["parked", "retrying"];

/// What stands for each status but `delivered`, where it is asked for.
pub const UNDELIVERED: &str = "undelivered";

impl Creditrail {
    /// A page of the notifications that were not taken at once, newest first within a source.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn notifications(&self, page: Page) -> Result<Items, ReadError> {
        let wanted = page.limit;
        let page = Page { limit: wanted + 1, ..page };
        let is_meant =
            |(column, value): &(&str, String)| *column == "status" && value == UNDELIVERED;
        let mut listed = if page.filters.iter().any(is_meant) {
            self.undelivered(&page).await?
        } else {
            self.store.list(&NOTIFICATIONS, &page).await?
        };
        let has_more = listed.len() > wanted;
        listed.truncate(wanted);
        let next = listed.last().filter(|_| has_more).map(|last| last.cursor.clone());
        let items = listed.iter().map(|row| serde_json::from_str(&row.document));
        let mut items: Vec<Value> = items.collect::<Result<_, _>>()?;
        self.tell_what_waits(&mut items).await?;
        Ok(Items { items, next })
    }

    /// Tells of each notification at which a lane waits how many events wait behind it.
    async fn tell_what_waits(&self, items: &mut [Value]) -> Result<(), ReadError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // Of each source and endpoint, by the kind of aggregate.
        let mut waiting = BTreeMap::<[String; 3], Vec<&mut Value>>::new();
        for item in items {
            if WAITING.iter().any(|status| item["status"] == *status) {
                let of = [&item["source"], &item["endpoint"], &item["subject"]["type"]].map(text);
                waiting.entry(of).or_default().push(item);
            }
        }
        for ([source, endpoint, kind], items) in waiting {
            let taken = self.taken(&source, &endpoint).await?.unwrap_or_default();
            let ids = items.iter().map(|item| text(&item["subject"]["id"])).collect();
            let stands = self.store.standing((&source, &kind), ids).await?;
            for item in items {
                let behind = stands.iter().filter(|event| {
                    item["subject"]["id"] == event.stream.as_str()
                        && item["sequence"].as_i64().is_some_and(|head| head < event.sequence)
                        && taken.take(event.position, &kind, &event.event_type)
                });
                item["events_waiting"] = behind.count().into();
            }
        }
        Ok(())
    }

    /// Whether there is an endpoint of that name, or was one of which notifications are noted.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn knows_endpoint(&self, name: &str) -> Result<bool, ReadError> {
        if self.endpoint_names().iter().any(|known| known == name) {
            return Ok(true);
        }
        let page = Page {
            sources: self.sources().map(str::to_owned).collect(),
            filters: vec![("endpoint", name.to_owned())],
            limit: 1,
            ..Page::default()
        };
        Ok(!self.store.list(&NOTIFICATIONS, &page).await?.is_empty())
    }

    /// A page of those that were never taken, each status by its index. What is of an endpoint
    /// that is gone nobody will send.
    async fn undelivered(&self, page: &Page) -> Result<Vec<Listed>, StoreError> {
        let (mut listed, endpoints) = (Vec::new(), self.endpoint_names());
        for (source, after) in page.from_where_it_begins() {
            let mut own = BTreeMap::new();
            for status in STATUSES.into_iter().filter(|status| *status != "delivered") {
                let others = page.filters.iter().filter(|(column, _)| *column != "status").cloned();
                let of_status = Page {
                    sources: vec![source.to_owned()],
                    filters: others.chain([("status", status.to_owned())]).collect(),
                    among: Some(("endpoint", endpoints.clone())),
                    after: after.cloned(),
                    ..page.clone()
                };
                for row in self.store.list(&NOTIFICATIONS, &of_status).await? {
                    // One that changed its status meanwhile is told once.
                    own.insert(Reverse((row.cursor.place, row.cursor.key.clone())), row);
                }
            }
            listed.extend(own.into_values().take(page.limit - listed.len()));
            if listed.len() >= page.limit {
                break;
            }
        }
        Ok(listed)
    }
}
