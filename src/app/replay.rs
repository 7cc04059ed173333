//! Rebuilding read models from position 0.

use creditrail_projections::{READERS, Reader};
use tokio::sync::watch;

use super::{Creditrail, readers};
use crate::store::StoreError;

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt<'a> {
    /// The source.
    pub source: &'a str,
    /// The position that has been passed.
    pub position: i64,
    /// The position at which it ends.
    pub head: i64,
}

/// The reader of that name.
pub fn reader(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}

impl Creditrail {
    /// Empties the read models of `which` readers (all, if none is named) in every source and
    /// folds them again, with the code that follows the log. A service that runs beside may
    /// answer with what is there so far.
    ///
    /// # Errors
    /// [`StoreError`]; called again it begins anew.
    pub async fn rebuild(
        &self,
        which: &[&'static Reader],
        mut told: impl FnMut(Rebuilt<'_>) + Send,
    ) -> Result<(), StoreError> {
        for (source, known) in self.sources.iter() {
            let all = which.is_empty();
            let chosen = |reader: &Reader| which.iter().any(|one| one.name == reader.name);
            for reader in READERS.iter().filter(|reader| all || chosen(reader)) {
                self.store.reset(source, reader).await?;
            }
            let head = self.store.head(source).await?.position;
            let (_, heads) = watch::channel(head);
            let (mut readers, _) =
                readers::new(&known.config, std::sync::Arc::clone(&self.store), heads);
            told(Rebuilt { source, position: 0, head });
            readers.catch_up(|position| told(Rebuilt { source, position, head })).await?;
        }
        Ok(())
    }
}
