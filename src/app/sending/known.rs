//! The endpoints of a service as they are now: those of the settings file, and those that are kept in
//! the database, on which every instance looks.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{Mutex, watch};

use super::{Endpoint, LOG, Resolver, Told, client::Caller, given::config_of};
use crate::{
    app::{BuildError, Creditrail, command::CommandError},
    failure::chain,
    store::{Cause, StoreError, sending::KeptEndpoint},
};

/// Endpoints by name.
pub(in crate::app) type Endpoints = BTreeMap<String, Known>;

/// An endpoint, what calls it, and what its sender tells of itself.
#[derive(Clone)]
pub(in crate::app) struct Known {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) caller: Caller,
    pub(super) told: Arc<Told>,
    /// Which change of the kept endpoints it comes from; `None` if it is in the settings file.
    pub(super) revision: Option<i64>,
}

impl Known {
    /// An endpoint of the settings file.
    ///
    /// # Errors
    /// [`BuildError::Tls`].
    pub(in crate::app) fn new(
        endpoint: Endpoint,
        resolver: &Arc<dyn Resolver>,
    ) -> Result<Self, BuildError> {
        let caller = Caller::new(&endpoint, Arc::clone(resolver))?;
        let (endpoint, told) = (Arc::new(endpoint), Arc::default());
        Ok(Self { endpoint, caller, told, revision: None })
    }
}

/// A kept endpoint that cannot be told of events.
#[derive(Clone)]
pub(super) struct Unusable {
    revision: i64,
    /// Why, without a secret.
    pub(super) why: String,
}

/// Such endpoints by name.
type AllUnusable = BTreeMap<String, Unusable>;

/// The endpoints as this instance knows them.
pub(in crate::app) struct Registry {
    known: watch::Sender<Arc<Endpoints>>,
    unusable: watch::Sender<Arc<AllUnusable>>,
    /// Held while it is looked what is kept.
    looking: Mutex<()>,
}

impl Registry {
    pub(in crate::app) fn new(of_settings: Endpoints) -> Self {
        let (known, _) = watch::channel(Arc::new(of_settings));
        let (unusable, _) = watch::channel(Arc::default());
        Self { known, unusable, looking: Mutex::default() }
    }

    /// The endpoints as they are now.
    pub(super) fn now(&self) -> Arc<Endpoints> {
        Arc::clone(&self.known.borrow())
    }

    /// Tells when they change.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<Endpoints>> {
        self.known.subscribe()
    }

    /// Those that are kept and cannot be told of events. One that has the name of an endpoint that
    /// can is not among them.
    pub(super) fn unusable(&self) -> Arc<AllUnusable> {
        Arc::clone(&self.unusable.borrow())
    }
}

impl Creditrail {
    /// Looks which endpoints are kept in the database, and takes in what has changed of them.
    pub(in crate::app) async fn look_for_endpoints(&self) -> Result<(), StoreError> {
        let _looking = self.endpoints.looking.lock().await;
        let kept = self.store.kept_endpoints(LOG).await?;
        let (before, unusable_before) = (self.endpoints.now(), self.endpoints.unusable());
        let of_settings = before.iter().filter(|(_, known)| known.revision.is_none());
        let mut now: Endpoints =
            of_settings.map(|(name, known)| (name.clone(), known.clone())).collect();
        let mut unusable = AllUnusable::new();
        for kept in kept {
            if now.contains_key(&kept.name) {
                continue; // The one of the settings file goes first.
            }
            let known = before.get(&kept.name);
            let was = unusable_before.get(&kept.name);
            if let Some(known) = known.filter(|known| known.revision == Some(kept.revision)) {
                now.insert(kept.name, known.clone());
            } else if let Some(was) = was.filter(|was| was.revision == kept.revision) {
                unusable.insert(kept.name, was.clone());
            } else {
                match self.opened(&kept, known) {
                    Ok(known) => drop(now.insert(kept.name, known)),
                    Err(error) => {
                        let (endpoint, why) = (kept.name.as_str(), chain(&*error));
                        tracing::error!(endpoint, error = why, "an endpoint is told of nothing");
                        unusable.insert(kept.name, Unusable { revision: kept.revision, why });
                    }
                }
            }
        }
        self.endpoints.unusable.send_replace(Arc::new(unusable));
        let revisions = |endpoints: &Endpoints| {
            let of = |(name, known): (&String, &Known)| (name.clone(), known.revision);
            endpoints.iter().map(of).collect::<Vec<_>>()
        };
        if revisions(&now) != revisions(&before) {
            self.endpoints.known.send_replace(Arc::new(now));
        }
        Ok(())
    }

    /// A kept endpoint, after what was known of it.
    fn opened(&self, kept: &KeptEndpoint, before: Option<&Known>) -> Result<Known, Cause> {
        let settings = self.opened_settings(kept)?;
        let sources: Vec<&str> = self.sources().collect();
        let endpoint =
            Endpoint::new(config_of(&settings)?, &sources).map_err(CommandError::from)?;
        let known = Known::new(endpoint, &self.resolver)?;
        let told = before.map_or(known.told, |before| Arc::clone(&before.told));
        Ok(Known { told, revision: Some(kept.revision), ..known })
    }
}
