//! Chance that is the same in every run.

use super::Share;

/// A small generator (splitmix64): the same seed, the same throws.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The throws of one history, apart from those of all others and of other purposes.
    pub const fn of(seed: u64, history: u64, purpose: u64) -> Self {
        Self(spread(spread(seed) ^ spread(history.wrapping_mul(8).wrapping_add(purpose))))
    }

    /// A number below `sides`; 0 without sides.
    pub fn roll(&mut self, sides: u64) -> u64 {
        let thrown = spread(self.0);
        self.0 = self.0.wrapping_add(GAMMA);
        thrown.checked_rem(sides).unwrap_or(0)
    }

    /// A place in a list of that length; `None` in an empty one.
    pub fn place(&mut self, length: usize) -> Option<usize> {
        let sides = u64::try_from(length).ok().filter(|sides| *sides > 0)?;
        usize::try_from(self.roll(sides)).ok()
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.place(of.len())?)
    }

    /// An amount in minor units, from the first up to and with the last.
    pub fn amount(&mut self, first: i64, last: i64) -> i64 {
        let sides = u64::try_from(last - first + 1).unwrap_or(0);
        first + i64::try_from(self.roll(sides)).unwrap_or(0)
    }

    /// Whether it is one of the share.
    pub fn hits(&mut self, share: Share) -> bool {
        self.roll(Share::WHOLE) < share.0
    }
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads a number over all 64 bits.
pub const fn spread(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(GAMMA);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
