//! Where checkpoints are taken to, outside the database: whoever can rewrite the one should not be able
//! to rewrite the other.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::checkpoints::{Signed, write_whole};

/// How long an endpoint may take.
const MOST: Duration = Duration::from_secs(10);

/// A place outside the database.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) name: String,
    pub(super) to: To,
}

/// What kind of place.
#[derive(Debug)]
pub(super) enum To {
    /// A folder: a file for each checkpoint, none of which is written again.
    Folder(PathBuf),
    /// An endpoint: the note as `text/plain`, by `POST`; a 2xx has taken it.
    Http { url: reqwest::Url, authorization: Option<SecretString>, client: reqwest::Client },
}

/// Why a sink did not take a checkpoint. The URL is not told: it may have a token.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    #[error("the folder cannot be written")]
    Folder(#[source] io::Error),
    #[error("the endpoint does not answer")]
    Unanswered(#[source] reqwest::Error),
    #[error("the endpoint answered {0}")]
    Refused(u16),
}

/// What a folder has of a log.
pub(super) struct Copied {
    /// The file.
    pub(super) path: PathBuf,
    /// The note, as it is there.
    pub(super) note: String,
    /// When it was written there.
    pub(super) at: Timestamp,
}

/// The file in which a folder has the checkpoint of so many events.
fn file(folder: &Path, source: &str, size: u64) -> PathBuf {
    folder.join(source).join(format!("{size:020}.checkpoint"))
}

impl To {
    /// The checkpoint of so many events, read back; `None` if it is not there. Only of a folder: an
    /// endpoint takes, and does not tell.
    ///
    /// # Errors
    /// [`io::Error`]: whether it is there cannot be told.
    pub(super) fn read_back(&self, source: &str, size: i64) -> io::Result<Option<Copied>> {
        let Self::Folder(folder) = self else { return Ok(None) };
        let path = file(folder, source, size.unsigned_abs());
        let read = |path: &Path| -> io::Result<(String, SystemTime)> {
            Ok((fs::read_to_string(path)?, fs::metadata(path)?.modified()?))
        };
        let (note, at) = match read(&path) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let at = Timestamp::try_from(at).map_err(io::Error::other)?;
        Ok(Some(Copied { path, note, at }))
    }

    /// An endpoint.
    ///
    /// # Errors
    /// What is wrong with the client's set-up.
    pub(super) fn http(
        url: reqwest::Url,
        authorization: Option<SecretString>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(MOST)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self::Http { url, authorization, client })
    }
}

impl Sink {
    pub(super) async fn take(&self, source: &str, signed: &Signed) -> Result<(), SinkError> {
        match &self.to {
            To::Folder(folder) => {
                let path = file(folder, source, signed.checkpoint.size);
                if path.exists() {
                    return Ok(());
                }
                let note = signed.note.clone();
                let written = tokio::task::spawn_blocking(move || write_whole(&path, &note)).await;
                if written.as_ref().is_err_and(tokio::task::JoinError::is_cancelled) {
                    // The process ends, and nobody waits for it any more.
                    return std::future::pending().await;
                }
                written.map_err(io::Error::other).flatten().map_err(SinkError::Folder)
            }
            To::Http { url, authorization, client } => {
                let mut request = client
                    .post(url.clone())
                    .header("content-type", "text/plain; charset=utf-8")
                    .header("creditrail-log", source)
                    .body(signed.note.clone());
                if let Some(authorization) = authorization {
                    request = request.header("authorization", authorization.expose_secret());
                }
                let answer = request.send().await;
                let answer = answer.map_err(|error| SinkError::Unanswered(error.without_url()))?;
                let status = answer.status();
                if status.is_success() { Ok(()) } else { Err(SinkError::Refused(status.as_u16())) }
            }
        }
    }
}
