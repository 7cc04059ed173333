//! Texts of others, for reading: nothing in them is unseen, and nothing steers a page or a terminal.

/// A text in which every character is seen: those that turn the direction of reading, have no width or
/// control something are spelled out. Lines and tabs stay.
pub fn text(text: &str) -> String {
    spelled(text, &['\n', '\t'])
}

/// The same, in one line.
pub fn line(text: &str) -> String {
    spelled(text, &[])
}

fn spelled(text: &str, stay: &[char]) -> String {
    let mut seen = String::with_capacity(text.len());
    for letter in text.chars() {
        if (letter.is_control() || is_unseen(letter)) && !stay.contains(&letter) {
            seen += &format!("[U+{:04X}]", u32::from(letter));
        } else {
            seen.push(letter);
        }
    }
    seen
}

#[rustfmt::skip] // It is a table.
fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
        | '\u{200b}'..='\u{200f}'     // without width, marks of direction
        | '\u{2028}'..='\u{202e}'     // separators, overrides of direction
        | '\u{2060}'..='\u{206f}'     // joiners, isolates of direction
        | '\u{fff9}'..='\u{fffb}'     // annotations
        | '\u{e0000}'..='\u{e007f}'   // tags
    )
}

#[cfg(test)]
mod tests {
    use super::{line, text};

    #[test]
    fn what_steers_or_hides_is_spelled_out() {
        assert_eq!(text("a\u{202e}b\u{1b}[2J\n\tc\r"), "a[U+202E]b[U+001B][2J\n\tc[U+000D]");
        assert_eq!(line("a\nb"), "a[U+000A]b");
        assert_eq!(line("Grüße, 世界 👋"), "Grüße, 世界 👋");
    }
}
