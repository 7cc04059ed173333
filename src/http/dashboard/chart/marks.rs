//! What every chart is made of: parts with a pattern each, and their legend.

use std::fmt::Write as _;

use super::{
    super::svg::{escape, width},
    draw::{FONT, WIDTH},
};

/// Each part's pattern: what is drawn on a square of 6 pixels. The first is plain, the second pale.
const PATTERNS: [&str; 7] = [
    "",
    "",
    "M0 3 H6",
    "M3 2 V4",
    "M-1 1 L1 -1 M0 6 L6 0 M5 7 L7 5",
    "M0 6 L6 0 M0 0 L6 6",
    "M3 0 V6",
];

/// The beginning of a drawing of that height, named for those who do not see it.
pub(super) fn open((title, desc): (&str, &str), height: i64) -> String {
    format!(
        "<svg class=\"ch\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\
         <title>{}</title><desc>{}</desc>",
        escape(title),
        escape(desc),
    )
}

/// The patterns of as many parts, under names of their own.
pub(super) fn patterns(id: &str, parts: usize) -> String {
    let mut defs = String::from("<defs>");
    for (nth, lines) in PATTERNS.iter().enumerate().take(parts).filter(|(_, it)| !it.is_empty()) {
        // Writing to a String cannot fail.
        let _ = write!(
            defs,
            "<pattern id=\"{}-{nth}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <path class=\"ch-ink ch-ink-{nth}\" fill=\"none\" d=\"{lines}\"/></pattern>",
            escape(id),
        );
    }
    defs + "</defs>"
}

/// A piece of the part of that number, with what it tells.
pub(super) fn rect(
    svg: &mut String,
    (id, nth): (&str, usize),
    (x, y, wide, high): (i64, i64, i64, i64),
    title: &str,
) {
    let place = format!("x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\"");
    let fill = if PATTERNS.get(nth).is_none_or(|lines| lines.is_empty()) {
        "currentColor".to_owned()
    } else {
        format!("url(#{}-{nth})", escape(id))
    };
    let title =
        if title.is_empty() { String::new() } else { format!("<title>{}</title>", escape(title)) };
    let _ =
        write!(svg, "<rect class=\"ch-part ch-part-{nth}\" {place} fill=\"{fill}\">{title}</rect>");
}

/// The legend: the look of each part with what it is. And its height; 0 if there is none.
pub(super) fn legend(id: &str, parts: impl Iterator<Item = (usize, String)>) -> (String, i64) {
    let (mut x, mut y) = (0, 4);
    let mut legend = String::new();
    for (nth, text) in parts {
        let wide = i64::from(width(&text, FONT)) + 40;
        if x > 0 && x + wide > WIDTH {
            (x, y) = (0, y + 20);
        }
        rect(&mut legend, (id, nth), (x + 1, y, 14, 12), "");
        let _ = write!(
            legend,
            "<text class=\"ch-legend\" x=\"{}\" y=\"{}\">{}</text>",
            x + 22,
            y + 10,
            escape(&text),
        );
        x += wide;
    }
    let height = if legend.is_empty() { 0 } else { y + 20 };
    (legend, height)
}
