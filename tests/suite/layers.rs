//! The house rules that no compiler holds: the arrows between the folders of `src/`, no way to
//! panic, and keys that start with the source.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The folders of `src/`, and what each may name beside itself. What is not listed is above it, or
/// beside it and none of its business. `domain` and `projections` are packages: Cargo holds those.
#[rustfmt::skip] // It is a table.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("cli",     &["http", "app", "store", "simulation", "sources", "failure"]),
    ("http",    &["app", "store", "sources", "failure"]),
    ("app",     &["store", "sources", "failure"]),
    ("store",   &["failure"]),
    ("simulation", &["sources"]),
    ("sources", &["failure"]),
    ("failure", &[]),
];

#[test]
fn no_folder_names_one_above_it() {
    let files = rust_files("src");
    assert!(files.len() > 10, "the source is found");
    for file in files {
        let module = module_of(&file);
        let Some(folder) = module.first() else { continue }; // lib.rs and main.rs name all.
        let (_, may) = MAY_NAME
            .iter()
            .find(|(name, _)| name == folder)
            .unwrap_or_else(|| panic!("src/{folder} has no place in the table of this test"));
        let source = read(&file);
        for named in named_folders(&production(&source), module.len()) {
            assert!(
                named == *folder || may.contains(&named.as_str()),
                "{} names crate::{named}, which src/{folder} may not",
                file.display()
            );
        }
    }
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    for root in ["src", "domain/src", "projections/src", "proof/src", "sending/src"] {
        for file in rust_files(root) {
            let source = read(&file);
            let code = production(&source);
            let bare = unwraps(&code);
            assert!(bare.is_empty(), "{}: {bare:#?}", file.display());
        }
    }
}

#[test]
fn the_proof_reaches_for_nothing() {
    let files = rust_files("proof/src");
    assert!(files.len() > 10, "the source is found");
    for file in files.into_iter().filter(|file| !file.ends_with("main.rs")) {
        let code = production(&read(&file));
        for outside in ["fs::", "net::", "env::", "process::", "thread::", "SystemTime", "Instant"]
        {
            assert!(!code.contains(outside), "{} has {outside}", file.display());
        }
    }
    let manifest = read(&root().join("proof/Cargo.toml"));
    let (_, dependencies) = manifest.split_once("[dependencies]").expect("dependencies");
    for known in ["creditrail", "sqlx", "rusqlite", "tokio", "reqwest", "axum", "rand", "jiff"] {
        assert!(!dependencies.contains(known), "the proof knows {known}");
    }
}

#[test]
fn every_key_of_every_table_starts_with_the_source() {
    let folders = fs::read_dir(root().join("migrations")).expect("the migrations");
    let mut keys = 0;
    for folder in folders {
        let files = fs::read_dir(folder.expect("a folder").path()).expect("a folder");
        for file in files {
            let file = file.expect("a file").path();
            // Not a constraint: `postgres-es` looks streams up by it, and knows no source.
            let hash =
                "CREATE INDEX events_by_aggregate ON creditrail.events USING hash (aggregate_id);";
            let sql = read(&file).replace(hash, "");
            for key in keys_of(&sql) {
                keys += 1;
                assert_eq!(key, "source", "{}", file.display());
            }
        }
    }
    assert!(keys > 20, "the keys are found");
}

