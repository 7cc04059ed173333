//! A keep-alive connection, as plain as it gets: its time is not to count.

use std::{fmt::Write as _, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, read: Vec::new() }
    }

    /// The status and the length of what is answered.
    pub async fn get(&mut self, path: &str) -> (u16, usize) {
        let call = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.stream.write_all(call.as_bytes()).await.expect("it is sent");
        let (status, body) = self.answer().await;
        (status, body.len())
    }

    /// What is answered, as JSON.
    pub async fn json(&mut self, path: &str) -> serde_json::Value {
        let call = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.stream.write_all(call.as_bytes()).await.expect("it is sent");
        let (status, body) = self.answer().await;
        assert_eq!(status, 200, "{path}");
        serde_json::from_slice(&body).expect("JSON")
    }

    pub async fn post(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> u16 {
        let mut call = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            let _ = write!(call, "{name}: {value}\r\n");
        }
        call.push_str("\r\n");
        let mut call = call.into_bytes();
        call.extend_from_slice(body);
        self.stream.write_all(&call).await.expect("it is sent");
        self.answer().await.0
    }

    /// Status and body. Every answer here has its length.
    async fn answer(&mut self) -> (u16, Vec<u8>) {
        self.read.clear();
        let head = loop {
            assert!(self.stream.read_buf(&mut self.read).await.expect("an answer") > 0, "it ended");
            if let Some(end) = self.read.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        let status = text.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
        while self.read.len() < head + length {
            assert!(self.stream.read_buf(&mut self.read).await.expect("the rest") > 0, "it ended");
        }
        (status, self.read[head..head + length].to_vec())
    }
}
