//! Numbers over time as charts: SVG, and the same numbers as a table.
//!
//! Reading order: here what is counted in which chart, then `draw` (columns and bars) and `table`.
//! Nothing is told by colour alone: parts have patterns, and every number stands in words in the
//! legend, at its bar or in the table. All colours are of the page: see `assets/drawing.css`.

mod draw;
mod marks;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use creditrail_projections::statistics::{LAGS, WAY, What};
use jiff::{ToSpan, civil::Date};

use self::draw::{Bar, Column, Part};
use super::{parts::words, svg::escape};
use crate::app::{
    read::OUTCOMES,
    statistics::{Span, Statistic},
};

/// How many columns there are at the most before days are drawn as weeks.
const MOST_COLUMNS: usize = 62;
/// How many reasons have a bar of their own.
const MOST_REASONS: usize = 12;

/// A chart. Both are HTML, and all in them that was sent is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// What is shown, in words.
    pub title: &'static str,
    /// The drawing; a sentence if there is nothing to draw.
    pub svg: String,
    /// The numbers, by day or week; empty if there are none.
    pub table: String,
}

/// The numbers of one kind, by period and label, sources added up.
struct Numbers(BTreeMap<(String, String), i64>);

impl Numbers {
    fn of(what: What, statistics: &[Statistic]) -> Self {
        let mut numbers = BTreeMap::new();
        for it in statistics.iter().filter(|it| it.what == what.name()) {
            *numbers.entry((it.period.clone(), it.label.clone())).or_default() += it.count;
        }
        Self(numbers)
    }

    fn periods(&self) -> BTreeSet<&str> {
        self.0.keys().map(|(period, _)| period.as_str()).collect()
    }

    fn at(&self, period: &str, is_meant: impl Fn(&str) -> bool) -> i64 {
        let meant = self.0.iter().filter(|((at, label), _)| at == period && is_meant(label));
        meant.map(|(_, count)| count).sum()
    }

    fn sum(&self, is_meant: impl Fn(&str) -> bool) -> i64 {
        self.0.iter().filter(|((_, label), _)| is_meant(label)).map(|(_, count)| count).sum()
    }

    /// The numbers as a table: a row for each period, newest first, and a column for each heading.
    fn table(
        &self,
        first: &str,
        headings: &[String],
        is_of: impl Fn(usize, &str) -> bool,
    ) -> String {
        let rows = self.periods().into_iter().rev().map(|period| {
            let counts = (0..headings.len()).map(|nth| self.at(period, |label| is_of(nth, label)));
            (period.to_owned(), counts.collect())
        });
        table::html(first, headings, &rows.collect::<Vec<_>>())
    }
}

/// Deliveries by outcome as of now, day by day; week by week over a long span. `id` tells the chart
/// from others of one page: letters, digits and `-`.
pub fn deliveries(statistics: &[Statistic], span: Span, id: &str) -> Chart {
    let title = "Deliveries by outcome";
    let numbers = Numbers::of(What::Deliveries, statistics);
    if numbers.0.is_empty() {
        return empty(title, "No delivery was received in this time.");
    }
    let parts = OUTCOMES.map(|outcome| Part {
        name: outcome.to_owned(),
        total: numbers.sum(|label| label == outcome),
    });
    let columns: Vec<Column> = slots(span)
        .into_iter()
        .map(|(name, from, to)| {
            let within = |day: &str| day.parse::<Date>().is_ok_and(|day| from <= day && day <= to);
            let mut counts = vec![0; OUTCOMES.len()];
            for ((day, label), count) in &numbers.0 {
                let place = OUTCOMES.iter().position(|outcome| outcome == label);
                if let Some(sum) =
                    place.and_then(|place| counts.get_mut(place)).filter(|_| within(day))
                {
                    *sum += count;
                }
            }
            Column { name, counts }
        })
        .collect();
    let svg = draw::columns((title, id), parts.into(), &columns);
    let headings = OUTCOMES.map(str::to_owned);
    let table = numbers.table("day", &headings, |nth, label| OUTCOMES[nth] == label);
    Chart { title, svg, table }
}

