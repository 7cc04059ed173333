//! The schema as PostgreSQL has it: keys begin with the source, and are compared byte by byte.

use std::collections::BTreeSet;

use super::fresh::Fresh;

only_on_postgres! {
    every_table_has_a_key_and_every_key_begins_with_the_source,
    every_text_in_an_index_is_compared_byte_by_byte,
}

/// The columns of all indexes of our tables, those of the migrations apart.
const INDEXED: &str = "pg_index AS i
    JOIN pg_class AS t ON t.oid = i.indrelid
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL UNNEST(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place)
    LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum
    LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
    WHERE n.nspname = 'creditrail' AND t.relname <> 'migrations'";

const TABLES: &str = "pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname = 'creditrail' AND t.relkind IN ('r', 'p') AND t.relname <> 'migrations'";

async fn every_table_has_a_key_and_every_key_begins_with_the_source(store: Fresh) {
    let primary = format!("{INDEXED} AND i.indisprimary");
    let [tables, with_key] = [
        store.database.rows(&["t.relname"], TABLES).await,
        store.database.rows(&["t.relname"], &primary).await,
    ]
    .map(BTreeSet::from_iter);
    assert!(tables.len() >= 13, "{tables:?}");
    assert_eq!(tables, with_key);

    let first = format!("{INDEXED} AND i.indisunique AND k.place = 1");
    let keys = store.database.rows(&["x.relname", "a.attname"], &first).await;
    assert!(keys.len() > tables.len(), "{keys:?}");
    for key in keys {
        assert_eq!(key[1].as_deref(), Some("source"), "{key:?}");
    }
}

async fn every_text_in_an_index_is_compared_byte_by_byte(store: Fresh) {
    let texts = format!("{INDEXED} AND a.attcollation <> 0");
    let texts = store.database.rows(&["x.relname", "a.attname", "c.collname"], &texts).await;
    assert!(texts.len() > 40, "{texts:?}");
    for text in texts {
        assert_eq!(text[2].as_deref(), Some("C"), "{text:?}");
    }
}
