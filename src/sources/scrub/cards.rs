//! Masks numbers that look like card numbers: 13 to 19 digits with a right check digit.

use std::ops::Range;

const CARD_LEAST: usize = 13;
const CARD_MOST: usize = 19;
const BULLET: &str = "•";
/// The least that a mask has in its midst.
const MASKED: &[u8] = "•••".as_bytes();

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
        masked.extend_from_slice(BULLET.repeat(digits.len() - 10).as_bytes());
        masked.extend_from_slice(&digits[digits.len() - 4..]);
        copied = number.end;
    }
    masked.extend_from_slice(&text[copied..]);
    (!numbers.is_empty()).then_some((masked, numbers.len()))
}

/// Where numbers stand that look like card numbers. Those that overlap count as one.
fn card_numbers(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut chain: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(u8::is_ascii_alphanumeric) {
        let run = run_at(text, at + start);
        at = run.end;
        let joined =
            chain.last().is_some_and(|last| matches!(&text[last.end..run.start], b" " | b"-"));
        if !joined {
            search_chain(text, &chain, &mut found);
            chain.clear();
        }
        if run.len() <= CARD_MOST && text[run.clone()].iter().all(u8::is_ascii_digit) {
            chain.push(run);
        } else {
            search_chain(text, &chain, &mut found);
            chain.clear();
        }
    }
    search_chain(text, &chain, &mut found);
    found
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

/// Finds card numbers in groups of digits, each parted from the next by one space or dash.
fn search_chain(text: &[u8], chain: &[Range<usize>], found: &mut Vec<Range<usize>>) {
    for (index, first) in chain.iter().enumerate() {
        let Some(end) = longest_card(text, &chain[index..]) else { continue };
        match found.last_mut() {
            Some(last) if first.start < last.end => last.end = last.end.max(end),
            _ => found.push(first.start..end),
        }
    }
}

/// Where the longest card number ends that starts with the first group.
fn longest_card(text: &[u8], groups: &[Range<usize>]) -> Option<usize> {
    let is_part_of_mask = |end: usize| text[end..].starts_with(MASKED);
    if text[..groups.first()?.start].ends_with(MASKED) {
        return None;
    }
    let (mut count, mut longest) = (0, None);
    // The check sums if the last digit counts once, and if it counts twice.
    let (mut once, mut twice) = (0_u32, 0_u32);
    let mut is_zero = true;
    for (index, group) in groups.iter().enumerate() {
        count += group.len();
        if count > CARD_MOST {
            break;
        }
        for digit in &text[group.clone()] {
            let digit = u32::from(digit - b'0');
            is_zero &= digit == 0;
            (once, twice) = (twice + digit, once + digit * 2 / 10 + digit * 2 % 10);
        }
        let is_card = count >= CARD_LEAST && once % 10 == 0 && !is_zero;
        let is_time = index == 0 && is_unix_time(&text[group.clone()]);
        if is_card && !is_time && !is_part_of_mask(group.end) {
            longest = Some(group.end);
        }
    }
    longest
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
            "4111  1111  1111  1111",
            "4111 1111-1111 111",
            "x4111111111111111",
            "4111111111111111x",
            "0000000000000000",
            "1740679892356",
            "1740679892350004",
            "41111111-1111-1111-4111-111111111111",
            "•••1111 0000 0000 0004",
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