/// The columns of a span: name, first day and last day of each.
fn slots(span: Span) -> Vec<(String, Date, Date)> {
    let days: Vec<Date> =
        span.from.series(1.day()).take_while(|day| *day <= span.to).take(3660).collect();
    if days.len() <= MOST_COLUMNS {
        return days.into_iter().map(|day| (day.to_string(), day, day)).collect();
    }
    let weeks: BTreeSet<Date> =
        days.into_iter().map(|day| What::Applications.period(day)).collect();
    let week =
        |monday: Date| (format!("week of {monday}"), monday, monday.saturating_add(6.days()));
    weeks.into_iter().map(week).collect()
}

/// How long after what they tell of deliveries came.
pub fn lag(statistics: &[Statistic], id: &str) -> Chart {
    let title = "How long after the fact deliveries came";
    let numbers = Numbers::of(What::Lag, statistics);
    if numbers.0.is_empty() {
        return empty(title, "No delivery that can be read was received in this time.");
    }
    let counts = LAGS.map(|lag| numbers.sum(|label| label == lag));
    let columns = LAGS
        .iter()
        .zip(counts)
        .map(|(lag, count)| Column { name: lag_in_words(lag).to_owned(), counts: vec![count] });
    let part = Part { name: "deliveries".to_owned(), total: counts.iter().sum() };
    let svg = draw::columns((title, id), vec![part], &columns.collect::<Vec<_>>());
    let headings = LAGS.map(|lag| lag_in_words(lag).to_owned());
    let table = numbers.table("day", &headings, |nth, label| LAGS[nth] == label);
    Chart { title, svg, table }
}

fn lag_in_words(lag: &str) -> &str {
    match lag {
        "before" => "before it",
        "1s" => "≤ 1 s",
        "10s" => "≤ 10 s",
        "1m" => "≤ 1 min",
        "10m" => "≤ 10 min",
        "1h" => "≤ 1 h",
        "1d" => "≤ 1 day",
        "more" => "longer",
        "untimed" => "no time",
        other => other,
    }
}

/// How far applications got: each state with those that reached it or went further, and what became
/// of those that went no further.
pub fn funnel(statistics: &[Statistic], id: &str) -> Chart {
    let title = "How far applications get";
    let numbers = Numbers::of(What::Applications, statistics);
    if numbers.0.is_empty() {
        return empty(title, "No application began in this time.");
    }
    let begun: i64 = numbers.sum(|_| true);
    let occurring: BTreeSet<usize> = numbers.0.keys().map(|(_, label)| place(label)).collect();
    // Where they begin is on the way even if all have gone on.
    let is_onboarding =
        |nth: &usize| matches!(WAY[*nth], "submitted" | "awaiting_signature" | "signed");
    let first = usize::from(occurring.iter().any(is_onboarding));
    let stages: Vec<usize> =
        (0..WAY.len()).filter(|nth| *nth == first || occurring.contains(nth)).collect();
    let mut bars: Vec<Bar> = stages.iter().map(|stage| stage_bar(&numbers, *stage)).collect();
    for end in ["accepted", "completed"] {
        let count = numbers.sum(|label| end_of(label) == end);
        if count > 0 {
            bars.push(Bar { name: end.to_owned(), counts: vec![count, 0, 0], note: String::new() });
        }
    }
    let parts = ["went on or ended well", "still there", "ended there"];
    let svg = draw::bars((title, id), &parts, &bars, begun);
    Chart { title, svg, table: funnel_table(&numbers, &stages) }
}

/// The place on the way of the furthest state of a label `reached.end`.
fn place(label: &str) -> usize {
    let reached = label.split_once('.').map_or(label, |(reached, _)| reached);
    WAY.iter().position(|known| *known == reached).unwrap_or(0)
}

fn end_of(label: &str) -> &str {
    label.split_once('.').map_or("", |(_, end)| end)
}

