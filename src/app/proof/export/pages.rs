//! Pages of a table that are read and encoded ahead of the one that is written.

use std::{collections::VecDeque, sync::Arc};

use tokio::task::JoinHandle;

use super::{
    ExportError, Range,
    encode::Sheet,
    tables::{Place, What},
};
use crate::{
    app::{content::Opener, export::Format, proof::TreeError},
    store::Result,
};

/// How many pages are in hand at once: one for each core, and one that is ready.
const AHEAD: usize = 3;

/// The rows of a page, and where the next begins if only they tell.
type Page = (Sheet, Option<Place>);

/// The pages of a table.
pub(super) struct Pages {
    what: What,
    opener: Opener,
    range: Arc<Range>,
    format: Format,
    next: Option<Place>,
    ahead: VecDeque<JoinHandle<Result<Page>>>,
}

impl Pages {
    pub(super) fn new(what: What, (opener, range): (Opener, &Range), format: Format) -> Self {
        let next = what.beginning(range);
        let range = Arc::new(range.clone());
        Self { what, opener, range, format, next, ahead: VecDeque::new() }
    }

    /// The next one; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Sheet>, ExportError> {
        self.begin();
        let Some(page) = self.ahead.pop_front() else { return Ok(None) };
        let (sheet, next) = page.await.map_err(|_| TreeError::CutOff)??;
        if next.is_some() {
            self.next = next;
        }
        self.begin();
        Ok(Some(sheet))
    }

    fn begin(&mut self) {
        while self.ahead.len() < AHEAD {
            let Some(place) = self.next.take() else { return };
            self.next = self.what.following(&self.range, &place);
            let (what, format) = (self.what, self.format);
            let (opener, range) = (self.opener.clone(), Arc::clone(&self.range));
            let page = async move { what.page((&opener, &range), place, format).await };
            self.ahead.push_back(tokio::spawn(page));
        }
    }
}
