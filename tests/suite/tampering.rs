//! The tamper matrix: whoever has the database as its superuser changes what is in it. Which command
//! tells, and what of it has to lie outside the database for that.
//!
//! Reading order: `attacks` (the table), `origin` (what is attacked, and how it is asked).

mod attacks;
mod origin;

use std::{fmt::Write as _, fs, path::Path};

use self::{
    attacks::{ATTACKS, Attack},
    origin::Origin,
};
use crate::docs::{AGAIN, is_current};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_holds_on_sqlite() {
    hold(Origin::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_holds_on_postgres() {
    hold(Origin::on_postgres().await).await;
}

/// SQLite numbers the rows, and what rises with positions is looked at by an index alone. Where rows stand
/// in the file proves nothing, either way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_stand_elsewhere_are_no_finding_and_hide_none() {
    const MOVED: &str = "UPDATE events SET rowid = -rowid";
    const SWAPPED: &str = "UPDATE events SET sequence = 999 WHERE position = 99;
        UPDATE events SET sequence = 3 WHERE position = 98;
        UPDATE events SET sequence = 2 WHERE position = 99";
    /// So that rows rise with sequences all the same.
    const AS_SWAPPED: &str = "UPDATE events SET rowid = 1000 WHERE position = 99;
        UPDATE events SET rowid = (SELECT rowid + 1 FROM events WHERE position = 97) + 1
            WHERE position = 98;
        UPDATE events SET rowid = (SELECT rowid + 1 FROM events WHERE position = 97)
            WHERE position = 99";
    /// Before the first position, where the pass by position does not look.
    const STRAY: &str = "INSERT INTO events (rowid, source, position, aggregate_type, aggregate_id,
            sequence, event_type, event_version, payload, metadata, occurred_at, recorded_at)
        SELECT -1, source, -1, aggregate_type, aggregate_id, 4, event_type, event_version, payload,
            metadata, occurred_at, recorded_at FROM events WHERE position = 99";
    let origin = Origin::on_sqlite().await;
    let found = async |statements: &[&str]| {
        let case = origin.case().await;
        for sql in statements {
            case.sql(sql).await;
        }
        case.found().await[0].clone()
    };
    assert_eq!(found(&[MOVED]).await, "");
    for statements in [&[SWAPPED][..], &[SWAPPED, MOVED], &[SWAPPED, AS_SWAPPED]] {
        assert_eq!(found(statements).await, "checkpoints, events, streams", "{statements:?}");
    }
    assert_eq!(found(&[STRAY]).await, "streams");
}

/// Everything that is told of an untouched record is good: else the matrix would say nothing.
async fn hold(origin: Origin) {
    let untouched = origin.case().await;
    assert_eq!(untouched.found().await, ["", "", "", "", ""], "nothing was changed");
    let mut table = String::new();
    let mut wrong = Vec::new();
    for attack in ATTACKS {
        let case = origin.case().await;
        case.suffer(attack).await;
        let found = case.found().await;
        writeln!(table, "{}", line(attack, origin.name, &found)).expect("a String takes all");
        if found != attack.found {
            wrong.push(format!("{}\n   found {found:?}\nexpected {:?}", attack.name, attack.found));
        }
    }
    let held = ATTACKS.len() - wrong.len();
    writeln!(table, "{held} of {} attacks are told as the table says", ATTACKS.len())
        .expect("a String takes all");
    println!("{table}");
    let target = Path::new(env!("CARGO_BIN_EXE_creditrail")).ancestors().nth(2).expect("target");
    fs::write(target.join(format!("tampering-{}.txt", origin.name)), &table).expect("written");
    assert!(wrong.is_empty(), "{}:\n{}", origin.name, wrong.join("\n"));
}

fn line(attack: &Attack, database: &str, found: &[String; 5]) -> String {
    let columns = ["alone", "memory", "sink", "auditor", "status"];
    let told = |is_told: bool| {
        let by = columns.iter().zip(found).filter(|(_, found)| found.is_empty() != is_told);
        let by: Vec<_> = by.map(|(column, _)| *column).collect();
        if by.is_empty() { "none".to_owned() } else { by.join(", ") }
    };
    format!(
        "{} | {database} | detected by: {} | undetected by: {}",
        attack.name,
        told(true),
        told(false)
    )
}

/// What only a checkpoint outside tells is told by one, and by nothing else: that is what it is for.
#[test]
fn a_record_that_is_made_anew_is_told_by_a_checkpoint_outside_alone() {
    let told = |attack: &Attack| attack.found.map(|found| !found.is_empty());
    let outside_alone: Vec<_> =
        ATTACKS.iter().filter(|attack| told(attack)[..2] == [false, false]).collect();
    for attack in ["signed anew", "memory with it"] {
        let found = outside_alone.iter().find(|it| it.name.contains(attack));
        assert_eq!(told(found.expect("it is in the table"))[2..4], [true, true], "{attack}");
    }
}

#[test]
fn the_matrix_in_docs_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md");
    let page = fs::read_to_string(path).expect("the page");
    let (before, rest) = page.split_once("<!-- Generated from ").expect("where it begins");
    let (head, rest) = rest.split_once('\n').expect("a line");
    let (_, after) = rest.split_once("<!-- End of ").expect("where it ends");
    assert!(head.contains(AGAIN.trim_end_matches("docs")), "the page says how");
    let table = documented();
    is_current(
        "audit.md",
        &format!("{before}<!-- Generated from {head}\n{table}<!-- End of {after}"),
    );
}

fn documented() -> String {
    let mut table = "| what was done to the database | `verify` with it alone | with the memory | with a sink's folder | with an auditor's key and checkpoint | `status` |\n|---|---|---|---|---|---|\n".to_owned();
    for Attack { name, found, .. } in ATTACKS {
        let cells: Vec<_> =
            found.iter().map(|found| if found.is_empty() { "–" } else { found }).collect();
        writeln!(table, "| {name} | {} |", cells.join(" | ")).expect("a String takes all");
    }
    writeln!(table, "\n{} attacks, on SQLite and on PostgreSQL.", ATTACKS.len())
        .expect("a String takes all");
    table
}
