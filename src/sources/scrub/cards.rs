//! Masks numbers that look like card numbers: 13 to 19 digits with a right check digit.

use std::ops::Range;

const CARD_LEAST: usize = 13;
const CARD_MOST: usize = 19;
const BULLET: &str = "•";
/// The least that a mask has in its midst.
const BULLETS_LEAST: usize = 3;
/// The digits of a card number that stay.
const SHOWN: usize = 10;
/// With so many other letters and digits beside it, a text is not a card number alone.
const BESIDE: usize = 8;

/// The text with its card numbers masked, and how many there are; none if there is none.
pub(super) fn mask(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    if text.len() < CARD_LEAST {
        return None;
    }
    let numbers = card_numbers(text);
    let mut masked = Vec::with_capacity(text.len());
    let mut copied = 0;
    for number in &numbers {
        masked.extend_from_slice(&text[copied..number.start]);
        let digits = text[number.clone()].iter().copied().filter(u8::is_ascii_digit);
        let digits: Vec<u8> = digits.collect();
        masked.extend_from_slice(&digits[..6]);
        masked.extend_from_slice(BULLET.repeat(digits.len() - SHOWN).as_bytes());
        masked.extend_from_slice(&digits[digits.len() - 4..]);
        copied = number.end;
    }
    masked.extend_from_slice(&text[copied..]);
    (!numbers.is_empty()).then_some((masked, numbers.len()))
}

/// Whether a text is a card number, and not much more.
pub(super) fn is_card(text: &[u8]) -> bool {
    let count = |text: &[u8]| text.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    mask(text)
        .is_some_and(|(masked, numbers)| count(&masked).saturating_sub(numbers * SHOWN) < BESIDE)
}

/// Where numbers stand that look like card numbers. Those that overlap count as one.
fn card_numbers(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut chain: Vec<Group> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(u8::is_ascii_alphanumeric) {
        let run = run_at(text, at + start);
        at = run.end;
        for group in groups_of(text, run) {
            let last = chain.last();
            let joint = last.and_then(|last| Joint::of(&text[last.at.end..group.start]));
            if joint.is_none() {
                search_chain(text, &chain, &mut found);
                chain.clear();
            }
            chain.push(Group { at: group, joint });
        }
    }
    search_chain(text, &chain, &mut found);
    found
}

/// Digits, and what joins them to those before.
struct Group {
    at: Range<usize>,
    joint: Option<Joint>,
}

/// What stands between two groups of digits.
#[derive(Clone, Copy)]
struct Joint {
    mark: char,
    /// Whether it is one space or dash. Such groups may be of any size.
    plain: bool,
}

impl Joint {
    fn of(gap: &[u8]) -> Option<Self> {
        match gap {
            [b' '] => return Some(Self { mark: ' ', plain: true }),
            [mark @ (b'-' | b'.' | b'_' | b'/')] => {
                return Some(Self { mark: char::from(*mark), plain: *mark == b'-' });
            }
            _ => {}
        }
        let mut rest = gap;
        let mut count = 0;
        while !rest.is_empty() {
            let length = match rest {
                [b' ' | b'\t', ..] => 1,
                // No-break space.
                [0xC2, 0xA0, ..] => 2,
                // U+2000 to U+200A, U+202F, U+205F: spaces that are thin or of some other width.
                [0xE2, 0x80, 0x80..=0x8A | 0xAF, ..] | [0xE2, 0x81, 0x9F, ..] => 3,
                _ => return None,
            };
            rest = &rest[length..];
            count += 1;
        }
        (count > 0).then_some(Self { mark: ' ', plain: count == 1 })
    }
}

