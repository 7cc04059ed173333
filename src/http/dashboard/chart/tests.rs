//! What holds of every chart: every number is told, nothing leaves the drawing, nothing is markup.

use super::*;

fn number(what: What, period: &str, label: &str, count: i64) -> Statistic {
    let (period, label) = (period.to_owned(), label.to_owned());
    Statistic { source: "imprint".to_owned(), what: what.name(), period, label, count }
}

fn span(from: &str, to: &str) -> Span {
    Span { from: from.parse().unwrap(), to: to.parse().unwrap() }
}

fn march() -> Span {
    span("2026-03-01", "2026-03-28")
}

/// The values of an attribute, in the order in which they stand.
fn values(svg: &str, attribute: &str) -> Vec<i64> {
    let attribute = format!(" {attribute}=\"");
    let values = svg.split(&attribute).skip(1);
    values.filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
}

/// Every piece stands within a drawing of that width and of its height.
fn is_whole(svg: &str) {
    let height = values(svg, "height")[0];
    let pieces = values(svg, "x").into_iter().zip(values(svg, "y"));
    for (x, y) in pieces {
        assert!((0..=720).contains(&x) && (0..=height).contains(&y), "{x} {y} in {svg}");
    }
}

fn cells(table: &str) -> Vec<&str> {
    table.split("<td>").skip(1).filter_map(|rest| rest.split('<').next()).collect()
}

#[test]
fn deliveries_are_stacked_by_outcome_and_stand_in_the_table() {
    let of = |day: &str, label: &str, count| number(What::Deliveries, day, label, count);
    let numbers = [
        of("2026-03-02", "applied", 9_000),
        of("2026-03-02", "refused", 1),
        of("2026-03-04", "applied", 5),
    ];
    let Chart { svg, table, .. } = deliveries(&numbers, march(), "d");
    is_whole(&svg);
    for told in ["2026-03-02: 9000 applied", "2026-03-02: 1 refused", "2026-03-04: 5 applied"] {
        assert!(svg.contains(&format!("<title>{told}</title>")), "{told}");
    }
    assert!(values(&svg, "height").into_iter().all(|height| height >= 2), "one is seen");
    assert!(svg.contains(">applied 9005</text>") && svg.contains(">refused 1</text>"));
    assert!(svg.contains("url(#d-4)") && svg.contains("id=\"d-4\""), "not by colour alone");
    assert!(!svg.contains(">stale"), "what does not occur is not in the legend");
    let newest_first = ["5", "0", "0", "0", "0", "0", "0"];
    assert_eq!(cells(&table)[..7], newest_first);
    assert_eq!(cells(&table)[14..], ["9005", "0", "0", "0", "1", "0", "0"], "all");
}

#[test]
fn a_long_span_is_drawn_week_by_week() {
    let numbers = ["2026-01-05", "2026-01-11", "2026-01-12"]
        .map(|day| number(What::Deliveries, day, "applied", 1));
    let Chart { svg, table, .. } = deliveries(&numbers, span("2025-06-01", "2026-05-31"), "d");
    is_whole(&svg);
    assert!(svg.contains("<title>week of 2026-01-05: 2 applied</title>"));
    assert!(svg.contains("<title>week of 2026-01-12: 1 applied</title>"));
    assert_eq!(table.matches("<tr>").count(), 5, "the table has the days");
}

#[test]
fn a_lag_is_a_column_in_the_order_of_lags() {
    let numbers = LAGS.map(|lag| number(What::Lag, "2026-03-02", lag, 3));
    let Chart { svg, table, .. } = lag(&numbers, "l");
    is_whole(&svg);
    let words: Vec<_> = LAGS.map(lag_in_words).into_iter().collect();
    let places: Vec<_> = words.iter().map(|word| svg.find(&format!(">{word}</text>"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    assert_eq!(cells(&table), ["3"; 9]);
}

#[test]
fn a_funnel_narrows_and_says_where_applications_ended() {
    let of = |label: &str, count| number(What::Applications, "2026-03-02", label, count);
    let numbers = [
        of("submitted.rejected", 4),
        of("awaiting_signature.open", 2),
        of("signed.completed", 3),
        of("signed.rejected", 1),
    ];
    let Chart { svg, table, .. } = funnel(&numbers, "f");
    is_whole(&svg);
    assert!(svg.contains(
        "<desc>submitted: 10 (4 rejected); awaiting signature: 6 (2 open); \
         signed: 4 (1 rejected); completed: 3.</desc>"
    ));
    assert_eq!(cells(&table), ["10", "6", "4", "2", "3", "5"]);
    assert!(table.contains(">now completed</th>"));
}

#[test]
fn the_funnel_of_every_kind_of_lender_begins_where_applications_begin() {
    for (label, first) in [
        ("started.accepted", "started: 1; accepted: 1."),
        ("signed.open", "submitted: 1; signed: 1 (1 open)."),
        ("approved.cancelled", "started: 1; approved: 1 (1 cancelled)."),
        ("confirmed.confirmed", "started: 1; confirmed: 1."),
    ] {
        let Chart { svg, .. } = funnel(&[number(What::Applications, "2026-03-02", label, 1)], "f");
        assert!(svg.contains(&format!("<desc>{first}</desc>")), "{label}: {svg}");
    }
}

#[test]
fn reasons_stand_by_how_frequent_they_are_and_the_rare_together() {
    let rare = (0..20).map(|nth| number(What::Declines, "2026-03-02", &format!("lender:{nth}"), 1));
    let common = number(What::Declines, "2026-03-09", "KYC_DENIAL", 20);
    let numbers: Vec<_> = rare.chain([common]).collect();
    let Chart { svg, table, .. } = declines(&numbers, "r");
    is_whole(&svg);
    assert!(svg.contains("<desc>KYC_DENIAL: 20 (50 %); declined by 0: 1 (2 %)"));
    assert!(svg.contains("9 others: 9 (22 %).</desc>"));
    assert_eq!(cells(&table)[..13], [["20"].as_slice(), &["0"; 12]].concat());
    assert_eq!(cells(&table)[25], "9");
}

#[test]
fn nothing_to_draw_is_said() {
    for chart in
        [deliveries(&[], march(), "d"), lag(&[], "l"), funnel(&[], "f"), declines(&[], "r")]
    {
        assert!(chart.svg.starts_with("<p class=\"ch-empty\">No "), "{}", chart.svg);
        assert_eq!(chart.table, "");
    }
}

#[test]
fn nothing_that_was_sent_is_markup() {
    let hostile = "lender:</title><script>\"'&";
    let numbers = [number(What::Declines, "2026-03-02", hostile, 1)];
    let Chart { svg, table, .. } = declines(&numbers, "\"><script>");
    for html in [svg, table] {
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;/title&gt;&lt;script&gt;&quot;&#39;&amp;"), "{html}");
    }
}
