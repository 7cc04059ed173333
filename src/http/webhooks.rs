//! `POST /webhooks/{source}`: bounded bytes in, one receipt out.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{Extensions, HeaderMap, StatusCode, header::CONTENT_LENGTH, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::{Bytes, BytesMut};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use http_body_util::BodyExt;

use super::{params::Path, problem::Problem};
use crate::app::{
    Creditrail,
    receive::{MAX_BODY, ReceiveError},
};

/// How many failed authentications one address may have in a minute before it is told to wait.
/// The compiler evaluates it, so it cannot fail when the program runs.
const FAILURES_A_MINUTE: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Door {
    creditrail: Creditrail,
    failures: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

/// The router that receives webhooks.
pub fn webhooks(creditrail: &Creditrail) -> Router {
    let failures = Arc::new(RateLimiter::keyed(Quota::per_minute(FAILURES_A_MINUTE)));
    Router::new()
        .route("/webhooks/{source}", post(receive))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(Door { creditrail: creditrail.clone(), failures })
}

async fn receive(
    State(door): State<Door>,
    Path(source): Path<String>,
    parts: Parts,
    body: Body,
) -> Response {
    let mut wait = None;
    let too_many = || {
        wait = door.failed(&parts.extensions);
        wait.is_some()
    };
    let received = match door.creditrail.accepts(&source, &parts.headers) {
        Ok(()) => match read(body, &parts.headers).await {
            Ok(body) => {
                door.creditrail.receive_unless(&source, &parts.headers, body, too_many).await
            }
            Err(Unread::TooLarge) => Err(door.creditrail.turned_away(
                &source,
                &parts.headers,
                ReceiveError::BodyTooLarge,
            )),
            Err(Unread::Broken) => return incomplete().into_response(),
        },
        Err(error) => Err(error),
    };
    match (received, wait) {
        (Ok(receipt), _) => Json(receipt).into_response(),
        (Err(error), Some(wait)) => Problem::from(error).retry_after(wait).into_response(),
        (Err(error), None) => Problem::from(error).into_response(),
    }
}

fn incomplete() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_incomplete", "the body did not arrive whole")
}

impl Door {
    /// Counts a call of an address that was not authentic. For how many seconds the address is to
    /// wait, if there were too many. Authentic calls are never held up, so a forger cannot shut a
    /// lender out that shares its address.
    fn failed(&self, extensions: &Extensions) -> Option<u64> {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip();
        let too_early = self.failures.check_key(&peer).err()?;
        if self.failures.len() > 10_000 {
            self.failures.retain_recent();
        }
        Some(too_early.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    }
}

enum Unread {
    TooLarge,
    Broken,
}

/// Reads a body while counting it, within a deadline.
async fn read(body: Body, headers: &HeaderMap) -> Result<Bytes, Unread> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if declared.and_then(|length| length.parse::<usize>().ok()).is_some_and(|it| it > MAX_BODY) {
        return Err(Unread::TooLarge);
    }
    let mut body = body;
    let collect = async {
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            if read.len() + data.len() > MAX_BODY {
                return Err(Unread::TooLarge);
            }
            read.extend_from_slice(&data);
        }
        Ok(read.freeze())
    };
    tokio::time::timeout(BODY_DEADLINE, collect).await.unwrap_or(Err(Unread::Broken))
}
