//! What goes wrong on the way: the deliveries of a history in the order in which they are sent.

use super::{Dice, History, Share};

/// What is thrown for faults, beside what is thrown for steps.
const FAULTS: u64 = 1;
/// How many places a delivery falls back at most.
const WINDOW: u64 = 3;

/// What a lender, or the way to the partner, does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is sent again after it was acknowledged.
    Repeat,
    /// It is sent after some that happened later.
    Disorder,
    /// It is sent later than it could be.
    Delay,
    /// The lender never sees the acknowledgement.
    LostAcknowledgement,
    /// It comes with a wrong signature first.
    WrongSignature,
    /// A broken copy of it is sent too.
    Malformed,
    /// The lifecycle does not allow it.
    Illegal,
    /// Its key is used again with other content.
    OtherContent,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Repeat,
        Self::Disorder,
        Self::Delay,
        Self::LostAcknowledgement,
        Self::WrongSignature,
        Self::Malformed,
        Self::Illegal,
        Self::OtherContent,
    ];

    /// The name in flags, tables and the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeat => "repeats",
            Self::Disorder => "disorder",
            Self::Delay => "delays",
            Self::LostAcknowledgement => "lost-acknowledgements",
            Self::WrongSignature => "wrong-signatures",
            Self::Malformed => "malformed",
            Self::Illegal => "illegal",
            Self::OtherContent => "other-content",
        }
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// How much of each goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shares(pub [Share; Fault::ALL.len()]);

impl Shares {
    /// The share of a fault.
    pub fn of(&self, fault: Fault) -> Share {
        let of = Fault::ALL.into_iter().zip(self.0).find(|(each, _)| *each == fault);
        of.map_or(Share::NONE, |(_, share)| share)
    }
}

/// A delivery that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name in the journal, unique in the run.
    pub key: String,
    /// The lender's name of it.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// Its place among the steps of the history, in the order in which they happened.
    pub place: usize,
    /// What goes wrong with it.
    pub faults: Vec<Fault>,
    /// How often it is sent again after it was acknowledged.
    pub repeats: u64,
}

impl Planned {
    /// Whether that goes wrong with it.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

/// The deliveries of a history, in the order in which they are sent.
pub fn plan(history: &History, (seed, number): (u64, u64), shares: &Shares) -> Vec<Planned> {
    let mut dice = Dice::of(seed, number, FAULTS);
    let mut placed: Vec<(u64, Planned)> = Vec::new();
    for (place, step) in history.steps.iter().enumerate() {
        let at = u64::try_from(place).unwrap_or(u64::MAX / 2) * 2;
        let mut hits = |fault| dice.hits(shares.of(fault));
        let on_the_way = [
            Fault::Repeat,
            Fault::Disorder,
            Fault::Delay,
            Fault::LostAcknowledgement,
            Fault::WrongSignature,
        ];
        let mut faults: Vec<_> = on_the_way.into_iter().filter(|fault| hits(*fault)).collect();
        let (is_copied, is_reused) = (hits(Fault::Malformed), hits(Fault::OtherContent));
        faults.extend(step.is_illegal.then_some(Fault::Illegal));
        let said = |suffix: &str, body: String, faults: Vec<Fault>| Planned {
            key: format!("{}/{place}{suffix}", history.name),
            event: step.event.clone(),
            body,
            place,
            faults,
            repeats: 0,
        };
        let mut told = said("", step.body.clone(), faults);
        if told.has(Fault::Repeat) {
            told.repeats = 1 + dice.roll(3);
        }
        let back = if told.has(Fault::Disorder) { 2 + 2 * dice.roll(WINDOW) } else { 0 };
        placed.push((at + back, told));
        if is_copied {
            let broken = broken(&step.body, &mut dice);
            placed.push((at + 1, said("-malformed", broken, vec![Fault::Malformed])));
        }
        if let Some(other) = step.same_key.clone().filter(|_| is_reused) {
            placed.push((at + 1, said("-other-content", other, vec![Fault::OtherContent])));
        }
    }
    // What falls back comes after what stands where it falls.
    placed.sort_by_key(|(at, planned)| (*at, planned.has(Fault::Disorder)));
    placed.into_iter().map(|(_, planned)| planned).collect()
}

/// A body that is no step: cut off, or no object.
fn broken(body: &str, dice: &mut Dice) -> String {
    if dice.roll(2) == 0 {
        return format!("[{body}]");
    }
    let half = body.len() / 2;
    let end = (half..body.len()).find(|end| body.is_char_boundary(*end)).unwrap_or(half);
    body.get(..end).unwrap_or_default().to_owned()
}
