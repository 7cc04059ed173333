//! Connections, each on a thread of its own: SQLite blocks, and a whole transaction is one visit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Result, StoreError};
use crate::failure::chain;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A group of threads that share a queue. When it is dropped, they end after what is queued.
#[derive(Clone, Debug)]
pub(super) struct Threads {
    jobs: mpsc::Sender<Job>,
}

impl Threads {
    /// One thread for each connection. Each has a sender on which nothing is sent: when all are gone,
    /// so are the threads and the connections.
    pub(super) fn new(
        name: &str,
        connections: Vec<Connection>,
        alive: &mpsc::Sender<()>,
    ) -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for connection in connections {
            let (queue, alive) = (Arc::clone(&queue), alive.clone());
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || {
                    work(connection, &queue);
                    drop(alive);
                })
                .map_err(|error| StoreError::Unavailable(error.into()))?;
        }
        Ok(Self { jobs })
    }

    /// Does something with a connection. It is done even if the caller is gone by then.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |connection: &mut Connection| {
            // Whoever asked may be gone.
            let _ = answer.send(job(connection));
        });
        let gone = || StoreError::Unavailable("the thread of the database is gone".into());
        self.jobs.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Threads {
    /// Queues something that nobody waits for.
    pub(super) fn send(&self, job: impl FnOnce(&mut Connection) -> Result<()> + Send + 'static) {
        let job = Box::new(move |connection: &mut Connection| {
            if let Err(error) = job(connection) {
                tracing::warn!(error = chain(&error), "the database failed");
            }
        });
        // The threads are gone only with the store.
        let _ = self.jobs.send(job);
    }
}

fn work(mut connection: Connection, queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // Held while waiting, so that one thread waits and the others wait for it.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic is the caller's failure; an open transaction is rolled back at its next use.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
    }
}