/// The letters and digits from `start` on; all of a UUID is one run.
fn run_at(text: &[u8], start: usize) -> Range<usize> {
    let run = |start: usize| {
        start + text[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count()
    };
    let shape = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let end = start + shape.len();
    if text.get(start..end).is_some_and(|text| looks_like(text, shape)) && run(end) == end {
        return start..end;
    }
    let end = run(start);
    // The letter of an escape in a text in a text is none.
    let escape = start > 0 && text[start - 1] == b'\\' && b"nrtbf".contains(&text[start]);
    start + usize::from(escape)..end
}

/// The digits of a run that may be of a card number. A run that looks like an id has none.
fn groups_of(text: &[u8], run: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let is_like = |one: &u8, next: &u8| one.is_ascii_digit() == next.is_ascii_digit();
    let text = &text[run.clone()];
    let parts = text.chunk_by(is_like).take(4).count();
    let is_hex = || text.iter().all(u8::is_ascii_hexdigit);
    let is_id = parts > 3 || parts == 3 && is_hex() || text.contains(&b'-');
    let text = if is_id { &[] } else { text };
    text.chunk_by(is_like)
        .scan(run.start, |at, part| {
            *at += part.len();
            Some(*at - part.len()..*at)
        })
        .zip(text.chunk_by(is_like))
        .filter(|(_, part)| part[0].is_ascii_digit() && part.len() <= CARD_MOST)
        .map(|(at, _)| at)
}

/// Finds card numbers in groups of digits that are joined.
fn search_chain(text: &[u8], chain: &[Group], found: &mut Vec<Range<usize>>) {
    for (index, Group { at: first, .. }) in chain.iter().enumerate() {
        let Some(end) = longest_card(text, &chain[index..]) else { continue };
        match found.last_mut() {
            Some(last) if first.start < last.end => last.end = last.end.max(end),
            _ => found.push(first.start..end),
        }
    }
}

/// Where the longest card number ends that starts with the first group.
fn longest_card(text: &[u8], groups: &[Group]) -> Option<usize> {
    let first = &groups.first()?.at;
    if ends_mask(text, first) {
        return None;
    }
    let mark = groups.get(1).and_then(|group| group.joint).map(|joint| joint.mark);
    let (mut plain, mut alike, mut even) = (true, true, true);
    let (mut count, mut longest) = (0, None);
    // The check sums if the last digit counts once, and if it counts twice.
    let (mut once, mut twice) = (0_u32, 0_u32);
    let mut is_zero = true;
    for (index, Group { at: group, joint }) in groups.iter().enumerate() {
        if index > 0
            && let Some(joint) = joint
        {
            plain &= joint.plain;
            alike &= mark == Some(joint.mark);
            even &= (4..=6).contains(&groups[index - 1].at.len());
        }
        count += group.len();
        if count > CARD_MOST || !(plain || alike && even) {
            break;
        }
        for digit in &text[group.clone()] {
            let digit = u32::from(digit - b'0');
            is_zero &= digit == 0;
            (once, twice) = (twice + digit, once + digit * 2 / 10 + digit * 2 % 10);
        }
        let is_grouped = plain || index > 1 || mark == Some(' ');
        if count < CARD_LEAST || once % 10 != 0 || is_zero || !is_grouped {
            continue;
        }
        let is_time = index == 0 && is_unix_time(&text[group.clone()]);
        let is_decimal = (plain || mark != Some('.'))
            && (is_fraction(text, first.start) || has_fraction(text, group.end));
        if !is_time && !is_decimal && !opens_mask(text, group) {
            longest = Some(group.end);
        }
    }
    longest
}

/// Whether digits are the first six of a mask.
fn opens_mask(text: &[u8], digits: &Range<usize>) -> bool {
    let mut rest = &text[digits.end..];
    let mut bullets = 0;
    while let Some(after) = rest.strip_prefix(BULLET.as_bytes()) {
        (rest, bullets) = (after, bullets + 1);
    }
    digits.len() == 6 && bullets >= BULLETS_LEAST && leading_digits(rest.iter(), 5) == 4
}

/// Whether digits are the last four of a mask.
fn ends_mask(text: &[u8], digits: &Range<usize>) -> bool {
    let mut rest = &text[..digits.start];
    let mut bullets = 0;
    while let Some(before) = rest.strip_suffix(BULLET.as_bytes()) {
        (rest, bullets) = (before, bullets + 1);
    }
    digits.len() == 4 && bullets >= BULLETS_LEAST && leading_digits(rest.iter().rev(), 7) == 6
}

/// Whether the digits from `start` on are those after the point of a number.
fn is_fraction(text: &[u8], start: usize) -> bool {
    let whole = text[..start].strip_suffix(b".").unwrap_or_default();
    (1..=6).contains(&leading_digits(whole.iter().rev(), 7))
}

/// Whether the number that ends at `end` has one or two digits after the point that say something.
fn has_fraction(text: &[u8], end: usize) -> bool {
    let fraction = text[end..].strip_prefix(b".").unwrap_or_default();
    let (digits, rest) = fraction.split_at(leading_digits(fraction.iter(), 3));
    let goes_on = matches!(rest, [b'.' | b'_' | b'/' | b'-', next, ..] if next.is_ascii_digit());
    matches!(digits.len(), 1 | 2) && digits.iter().any(|digit| *digit != b'0') && !goes_on
}

fn leading_digits<'a>(bytes: impl Iterator<Item = &'a u8>, most: usize) -> usize {
    bytes.take(most).take_while(|byte| byte.is_ascii_digit()).count()
}

/// Whether digits are a Unix time of this age in milli-, micro- or nanoseconds. No card of a
/// payment network starts with 1.
fn is_unix_time(digits: &[u8]) -> bool {
    digits.first() == Some(&b'1') && matches!(digits.len(), 13 | 16 | 19)
}

