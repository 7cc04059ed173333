//! The histories that the readers met last, so that a stream which goes on is folded on, and not
//! read and folded again from its beginning.

use std::collections::HashMap;

use creditrail_projections::{Stream, StreamId};

/// How many events the histories of one generation have together. There are two.
const MAX_EVENTS: i64 = 8_192;

/// Histories as they are at a position of the log.
#[derive(Debug, Default)]
pub struct Histories {
    position: i64,
    /// What was met last.
    young: HashMap<StreamId, Stream>,
    events: i64,
    /// What was met before that, and has not been met again.
    old: HashMap<StreamId, Stream>,
}

impl Histories {
    /// Forgets everything unless it is as of this position.
    pub fn be_at(&mut self, position: i64) {
        if self.position != position {
            *self = Self { position, ..Self::default() };
        }
    }

    /// Takes a history out, if it ends just before a place in its stream.
    pub fn take(&mut self, stream: &StreamId, sequence: i64) -> Option<Stream> {
        let known = self.young.remove(stream).or_else(|| self.old.remove(stream))?;
        (known.sequence + 1 == sequence).then_some(known)
    }

    /// Puts histories back, as they are at a position: all events up to it that are theirs are in
    /// them.
    pub fn keep(&mut self, streams: Vec<Stream>, position: i64) {
        self.position = position;
        for stream in streams {
            self.events += stream.sequence;
            self.young.insert(stream.id.clone(), stream);
        }
        if self.events > MAX_EVENTS {
            self.old = std::mem::take(&mut self.young);
            self.events = 0;
        }
    }
}
