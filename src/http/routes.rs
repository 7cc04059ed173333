//! Routes with the right that each needs: the router lets in by it, and the description tells it.

use std::collections::BTreeMap;

use axum::{
    Router,
    handler::Handler,
    routing::{self, MethodRouter},
};

use super::access::{self, Right};
use crate::app::Creditrail;

/// What each operation needs, by method in lower case and path.
pub(super) type Rights = BTreeMap<(&'static str, String), Right>;

/// Routes as they are put together.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Creditrail>,
    rights: Rights,
}

impl Routes {
    /// A read.
    pub(super) fn get<H, T>(self, right: Right, path: &str, handler: H) -> Self
    where
        H: Handler<T, Creditrail>,
        T: 'static,
    {
        self.route((right, "get"), path, routing::get(handler))
    }

    /// A command.
    pub(super) fn post<H, T>(self, right: Right, path: &str, handler: H) -> Self
    where
        H: Handler<T, Creditrail>,
        T: 'static,
    {
        self.route((right, "post"), path, routing::post(handler))
    }

    /// A command that gives something another form.
    pub(super) fn put<H, T>(self, right: Right, path: &str, handler: H) -> Self
    where
        H: Handler<T, Creditrail>,
        T: 'static,
    {
        self.route((right, "put"), path, routing::put(handler))
    }

    /// A command that takes something away.
    pub(super) fn delete<H, T>(self, right: Right, path: &str, handler: H) -> Self
    where
        H: Handler<T, Creditrail>,
        T: 'static,
    {
        self.route((right, "delete"), path, routing::delete(handler))
    }

    fn route(
        mut self,
        (right, method): (Right, &'static str),
        path: &str,
        handler: MethodRouter<Creditrail>,
    ) -> Self {
        let guarded = access::only(right, Router::new().route(path, handler));
        self.rights.insert((method, path.to_owned()), right);
        Self { router: self.router.merge(guarded), rights: self.rights }
    }

    /// The router, which lets in only whose role has the right.
    pub(super) fn into_router(self) -> Router<Creditrail> {
        self.router
    }

    /// What each operation needs.
    pub(super) fn into_rights(self) -> Rights {
        self.rights
    }
}