/// Whether a text has the shape given: `0` is any digit, `x` any hexadecimal one.
pub(super) fn looks_like(text: &[u8], shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_hexdigit(),
            _ => byte == shape,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let shown = mask(text.as_bytes()).map_or(text.as_bytes().to_vec(), |(shown, _)| shown);
        String::from_utf8(shown).unwrap()
    }

    #[test]
    fn first_six_and_last_four_of_a_card_number_stay() {
        #[rustfmt::skip] // It is a table.
        let cases = [
            ("4111111111111111",              "411111••••••1111"),
            ("4222222222222",                 "422222•••2222"),
            ("3782 822463 10005",             "378282•••••0005"),
            ("card 4111-1111-1111-1111.",     "card 411111••••••1111."),
            ("order 12 4111111111111111",     "order 12 411111••••••1111"),
            ("a 4111 1111 1111 1111 b, 5555555555554444", "a 411111••••••1111 b, 555555••••••4444"),
            (r"x\n4111111111111111",          r"x\n411111••••••1111"),
            ("6304000000000000000 7",         "630400•••••••••0000 7"),
            ("VISA4111111111111111",          "VISA411111••••••1111"),
            ("x4111111111111111",             "x411111••••••1111"),
            ("4111111111111111x",             "411111••••••1111x"),
            ("%B4111111111111111^",           "%B411111••••••1111^"),
            ("VISA4111 1111 1111 1111EXP",    "VISA411111••••••1111EXP"),
            ("4111111111111111exp1229",       "411111••••••1111exp1229"),
            ("4111.1111.1111.1111",           "411111••••••1111"),
            ("4111_1111_1111_1111",           "411111••••••1111"),
            ("4111/1111/1111/1111.",          "411111••••••1111."),
            ("3782/822463/10005",             "378282•••••0005"),
            ("4111  1111   1111 1111",        "411111••••••1111"),
            ("4111\u{a0}1111\u{a0}1111\u{a0}1111", "411111••••••1111"),
            ("4111\u{2009}1111\u{202f}1111 1111", "411111••••••1111"),
            ("4111111111111111••••",          "411111••••••1111••••"),
            ("4111 1111 1111 1111•••1234",    "411111••••••1111•••1234"),
            ("•••4111 1111 1111 1111",        "•••411111••••••1111"),
            ("4111111111111111.0",            "411111••••••1111.0"),
            ("4111111111111111.12/29",        "411111••••••1111.12/29"),
            ("4111111111111111.1229",         "411111••••••1111.1229"),
            ("4111111111111111. 12",          "411111••••••1111. 12"),
            ("4111111111111111.5555555555554444", "411111••••••1111.555555••••••4444"),
        ];
        for (text, shown) in cases {
            assert_eq!(masked(text), shown);
            assert_eq!(masked(shown), shown, "a mask stays as it is");
        }
    }

    #[test]
    fn what_is_no_card_number_stays() {
        for text in [
            "4111111111111112",
            "411111111111",
            "41111111111111111111111",
            "4111 1111-1111 111",
            "a4111111111111111f",
            "a1b4111111111111111",
            "x4111111111111111x2",
            "4111111111111111e5",
            "411.111111.111.1111",
            "4111.1111_1111.1111",
            "41/11/1111/1111/1111",
            "41111111.11111111",
            "4222222222222.45",
            "4222222222222.5 EUR",
            "0.4111111111111111",
            "at 2025-02-27T18:11:32.4111111111111111Z.",
            "2025-02-27T18:11:32.411111111111111+00:00",
            "1234567890123.45",
            "192.168.100.200/1234",
            "411111••••••1111••••••1111",
            "0000000000000000",
            "1740679892356",
            "1740679892350004",
            "41111111-1111-1111-4111-111111111111",
            "411111•••1111 0000 0000 0004",
            "2000003 411111••••••1111",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn numbers_that_overlap_are_masked_as_one() {
        // Both the first four groups and the last four pass the check.
        assert_eq!(masked("4242 4242 4242 4242 4242 4242"), "424242••••••••••••••4242");
    }

    #[test]
    fn a_text_with_much_beside_a_card_number_is_none() {
        for text in [
            "4111111111111111",
            "VISA 4111-1111-1111-1111 12/2",
            "4111111111111111 5555555555554444",
        ] {
            assert!(is_card(text.as_bytes()), "{text}");
        }
        for text in ["", "4111111111111112", "VISA 4111111111111111 12/29"] {
            assert!(!is_card(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn every_number_with_a_right_check_digit_is_masked() {
        for length in 13..=19 {
            for seed in 0..200_u64 {
                let body = format!("4{:0>18}", seed * 7_919_317_771)[..length - 1].to_owned();
                let hits = (0..10).filter(|last| masked(&format!("{body}{last}")).contains('•'));
                assert_eq!(hits.count(), 1, "{body}");
            }
        }
    }
}