#[test]
#[rustfmt::skip] // It is a table.
fn paths_are_found_however_they_are_written() {
    let root = "crate";
    for (code, names) in [
        (format!("use {root}::store::Head;"),                       vec!["store"]),
        (format!("use {root}::{{\n    app::{{a, b}},\n    store,\n}};"), vec!["app", "store"]),
        (format!("fn f() -> {root}::http::Problem {{}}"),           vec!["http"]),
        (format!("// {root}::http"),                                vec![]),
        (format!("pub({root}) fn f() {{}}"),                        vec![]),
        ("use super::super::cli::Cli;".to_owned(),                  vec!["cli"]),
        ("use super::Store;".to_owned(),                            vec![]),
        (format!("#[cfg(test)]\nmod tests {{\n    use {root}::cli;\n}}"), vec![]),
    ] {
        let found = named_folders(&production(&code), 2);
        assert_eq!(found, names.into_iter().map(str::to_owned).collect(), "{code}");
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn unwraps_are_found_and_constants_may() {
    let unwrap = "unwrap()";
    for (code, found) in [
        (format!("let a = b.{unwrap};"),                            1),
        (format!("let a = b\n    .{unwrap};"),                      1),
        ("let a = b.expect(\"it\");".to_owned(),                    1),
        ("let a = b.unwrap_or_default();".to_owned(),               0),
        (format!("const A: N = N::new(1)\n    .{unwrap};"),         0),
        (format!("pub const fn a() {{\n    b.{unwrap};\n}}"),       1),
        (format!("/// {unwrap}\n#[cfg(test)]\nmod t {{\n    a.{unwrap};\n}}"), 0),
    ] {
        assert_eq!(unwraps(&production(&code)).len(), found, "{code}");
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn keys_are_found_however_they_are_written() {
    for (sql, keys) in [
        ("CONSTRAINT a_pkey PRIMARY KEY (source, position)",        vec!["source"]),
        ("CONSTRAINT a_key UNIQUE (key)",                           vec!["key"]),
        ("key TEXT NOT NULL PRIMARY KEY",                           vec![""]),
        ("-- PRIMARY KEY (key)",                                    vec![]),
        ("CREATE INDEX a_by_key ON a (source, key)\n    WHERE key > 0", vec!["source"]),
        ("CREATE UNIQUE INDEX a_by_key ON a (key);",                vec!["key"]),
    ] {
        assert_eq!(keys_of(sql), keys, "{sql}");
    }
}

/// The modules from the root to the file: `src/store/sqlite/mod.rs` is `store`, `sqlite`.
fn module_of(file: &Path) -> Vec<String> {
    let file = file.strip_prefix(root().join("src")).expect("a file of src").with_extension("");
    let parts = file.iter().map(|part| part.to_str().expect("UTF-8").to_owned());
    parts.filter(|part| !["mod", "lib", "main"].contains(&part.as_str())).collect()
}

/// The source without comments and without what only tests compile.
fn production(source: &str) -> String {
    let mut kept = String::new();
    let mut lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            kept += line;
            kept.push('\n');
            continue;
        }
        // The format of the house: an item of the file ends with its first line without indent.
        let is_end = |line: &str| line == "}" || (!line.starts_with(' ') && line.ends_with(';'));
        lines.by_ref().find(|line| is_end(line));
    }
    kept
}

/// The first parts of all paths that begin at the root, in a module that many levels below it.
fn named_folders(code: &str, depth: usize) -> BTreeSet<String> {
    let mut to_root = vec!["crate::".to_owned()];
    to_root.push("super::".repeat(depth));
    let mut named = BTreeSet::new();
    for to_root in to_root {
        for (place, _) in code.match_indices(&to_root) {
            let rest = &code[place + to_root.len()..];
            let names = match rest.strip_prefix('{') {
                Some(group) => first_words(group),
                None => vec![word(rest)],
            };
            named.extend(names.into_iter().filter(|name| name.starts_with(char::is_lowercase)));
        }
    }
    named.remove("super");
    named
}

/// The first word of each entry of a group, up to its closing brace.
fn first_words(group: &str) -> Vec<String> {
    let (mut depth, mut words, mut at_start) = (0_usize, Vec::new(), true);
    for (place, letter) in group.char_indices() {
        match letter {
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            '{' => depth += 1,
            ',' if depth == 0 => at_start = true,
            letter if at_start && !letter.is_whitespace() => {
                words.push(word(&group[place..]));
                at_start = false;
            }
            _ => {}
        }
    }
    words
}

fn word(code: &str) -> String {
    code.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The lines that unwrap, but for those of constants, which fail when they are compiled.
fn unwraps(code: &str) -> Vec<&str> {
    let mut in_constant = false;
    let mut bare = Vec::new();
    for line in code.lines() {
        let start = line.trim_start().trim_start_matches("pub ");
        in_constant |= start.starts_with("const ") && !start.starts_with("const fn ");
        if !in_constant && (line.contains(".unwrap()") || line.contains(".expect(")) {
            bare.push(line);
        }
        in_constant &= !line.ends_with(';');
    }
    bare
}

/// The first column of every key and index; empty for a key that stands at a column.
fn keys_of(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let sql = lines.collect::<Vec<_>>().join("\n");
    let mut keys = Vec::new();
    for of_table in ["PRIMARY KEY", "UNIQUE (", "CREATE INDEX ", "CREATE UNIQUE INDEX "] {
        for (place, _) in sql.match_indices(of_table) {
            let rest = &sql[place..];
            let end = rest.find([',', ')', ';']).unwrap_or(rest.len());
            let column = rest[..end].split_once('(').map(|(_, column)| column.trim().to_owned());
            keys.push(column.unwrap_or_default());
        }
    }
    keys
}

/// All files below a folder, but for modules that only tests compile.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let only_tests: Vec<PathBuf> = files.iter().flat_map(|file| test_modules(file)).collect();
    files.retain(|file| !only_tests.iter().any(|module| file.starts_with(module)));
    files.retain(|file| !only_tests.contains(&file.with_extension("")));
    files.sort();
    files
}

/// The modules that a file declares for tests alone: each as its path without `.rs`.
fn test_modules(file: &Path) -> Vec<PathBuf> {
    let source = read(file);
    let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
    let folder = match stem {
        "mod" | "lib" | "main" => file.parent().expect("a folder").to_owned(),
        _ => file.with_extension(""),
    };
    let declared = source.split("#[cfg(test)]\nmod ").skip(1);
    let names = declared.filter_map(|rest| rest.lines().next()?.strip_suffix(';'));
    names.map(|name| folder.join(name)).collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
