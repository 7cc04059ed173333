//! Columns over time and bars beside names. All numbers are whole: pixels, and what is counted.

use std::fmt::Write as _;

use super::{
    super::svg::{escape, width},
    marks::{legend, open, patterns, rect},
};

/// What columns or bars are made of, with its sum over all of them.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) total: i64,
}

/// A column: how much of each part.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) counts: Vec<i64>,
}

/// A bar beside its name: how much of each part, and what is told after the sum.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) counts: Vec<i64>,
    pub(super) note: String,
}

pub(super) const WIDTH: i64 = 720;
pub(super) const FONT: i32 = 11;
/// How high what counts one is at least, so that one among thousands is seen.
const LEAST: i64 = 2;

const PLOT_HEIGHT: i64 = 160;
const TOP: i64 = 14;
const LEFT: i64 = 46;
/// Where the columns end: the name of the last one stands out.
const RIGHT: i64 = WIDTH - 14;

/// How high a bar is with its distance to the next.
const ROW: i64 = 26;

/// Stacked columns with an axis, and a legend where there are several parts. The drawing is named
/// by its title; its patterns by the id.
pub(super) fn columns((title, id): (&str, &str), parts: Vec<Part>, columns: &[Column]) -> String {
    let most = columns.iter().map(|column| column.counts.iter().sum()).max().unwrap_or(0);
    let ceiling = ceiling(most);
    let bottom = TOP + PLOT_HEIGHT;
    let all: i64 = parts.iter().map(|part| part.total).sum();
    let told = parts.iter().filter(|part| part.total > 0);
    let told: Vec<_> = told.map(|part| format!("{} {}", part.total, part.name)).collect();
    let desc = format!("{all} in all: {}.", told.join(", "));
    let parts: Vec<(usize, Part)> = parts.into_iter().enumerate().collect();
    let occurring = parts.iter().filter(|(_, part)| part.total > 0 && parts.len() > 1);
    let occurring = occurring.map(|(nth, part)| (*nth, format!("{} {}", part.name, part.total)));
    let (legend, legend_height) = legend(id, occurring);
    let mut svg = open((title, &desc), bottom + 30 + legend_height);
    svg += &patterns(id, parts.len());
    grid(&mut svg, bottom, ceiling);
    let count = i64::try_from(columns.len()).unwrap_or(1).max(1);
    let longest = columns.iter().map(|column| width(tick(&column.name), FONT)).max().unwrap_or(0);
    // Not every column has room for its name; the last one has it always.
    let every = (i64::from(longest) + 6) * count / (RIGHT - LEFT) + 1;
    for (nth, column) in (0..).zip(columns) {
        let edge = |nth: i64| LEFT + (RIGHT - LEFT) * nth / count;
        let (left, right) = (edge(nth), edge(nth + 1));
        let gap = ((right - left) / 5).clamp(1, 24);
        let sides = (left + gap / 2, right - gap + gap / 2);
        stack(&mut svg, (id, &parts), column, (sides, bottom, ceiling));
        let middle = i64::midpoint(left, right);
        if let ([_], [count]) = (parts.as_slice(), column.counts.as_slice())
            && *count > 0
        {
            label(&mut svg, "count", (middle, bottom - height(*count, ceiling) - 4), count);
        }
        if (count - 1 - nth) % every == 0 {
            label(&mut svg, "tick", (middle, bottom + 16), escape(tick(&column.name)));
        }
    }
    // Writing to a String cannot fail.
    let _ = write!(svg, "<path class=\"ch-axis\" fill=\"none\" d=\"M{LEFT} {bottom} H{RIGHT}\"/>");
    let _ = write!(svg, "<g transform=\"translate(0 {})\">{legend}</g></svg>", bottom + 30);
    svg
}

/// Lines at quarters of the ceiling, with their numbers.
fn grid(svg: &mut String, bottom: i64, ceiling: i64) {
    for line in 0..=4 {
        let (y, value) = (bottom - PLOT_HEIGHT * line / 4, ceiling * line / 4);
        let _ = write!(
            svg,
            "<path class=\"ch-grid\" fill=\"none\" d=\"M{LEFT} {y} H{RIGHT}\"/>\
             <text class=\"ch-tick\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{value}</text>",
            LEFT - 6,
            y + 4,
        );
    }
}

/// A text amid a place, which is escaped.
fn label(svg: &mut String, class: &str, (x, y): (i64, i64), text: impl std::fmt::Display) {
    let _ = write!(
        svg,
        "<text class=\"ch-{class}\" text-anchor=\"middle\" x=\"{x}\" y=\"{y}\">{text}</text>"
    );
}

