//! An endpoint on loopback: takes notes of every call, checks what is promised of it, and answers as
//! it is told.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{event_types, number, text};

/// The secret of every endpoint here.
pub const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What the receiver answers.
#[derive(Clone, Debug)]
pub enum Says {
    /// A status.
    Status(u16),
    /// A status and a body.
    Body(u16, String),
    /// A status and a header.
    With(u16, &'static str, String),
    /// It takes the call and answers nothing until it is let go.
    Hangs,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub body: Value,
    pub was_taken: bool,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("ASCII")
    }

    /// `type/id`
    pub fn lane(&self) -> String {
        format!("{}/{}", text(&self.body, "aggregate_type"), text(&self.body, "aggregate_id"))
    }

    pub fn sequence(&self) -> i64 {
        number(&self.body, "sequence")
    }
}

#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    in_flight: BTreeSet<String>,
    /// Two calls of one lane at once.
    overlaps: Vec<String>,
    /// What it says next, by lane.
    says: BTreeMap<String, VecDeque<Says>>,
    /// What it says without that; 204, if nothing.
    says_otherwise: Option<Says>,
}

/// The receiver. A clone is the same one.
#[derive(Clone)]
pub struct Receiver {
    seen: Arc<Mutex<Seen>>,
    is_let_go: Arc<AtomicBool>,
    pub port: u16,
    serving: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let receiver =
            Self { seen: Arc::default(), is_let_go: Arc::default(), port, serving: Arc::default() };
        receiver.serve(listener);
        receiver
    }

    fn serve(&self, listener: TcpListener) {
        let router = Router::new().route("/hook", post(take)).with_state(self.clone());
        let serving = async { axum::serve(listener, router).await.expect("it serves") };
        *self.serving.lock().unwrap() = Some(tokio::spawn(serving));
    }

    /// Nobody listens from now on. Calls in flight are cut off.
    pub async fn goes_away(&self) {
        let serving = self.serving.lock().unwrap().take();
        if let Some(serving) = serving {
            serving.abort();
            let _ = serving.await;
        }
        self.seen.lock().unwrap().in_flight.clear();
    }

    pub async fn comes_back(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("the same port");
        self.serve(listener);
    }

    /// The settings of an endpoint that leads here; `more` is TOML.
    pub fn endpoint(&self, name: &str, more: &str) -> String {
        let port = self.port;
        format!(
            "[[endpoint]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}/hook\"\n\
             allow_loopback = true\nbegins = \"at_the_beginning\"\nretries = \"seed\"\n\
             secrets = [{{ id = \"one\", value = \"whsec_{KEY}\" }}]\n{more}\n"
        )
    }

    /// What it says to the next calls of a lane.
    pub fn says(&self, lane: &str, says: impl IntoIterator<Item = Says>) {
        let mut seen = self.seen.lock().unwrap();
        seen.says.entry(lane.to_owned()).or_default().extend(says);
    }

    /// What it says to whatever call.
    pub fn says_always(&self, says: Says) {
        self.seen.lock().unwrap().says_otherwise = Some(says);
    }

    /// Calls that hang are answered.
    pub fn lets_go(&self) {
        self.is_let_go.store(true, Ordering::SeqCst);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.seen.lock().unwrap().calls.clone()
    }

    /// The sequences that were taken of each lane, repeats too.
    pub fn taken(&self) -> BTreeMap<String, Vec<i64>> {
        let mut taken = BTreeMap::<String, Vec<i64>>::new();
        for call in self.calls().into_iter().filter(|call| call.was_taken) {
            taken.entry(call.lane()).or_default().push(call.sequence());
        }
        taken
    }

    /// Each lane in order, what comes again under its id and byte for byte, and one call at a time.
    /// Says how many came, and how many of these again.
    pub fn is_sound(&self) -> (usize, usize) {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.overlaps, Vec::<String>::new(), "two calls of one lane at once");
        let mut ids = BTreeMap::<String, Bytes>::new();
        let mut newest = BTreeMap::<String, i64>::new();
        let mut repeats = 0;
        for call in seen.calls.iter().filter(|call| call.was_taken) {
            let (lane, id) = (call.lane(), text(&call.body, "id").to_owned());
            assert_eq!(call.header("webhook-id"), id);
            match ids.get(&id) {
                Some(bytes) => {
                    assert_eq!(*bytes, call.bytes, "{lane}: other bytes under one id");
                    repeats += 1;
                }
                None => {
                    let before = newest.get(&lane).copied();
                    let previous = call.body["previous_sequence"].as_i64();
                    assert_eq!(previous, before, "{lane}: {}", call.body);
                    newest.insert(lane, call.sequence());
                    ids.insert(id, call.bytes.clone());
                }
            }
        }
        (seen.calls.len(), repeats)
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, bytes: Bytes) -> Response {
    verify(&headers, &bytes);
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    event_types::hold_sent(headers["content-type"].to_str().expect("ASCII"), &body);
    let call = Call { headers, bytes, body, was_taken: false };
    let lane = if call.body["aggregate_id"].is_string() { call.lane() } else { String::new() };
    let says = {
        let mut seen = receiver.seen.lock().unwrap();
        if !seen.in_flight.insert(lane.clone()) {
            seen.overlaps.push(lane.clone());
        }
        let own = seen.says.get_mut(&lane).and_then(VecDeque::pop_front);
        let says = own.or_else(|| seen.says_otherwise.clone()).unwrap_or(Says::Status(204));
        let was_taken = matches!(says, Says::Hangs | Says::Status(200..=299));
        seen.calls.push(Call { was_taken, ..call });
        says
    };
    if matches!(says, Says::Hangs) {
        while !receiver.is_let_go.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    receiver.seen.lock().unwrap().in_flight.remove(&lane);
    let status = |status| StatusCode::from_u16(status).expect("a status");
    match says {
        Says::Status(code) => (status(code), "the answer").into_response(),
        Says::Body(code, body) => (status(code), body).into_response(),
        Says::With(code, name, value) => (status(code), [(name, value)]).into_response(),
        Says::Hangs => status(204).into_response(),
    }
}

/// By hand, so that a mistake of ours is not checked by itself.
fn verify(headers: &HeaderMap, body: &[u8]) {
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(signature) = of("webhook-signature") else { return };
    let (id, time) = (of("webhook-id").expect("an id"), of("webhook-timestamp").expect("a time"));
    let key = STANDARD.decode(KEY).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert!(signature.split(' ').any(|one| one == expected), "{signature} is not {expected}");
}
