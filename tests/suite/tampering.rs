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
