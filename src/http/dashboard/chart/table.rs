//! The numbers of a chart as a table.

use std::fmt::Write as _;

use super::{super::svg::escape, draw::shortened};

/// A table with a row for each name, a column for each heading, and sums where there are several.
pub(super) fn html(first: &str, headings: &[String], rows: &[(String, Vec<i64>)]) -> String {
    let mut html =
        format!("<table class=\"ch-table\"><thead><tr><th scope=\"col\">{}</th>", escape(first));
    for heading in headings {
        // Writing to a String cannot fail.
        let _ = write!(html, "<th scope=\"col\">{}</th>", escape(&shortened(heading)));
    }
    html.push_str("</tr></thead><tbody>");
    for (name, counts) in rows {
        row(&mut html, name, counts);
    }
    html.push_str("</tbody>");
    if rows.len() > 1 {
        let sum = |nth: usize| rows.iter().filter_map(|(_, counts)| counts.get(nth)).sum();
        let sums: Vec<i64> = (0..headings.len()).map(sum).collect();
        html.push_str("<tfoot>");
        row(&mut html, "all", &sums);
        html.push_str("</tfoot>");
    }
    html + "</table>"
}

fn row(html: &mut String, name: &str, counts: &[i64]) {
    let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escape(name));
    for count in counts {
        let _ = write!(html, "<td>{count}</td>");
    }
    html.push_str("</tr>");
}