/// One column, part upon part.
fn stack(
    svg: &mut String,
    (id, parts): (&str, &[(usize, Part)]),
    column: &Column,
    ((left, right), bottom, ceiling): ((i64, i64), i64, i64),
) {
    let mut y = bottom;
    for ((nth, part), count) in parts.iter().zip(&column.counts).filter(|(_, it)| **it > 0) {
        let high = height(*count, ceiling);
        y -= high;
        let title = format!("{}: {count} {}", column.name, part.name);
        rect(svg, (id, *nth), (left, y, (right - left).max(1), high), &title);
    }
}

fn height(count: i64, ceiling: i64) -> i64 {
    (count * PLOT_HEIGHT / ceiling.max(1)).max(LEAST)
}

/// What stands below a column: a day without its year, or the name.
fn tick(name: &str) -> &str {
    let day = name.strip_prefix("week of ").unwrap_or(name);
    match day.split_once('-') {
        Some((year, rest)) if year.len() == 4 && rest.len() == 5 => rest,
        _ => day,
    }
}

/// The least of 4, 8, 20, 40, 80, 200 … that is not less: its quarters are whole.
fn ceiling(most: i64) -> i64 {
    let scales = std::iter::successors(Some(1_i64), |scale| scale.checked_mul(10));
    let ceilings = scales.flat_map(|scale| [4, 8, 20].map(|factor| scale.saturating_mul(factor)));
    ceilings.into_iter().find(|ceiling| *ceiling >= most).unwrap_or(i64::MAX)
}

/// Bars from left to right, each with its name before it and its sum and note behind it; `most` is
/// as long as can be. The parts are plain, dotted and hatched.
pub(super) fn bars((title, id): (&str, &str), parts: &[&str], bars: &[Bar], most: i64) -> String {
    const LOOKS: [usize; 3] = [0, 3, 4];
    let names = bars.iter().map(|bar| width(&shortened(&bar.name), FONT + 1)).max();
    let left = i64::from(names.unwrap_or(0)) + 14;
    let told = bars.iter().map(|bar| {
        let note = if bar.note.is_empty() { String::new() } else { format!(" ({})", bar.note) };
        format!("{}: {}{note}", bar.name, bar.counts.iter().sum::<i64>())
    });
    let desc = told.collect::<Vec<_>>().join("; ") + ".";
    let occurring = LOOKS.into_iter().zip(parts).enumerate().filter(|(nth, _)| {
        bars.iter().any(|bar| bar.counts.get(*nth).is_some_and(|count| *count > 0))
    });
    let occurring = occurring.map(|(_, (look, name))| (look, (*name).to_owned()));
    let (legend, legend_height) = legend(id, occurring);
    let notes = bars.iter().map(|bar| width(&bar.note, FONT)).max().unwrap_or(0);
    let room = (WIDTH - left - i64::from(notes) - 70).max(WIDTH / 5);
    let bottom = i64::try_from(bars.len()).unwrap_or(0) * ROW + 10;
    let mut svg = open((title, &desc), bottom + legend_height);
    svg += &patterns(id, 5);
    for (row, bar) in (0..).zip(bars) {
        let y = row * ROW + 4;
        let name = escape(&shortened(&bar.name));
        let _ = write!(
            svg,
            "<text class=\"ch-name\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{name}</text>",
            left - 8,
            y + 13,
        );
        let pieces = LOOKS.into_iter().zip(&bar.counts).enumerate();
        let pieces = pieces.filter(|(_, (_, count))| **count > 0).map(|(nth, (look, count))| {
            let part = parts.get(nth).map_or_else(String::new, |name| format!(" {name}"));
            let title = format!("{}: {count}{part}", bar.name);
            (look, count * room / most.max(1), title)
        });
        pieces_of(&mut svg, id, (left, y), (bar, pieces));
    }
    let _ = write!(svg, "<g transform=\"translate(0 {bottom})\">{legend}</g></svg>");
    svg
}

/// The pieces of one bar, each with its look, its length and its title; and behind them the sum.
fn pieces_of(
    svg: &mut String,
    id: &str,
    (mut x, y): (i64, i64),
    (bar, pieces): (&Bar, impl Iterator<Item = (usize, i64, String)>),
) {
    for (look, long, title) in pieces {
        let long = long.max(LEAST);
        rect(svg, (id, look), (x, y, long, 18), &title);
        x += long;
    }
    let sum: i64 = bar.counts.iter().sum();
    let note = if bar.note.is_empty() { String::new() } else { format!(" · {}", bar.note) };
    let _ = write!(
        svg,
        "<text class=\"ch-note\" x=\"{}\" y=\"{}\">\
         <tspan class=\"ch-count\">{sum}</tspan>{}</text>",
        x + 8,
        y + 13,
        escape(&note),
    );
}

/// A name that fits before its bar.
pub(super) fn shortened(name: &str) -> String {
    const MOST: usize = 36;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}
