//! Finds where a secret is repeated, in one way through a text however many secrets there are.

use super::lexer::{Lexer, Piece, decode, end_of_text};

const NEEDLE_LEAST: usize = 8;
const NEEDLE_MOST: usize = 64;

/// The secrets of a body, to be found where they are repeated: of a long one the end alone.
///
/// Sorted, and none the start of another. So the greatest that is not after a text is the only
/// one that can stand at its start.
#[derive(Default)]
pub(super) struct Needles {
    ends: Vec<Vec<u8>>,
    /// For each hash of the first bytes whether a secret has it, so that most texts are passed over fast.
    starts: Vec<bool>,
}

impl Needles {
    pub(super) fn of(lexer: Lexer<'_>) -> Self {
        let body = lexer.body;
        let mut needles = Self::default();
        for piece in lexer {
            let Piece::Secret { at, .. } = piece else { continue };
            let token = &body[at];
            let Some(inner) = token.strip_prefix(b"\"") else {
                needles.add(token);
                continue;
            };
            let (_, closed) = end_of_text(token, 0);
            let inner = &inner[..inner.len() - usize::from(closed)];
            needles.add(inner);
            needles.add(&decode(inner));
        }
        needles.ends.sort_unstable();
        needles.ends.dedup_by(|later, kept| later.starts_with(kept));
        needles
    }

    fn add(&mut self, text: &[u8]) {
        let Some(end) = text.get(text.len().saturating_sub(NEEDLE_MOST)..) else { return };
        if let Some(start) = end.first_chunk() {
            self.starts.resize(1 << 16, false);
            self.starts[hash(start)] = true;
            self.ends.push(end.to_vec());
        }
    }

    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        let starts = (0..).zip(text.windows(NEEDLE_LEAST));
        !self.ends.is_empty() && starts.into_iter().any(|(at, _)| self.one_opens(&text[at..]))
    }

    fn one_opens(&self, text: &[u8]) -> bool {
        if !text.first_chunk().is_some_and(|start| self.starts[hash(start)]) {
            return false;
        }
        let text = &text[..text.len().min(NEEDLE_MOST)];
        let after = self.ends.partition_point(|end| end.as_slice() <= text);
        after > 0 && text.starts_with(&self.ends[after - 1])
    }
}

fn hash(start: &[u8; NEEDLE_LEAST]) -> usize {
    let spread = u64::from_le_bytes(*start).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::from((spread >> 48) as u16)
}
