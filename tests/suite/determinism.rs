//! The log alone tells the read models: not the clock, and not the seeds of a process's hash tables.

use std::{collections::BTreeMap, path::Path};

use creditrail_projections::{READERS, Table};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use crate::{
    replay::{everything_happens, many_happen},
    support::{Ledger, Service, Source},
};

const FAKETIME: &str = "/usr/bin/faketime";

/// Hash tables are seeded anew in each process, and each of these is one.
#[tokio::test]
async fn read_models_are_the_same_bytes_in_every_process_and_at_any_time() {
    assert!(
        Path::new(FAKETIME).exists(),
        "{FAKETIME} is missing: `apt-get install faketime`, as scripts/test does"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    let url = format!("sqlite://{}", file.display());
    let imprint = Ledger::of(Service::start_at(&url, &[Source::named("imprint")], ""), "imprint");
    everything_happens(&imprint).await;
    many_happen(&imprint, 40).await;
    imprint.is_sound().await;
    assert!(imprint.service.stop().success());
    let live = checksums(&file);
    assert!(live.values().filter(|(rows, _)| *rows > 0).count() > 8, "{live:?}");
    let times: [&[&str]; 4] =
        [&[], &[], &[FAKETIME, "2019-02-28 23:59:58"], &[FAKETIME, "2031-01-01 00:00:00"]];
    for time in times {
        let asked = |words: &[&str]| {
            let (told, errors, is_well) = match time {
                [] => imprint.service.asked(words),
                behind => imprint.service.behind(behind, words),
            };
            assert!(is_well, "{time:?} {words:?}: {told}{errors}");
        };
        empty(&file);
        asked(&["replay"]);
        for (table, sum) in checksums(&file) {
            assert_eq!(sum, live[table], "{time:?}: {table}");
        }
        asked(&["audit", "replay"]);
        asked(&["audit", "verify", "--read-models"]);
    }
}

fn tables() -> impl Iterator<Item = &'static Table> {
    READERS.iter().flat_map(|reader| reader.models).map(|model| model.table)
}

/// How many rows each table has, and a checksum of all their columns.
fn checksums(file: &Path) -> BTreeMap<&'static str, (usize, String)> {
    let database = Connection::open(file).unwrap();
    let checksum = |table: &'static Table| {
        let columns = table.columns.join(", ");
        let sql = format!("SELECT source, key, {columns} FROM {} ORDER BY 1, 2", table.name);
        let mut select = database.prepare(&sql).unwrap();
        let count = select.column_count();
        let (mut sum, mut found, mut rows) = (Sha256::new(), 0, select.query([]).unwrap());
        while let Some(row) = rows.next().unwrap() {
            found += 1;
            (0..count).for_each(|nth| sum.update(format!("{:?}\n", row.get_ref(nth).unwrap())));
        }
        (table.name, (found, hex::encode(sum.finalize())))
    };
    tables().map(checksum).collect()
}

/// Every reader begins anew, on empty tables.
fn empty(file: &Path) {
    let database = Connection::open(file).unwrap();
    let empty: String = tables().map(|table| format!("DELETE FROM {};", table.name)).collect();
    database.execute_batch(&empty).unwrap();
    database.execute("DELETE FROM bookmarks WHERE reader <> 'tree'", []).unwrap();
}
