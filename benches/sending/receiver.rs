//! An endpoint that takes notifications, as plain as it gets: its time is not to count. It keeps
//! account of what came.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It takes each call.
    Takes,
    /// It reads each call and never answers.
    Hangs,
    /// It answers each call with this status.
    Says(u16),
}

/// A notification that came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Came {
    pub id: String,
    /// `type/id` of the aggregate.
    pub lane: String,
    pub sequence: i64,
    pub previous: Option<i64>,
    /// Of the bytes of the body.
    pub hash: u64,
}

/// The members of a body that are looked at.
#[derive(Deserialize)]
struct Body<'a> {
    id: &'a str,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    sequence: i64,
    previous_sequence: Option<i64>,
    recorded_at: Timestamp,
}

impl Came {
    /// What came, and when it had been recorded.
    pub fn of(body: &[u8]) -> (Self, Timestamp) {
        let read: Body<'_> = serde_json::from_slice(body).expect("a notification");
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let came = Self {
            id: read.id.to_owned(),
            lane: format!("{}/{}", read.aggregate_type, read.aggregate_id),
            sequence: read.sequence,
            previous: read.previous_sequence,
            hash: hasher.finish(),
        };
        (came, read.recorded_at)
    }
}

/// What came, and whether it came as it was promised.
#[derive(Debug, Default)]
pub struct Account {
    /// Notifications, each once.
    pub distinct: u64,
    /// What came again under its id.
    pub repeats: u64,
    /// What came again under its id with other bytes.
    pub other_bytes: u64,
    /// What did not follow what had come last of its lane.
    pub out_of_order: u64,
    /// Of what came first: how long after it was recorded.
    pub lags: Vec<Duration>,
    /// Of each lane the last sequence.
    pub lanes: HashMap<String, i64>,
    hashes: HashMap<String, u64>,
}

impl Account {
    /// Takes in what came next, and how long after it was recorded, where that is measured.
    pub fn take(&mut self, came: Came, lag: Option<Duration>) {
        if let Some(hash) = self.hashes.get(&came.id) {
            self.repeats += 1;
            self.other_bytes += u64::from(*hash != came.hash);
            return;
        }
        self.distinct += 1;
        self.lags.extend(lag);
        let last = self.lanes.get(&came.lane).copied();
        self.out_of_order += u64::from(came.previous != last || last >= Some(came.sequence));
        self.lanes.insert(came.lane, came.sequence);
        self.hashes.insert(came.id, came.hash);
    }

    /// Whether nothing was other than promised.
    pub fn is_sound(&self) -> bool {
        self.other_bytes == 0 && self.out_of_order == 0
    }
}

/// An endpoint on loopback in this process.
pub struct Receiver {
    pub address: SocketAddr,
    account: Arc<Mutex<Account>>,
}

impl Receiver {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let account = Arc::<Mutex<Account>>::default();
        let kept = Arc::clone(&account);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, manner, Arc::clone(&kept)));
            }
        });
        Self { address, account }
    }

    pub fn distinct(&self) -> u64 {
        self.account.lock().expect("nobody panicked").distinct
    }

    /// What came so far; the account begins anew.
    pub fn account(&self) -> Account {
        std::mem::take(&mut *self.account.lock().expect("nobody panicked"))
    }

    /// The settings of an endpoint that leads here and takes all there is from the beginning.
    pub fn endpoint(&self, name: &str, in_flight: usize) -> serde_json::Value {
        endpoint(name, self.address, in_flight)
    }
}

/// The settings of an endpoint on loopback that takes all there is from the beginning.
pub fn endpoint(name: &str, address: SocketAddr, in_flight: usize) -> serde_json::Value {
    serde_json::json!({
        "name": name,
        "url": format!("http://{address}/"),
        "allow_loopback": true,
        "begins": "at_the_beginning",
        "retries": "seed",
        "attempts": 50,
        "in_flight": in_flight,
        "secrets": [{ "id": "bench", "value": "a-secret-of-the-benchmark" }],
    })
}

async fn converse(stream: TcpStream, manner: Manner, account: Arc<Mutex<Account>>) {
    let mut calls = Calls::of(stream);
    while let Some(body) = calls.next().await {
        match manner {
            Manner::Takes => {
                let (came, recorded_at) = Came::of(&body);
                let lag = Timestamp::now().duration_since(recorded_at);
                account.lock().expect("nobody panicked").take(came, lag.try_into().ok());
                calls.answer(204).await;
            }
            Manner::Hangs => std::future::pending().await,
            Manner::Says(status) => calls.answer(status).await,
        }
    }
}

/// The calls of a keep-alive connection.
pub struct Calls {
    stream: TcpStream,
    read: Vec<u8>,
    /// How much of what was read is the call that was given last.
    given: usize,
}

impl Calls {
    pub fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("no delay");
        Self { stream, read: Vec::new(), given: 0 }
    }

    /// The body of the next call; `None` if the connection has ended.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.read.drain(..self.given);
        self.given = 0;
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
        while self.read.len() < head + length {
            self.more().await?;
        }
        self.given = head + length;
        Some(self.read[head..self.given].to_vec())
    }

    async fn more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.read).await.ok()?;
        (read > 0).then_some(())
    }

    pub async fn answer(&mut self, status: u16) {
        let length = if status == 204 { "" } else { "content-length: 0\r\n" };
        let answer = format!("HTTP/1.1 {status} as asked\r\n{length}\r\n");
        // Whoever called may be gone.
        let _ = self.stream.write_all(answer.as_bytes()).await;
    }
}
