//! Lenders that do not exist: what they would send, and what a partner has to know of it.
//!
//! Reading order: [`walk`] (over the tables that decide), a file for each kind of lender (its
//! histories and bodies), [`plan`] (what goes wrong on the way), [`expected`] (what is known in
//! the end). All of it is pure: the same seed gives the same bytes.

pub mod dice;
pub mod expected;
pub mod imprint;
pub mod loans;
pub mod onboarding;
pub mod plan;
pub mod walk;

use std::{fmt, str::FromStr};

use jiff::Timestamp;

pub use dice::Dice;

use crate::sources::Kind;

/// The first day of the histories, 2026-06-01, in seconds since 1970.
const START: i64 = 1_780_272_000;
/// What a history throws for its steps, beside what is thrown for its faults.
const STEPS: u64 = 0;
/// An odd step for so many that are in order.
const ODD: Share = Share(125);

/// A share, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
    /// All of it.
    pub const WHOLE: u64 = 1000;
    /// Nothing of it.
    pub const NONE: Self = Self(0);
}

impl FromStr for Share {
    type Err = String;

    /// `20%`, `0.5%` or `20`: percent with at most one decimal.
    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').unwrap_or(text).trim();
        let (whole, tenth) = percent.split_once('.').unwrap_or((percent, "0"));
        let digits = |text: &str| text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
        let share = match (digits(whole), digits(tenth)) {
            (Some(whole), Some(tenth)) if whole <= 100 && tenth < 10 => whole * 10 + tenth,
            _ => return Err("must be 0% to 100%, with at most one decimal".to_owned()),
        };
        Some(Self(share))
            .filter(|share| share.0 <= Self::WHOLE)
            .ok_or_else(|| "must be at most 100%".to_owned())
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}%", self.0 / 10, self.0 % 10)
    }
}

/// One thing that a lender tells of, step after step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Its name, unique in the run.
    pub name: String,
    /// In the order in which they happened.
    pub steps: Vec<Step>,
}

/// One webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The lender's name of it: `TRANSACTION CAPTURED`.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// Other content that the lender would send under the same key, where its webhooks have one.
    pub same_key: Option<String>,
    /// Whether the table refuses it, or lets it wait.
    pub is_illegal: bool,
}

/// Histories of a kind of lender, by number.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    /// Which lender.
    pub kind: Kind,
    /// The same seed, the same bytes.
    pub seed: u64,
    /// Of the steps, so many are followed by one that the table does not allow.
    pub illegal: Share,
}

impl Generator {
    /// The history of that number.
    pub fn history(&self, number: u64) -> History {
        let mut chance = Chance {
            seed: self.seed,
            number,
            illegal: self.illegal,
            dice: Dice::of(self.seed, number, STEPS),
        };
        let name = format!("sim-{}-{number}", self.seed);
        let steps = match self.kind {
            Kind::Imprint => imprint::history(&name, &mut chance),
            Kind::CardOnboarding => onboarding::history(&name, &mut chance),
            Kind::ChargeAfter => loans::history(&name, &mut chance),
            // Only its host knows what it sends.
            Kind::Host => Vec::new(),
        };
        History { name, steps }
    }
}

/// What a history is made by.
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    number: u64,
    illegal: Share,
    dice: Dice,
}

impl Chance {
    /// When the step of that place happened: an hour after the one before it.
    fn time(&self, place: usize) -> String {
        let minutes = i64::try_from(self.number % 200_000).unwrap_or(0);
        let hours = i64::try_from(place).unwrap_or(0);
        let at = Timestamp::from_second(START + 60 * minutes + 3_600 * hours);
        at.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
    }
}
