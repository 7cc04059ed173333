//! An archive that is sent as it is made: ZIP, its members as they are, none of their sizes known before
//! they end. Source: PKWARE, APPNOTE.TXT 6.3.10, 4.3 (records) and 4.5.3 (ZIP64).

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

/// Which release of the format is needed: 4.5, for members and archives of any size.
const VERSION: u16 = 45;
/// The size and the checksum of a member follow it; names are UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// 1980-01-01, the first day of the format: no time is told.
const DATE: u16 = 1 << 5 | 1;
/// Stands elsewhere.
const ELSEWHERE: u32 = u32::MAX;

/// An archive, made piece by piece. Not to be written to on a thread that polls.
#[derive(Clone, Debug)]
pub struct Archive(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    to: Sender<io::Result<Bytes>>,
    /// How many bytes were sent.
    at: u64,
    members: Vec<Listed>,
}

/// A member as the list in the end has it.
#[derive(Debug)]
struct Listed {
    name: String,
    begin: u64,
    bytes: u64,
    checksum: u32,
}

/// A member that is being written.
pub(super) struct Member {
    archive: Archive,
    name: String,
    begin: u64,
    bytes: u64,
    checksum: u32,
}

impl Archive {
    /// An archive whose pieces go to a channel. If nobody takes them any more, writing fails.
    pub fn new(to: Sender<io::Result<Bytes>>) -> Self {
        Self(Arc::new(Mutex::new(Inner { to, at: 0, members: Vec::new() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, name: &str) -> io::Result<Member> {
        let mut inner = self.inner();
        let begin = inner.at;
        let mut head = Record::new(0x0403_4b50);
        head.two(VERSION).two(FLAGS).two(0).two(0).two(DATE).four(0);
        head.four(ELSEWHERE).four(ELSEWHERE).length(name).two(20).text(name);
        head.two(1).two(16).eight(0).eight(0);
        inner.send(head.0.into())?;
        let (name, archive) = (name.to_owned(), self.clone());
        Ok(Member { archive, name, begin, bytes: 0, checksum: 0 })
    }

    /// Lists the members, and so ends it.
    pub(super) fn end(&self) -> io::Result<()> {
        let mut inner = self.inner();
        let (begin, count) = (inner.at, inner.members.len() as u64);
        let mut list = Record(Vec::new());
        for Listed { name, begin, bytes, checksum } in &inner.members {
            list.four(0x0201_4b50).two(VERSION).two(VERSION).two(FLAGS).two(0).two(0).two(DATE);
            list.four(*checksum).four(ELSEWHERE).four(ELSEWHERE).length(name).two(28);
            list.two(0).two(0).two(0).four(0).four(ELSEWHERE).text(name);
            list.two(1).two(24).eight(*bytes).eight(*bytes).eight(*begin);
        }
        let size = list.0.len() as u64;
        list.four(0x0606_4b50).eight(44).two(VERSION).two(VERSION).four(0).four(0);
        list.eight(count).eight(count).eight(size).eight(begin);
        list.four(0x0706_4b50).four(0).eight(begin + size).four(1);
        list.four(0x0605_4b50).two(0).two(0).two(u16::MAX).two(u16::MAX);
        list.four(ELSEWHERE).four(ELSEWHERE).two(0);
        inner.send(list.0.into())
    }
}

impl Inner {
    fn send(&mut self, bytes: Bytes) -> io::Result<()> {
        self.at += bytes.len() as u64;
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes it any more");
        self.to.blocking_send(Ok(bytes)).map_err(gone)
    }
}

impl Write for Member {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.checksum = checksum(self.checksum, bytes);
        self.bytes += bytes.len() as u64;
        self.archive.inner().send(Bytes::copy_from_slice(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Member {
    pub(super) fn end(self) -> io::Result<()> {
        let Self { archive, name, begin, bytes, checksum } = self;
        let mut told = Record::new(0x0807_4b50);
        told.four(checksum).eight(bytes).eight(bytes);
        let mut inner = archive.inner();
        inner.members.push(Listed { name, begin, bytes, checksum });
        inner.send(told.0.into())
    }
}

/// Numbers of the format, little endian.
struct Record(Vec<u8>);

impl Record {
    fn new(signature: u32) -> Self {
        Self(signature.to_le_bytes().to_vec())
    }

    fn two(&mut self, number: u16) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn four(&mut self, number: u32) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn eight(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// How long a name is: those of an export have a few letters.
    fn length(&mut self, name: &str) -> &mut Self {
        self.two(u16::try_from(name.len()).unwrap_or(u16::MAX))
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }
}

/// CRC-32 of what had this one before, and of these bytes behind it.
fn checksum(before: u32, bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!before, |sum, byte| TABLE[usize::from(byte ^ sum.to_le_bytes()[0])] ^ (sum >> 8))
}

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = (byte as u32, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_format() {
        assert_eq!(checksum(0, b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(checksum(0, b"1234"), b"56789"), 0xcbf4_3926);
    }
}