/// Those that reached a state: who went on, who is still there, and who ended there.
fn stage_bar(numbers: &Numbers, stage: usize) -> Bar {
    let of_stage = |end: &str| numbers.sum(|label| place(label) == stage && end_of(label) == end);
    let total = numbers.sum(|label| place(label) >= stage);
    let open = of_stage("open");
    let ends = ["rejected", "failed", "declined", "cancelled"].map(|end| (end, of_stage(end)));
    let lost = ends.iter().map(|(_, count)| count).sum::<i64>();
    let told = [("open", open)].into_iter().chain(ends).filter(|(_, count)| *count > 0);
    let told: Vec<_> = told.map(|(end, count)| format!("{count} {end}")).collect();
    Bar {
        name: words(WAY[stage]),
        counts: vec![total - open - lost, open, lost],
        note: told.join(", "),
    }
}

fn funnel_table(numbers: &Numbers, stages: &[usize]) -> String {
    const ENDS: [&str; 8] = [
        "open",
        "accepted",
        "completed",
        "confirmed",
        "rejected",
        "failed",
        "declined",
        "cancelled",
    ];
    let occurring: BTreeSet<&str> = numbers.0.keys().map(|(_, label)| end_of(label)).collect();
    let ends: Vec<&str> = ENDS.into_iter().filter(|end| occurring.contains(end)).collect();
    let reached = stages.iter().map(|stage| words(WAY[*stage]));
    let headings: Vec<String> =
        reached.chain(ends.iter().map(|end| format!("now {end}"))).collect();
    numbers.table("week", &headings, |nth, label| match stages.get(nth) {
        Some(stage) => place(label) >= *stage,
        None => ends.get(nth - stages.len()) == Some(&end_of(label)),
    })
}

/// Why applications are declined or failed, most frequent first.
pub fn declines(statistics: &[Statistic], id: &str) -> Chart {
    let title = "Why applications are declined";
    let numbers = Numbers::of(What::Declines, statistics);
    if numbers.0.is_empty() {
        return empty(title, "No application that began in this time is declined.");
    }
    let mut reasons: BTreeMap<&str, i64> = BTreeMap::new();
    for ((_, label), count) in &numbers.0 {
        *reasons.entry(label).or_default() += count;
    }
    let all: i64 = reasons.values().sum();
    let mut reasons: Vec<(&str, i64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let (shown, others) = reasons.split_at(reasons.len().min(MOST_REASONS));
    let rest: i64 = others.iter().map(|(_, count)| count).sum();
    let bar = |name: String, count: i64| {
        let note = format!("{} %", count * 100 / all.max(1));
        Bar { name, counts: vec![count], note }
    };
    let mut bars: Vec<Bar> =
        shown.iter().map(|(reason, count)| bar(reason_in_words(reason), *count)).collect();
    if rest > 0 {
        bars.push(bar(format!("{} others", others.len()), rest));
    }
    let most = bars.iter().map(|bar| bar.counts.iter().sum()).max().unwrap_or(0);
    let svg = draw::bars((title, id), &[], &bars, most);
    let mut headings: Vec<String> =
        shown.iter().map(|(reason, _)| reason_in_words(reason)).collect();
    headings.extend((rest > 0).then(|| "others".to_owned()));
    let table = numbers.table("week", &headings, |nth, label| match shown.get(nth) {
        Some((reason, _)) => *reason == label,
        None => others.iter().any(|(reason, _)| *reason == label),
    });
    Chart { title, svg, table }
}

fn reason_in_words(reason: &str) -> String {
    match (reason, reason.strip_prefix("lender:")) {
        (_, Some(lender)) => format!("declined by {lender}"),
        ("not_told", None) => "no reason told".to_owned(),
        ("OTHER", None) => "a word that is not documented".to_owned(),
        (code, None) => code.to_owned(),
    }
}

fn empty(title: &'static str, sentence: &str) -> Chart {
    let svg = format!("<p class=\"ch-empty\">{}</p>", escape(sentence));
    Chart { title, svg, table: String::new() }
}
