//! A connection on which a test writes what no well-behaved client would.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ledger::Ledger;
use super::service::{SECRET, signature, unix_now};

pub struct Wire(TcpStream);

impl Wire {
    pub async fn to(ledger: &Ledger) -> Self {
        let base = ledger.service.base();
        let address = base.strip_prefix("http://").expect("plain HTTP");
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("it is read");
    }

    /// The head of a signed webhook, with the header that tells its length.
    pub async fn send_head(&mut self, ledger: &Ledger, body: &[u8], length: &str) {
        let signature = signature(SECRET, &unix_now().to_string(), body);
        let head = format!(
            "POST /webhooks/{} HTTP/1.1\r\nHost: creditrail\r\nContent-Type: application/json\r\n\
             X-IMPRINT-HMAC-SIGNATURE: {signature}\r\n{length}\r\n\r\n",
            ledger.source
        );
        self.send(head).await;
    }

    pub async fn send_chunk(&mut self, bytes: &[u8]) {
        self.send(format!("{:x}\r\n", bytes.len())).await;
        self.send(bytes).await;
        self.send("\r\n").await;
    }

    /// The status of the answer, which has to come though the call is not complete.
    pub async fn status(&mut self) -> u16 {
        let mut head = Vec::new();
        let line = async {
            while !head.contains(&b'\n') {
                let mut part = [0; 512];
                let read = self.0.read(&mut part).await.expect("an answer");
                assert_ne!(read, 0, "closed without an answer");
                head.extend_from_slice(&part[..read]);
            }
        };
        timeout(Duration::from_secs(10), line).await.expect("an answer in time");
        let line = String::from_utf8_lossy(&head);
        let status = line.split(' ').nth(1).expect("a status line");
        status.parse().expect("a status")
    }

    /// Whether the other side ends the connection, with or without a word, within these seconds.
    pub async fn closed_within(mut self, seconds: u64) -> bool {
        let end = async {
            let mut rest = Vec::new();
            // A reset is an end, too.
            let _ = self.0.read_to_end(&mut rest).await;
        };
        timeout(Duration::from_secs(seconds), end).await.is_ok()
    }
}
