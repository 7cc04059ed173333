//! What every drawing has: escaped text, and labels that people read.

/// Text as it may stand in an element or in a quoted attribute. What XML does not allow is left out.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            control if control.is_control() => {}
            '\u{fffe}' | '\u{ffff}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// How wide a text is about, in pixels, in a font of that size.
pub fn width(text: &str, size: i32) -> i32 {
    // Capitals are wider.
    let hundredths = |letter: char| if letter.is_uppercase() { 72 } else { 57 };
    let sum = text.chars().fold(0_i32, |sum, letter| sum.saturating_add(hundredths(letter)));
    sum.saturating_mul(size) / 100
}
