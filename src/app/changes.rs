//! What differs between two documents, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// Its path, such as `captured` or `lenders[demo-red].status`. An element of a list is named by
    /// what identifies it, else by its text.
    pub field: String,
    /// What it was; null if it was not there.
    pub before: Value,
    /// What it is; null if it is not there any more.
    pub after: Value,
}

/// What tells where a document stands in the log, and nothing of the thing.
const LEFT_OUT: [&str; 2] = ["position", "as_of"];

/// What identifies an element of a list: the first of these that all elements have, each with
/// another value.
const IDENTITIES: [&str; 13] = [
    "id",
    "transaction_id",
    "payment_method_id",
    "charge_id",
    "application_id",
    "operation_id",
    "lender_transaction_id",
    "lender_id",
    "session_id",
    "value",
    "code",
    "currency",
    "kind",
];

/// The fields in which two documents differ: in the order of the later one, then what is there no
/// more. Of what is there on one side alone the whole is one change.
pub fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => fields(path, before, after, found),
        (Value::Array(before), Value::Array(after)) => elements(path, before, after, found),
        _ if before == after => {}
        _ => {
            let (before, after) = (before.clone(), after.clone());
            found.push(FieldChange { field: path.to_owned(), before, after });
        }
    }
}

fn fields(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<FieldChange>,
) {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    for name in after.keys().chain(gone).filter(|name| !LEFT_OUT.contains(&name.as_str())) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let field = |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
        compare(&path, &field(before), &field(after), found);
    }
}

fn elements(path: &str, before: &[Value], after: &[Value], found: &mut Vec<FieldChange>) {
    let identity = IDENTITIES.into_iter().find(|name| tells_apart(name, before, after));
    let (before, after) = (named(before, identity), named(after, identity));
    let gone = before.iter().filter(|(name, _)| !after.iter().any(|(other, _)| other == name));
    let find = |list: &[(String, Value)], name: &str| {
        let known = list.iter().find(|(other, _)| other == name);
        known.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    for (name, _) in after.iter().chain(gone) {
        let path = format!("{path}[{name}]");
        compare(&path, &find(&before, name), &find(&after, name), found);
    }
}

/// Whether all elements have a text of this name, and no two of one list the same.
fn tells_apart(name: &str, before: &[Value], after: &[Value]) -> bool {
    let is_distinct = |list: &[Value]| {
        let known: Vec<_> = list.iter().filter_map(|element| element[name].as_str()).collect();
        let distinct: BTreeSet<_> = known.iter().collect();
        known.len() == list.len() && distinct.len() == list.len()
    };
    is_distinct(before) && is_distinct(after)
}

/// The elements of a list with their names. Where nothing identifies them it is their text, and of
/// several that are alike each further one has a number.
fn named(list: &[Value], identity: Option<&str>) -> Vec<(String, Value)> {
    let mut seen = BTreeMap::<String, usize>::new();
    let name = |element: &Value| {
        if let Some(identity) = identity {
            return element[identity].as_str().unwrap_or_default().to_owned();
        }
        let text = element.as_str().map_or_else(|| element.to_string(), str::to_owned);
        let times = seen.entry(text.clone()).or_default();
        *times += 1;
        if *times > 1 { format!("{text}#{times}") } else { text }
    };
    list.iter().map(name).zip(list.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: Value, after: Value) -> Vec<(String, Value, Value)> {
        let changes = changes(&before, &after).into_iter();
        changes.map(|change| (change.field, change.before, change.after)).collect()
    }

    #[test]
    fn only_what_differs_is_told_and_where_it_stands_in_the_log_is_not() {
        let before = json!({"captured": 0, "status": "pending", "position": 1, "currency": "USD"});
        let after = json!({"captured": 50, "status": "pending", "position": 2, "currency": "USD"});
        assert_eq!(told(before.clone(), after), [("captured".to_owned(), json!(0), json!(50))]);
        assert_eq!(told(before.clone(), before), []);
    }

    #[test]
    fn elements_are_told_by_what_identifies_them_wherever_they_stand() {
        let before = json!({"steps": [{"id": "a", "outcome": "applied"}, {"id": "b", "outcome": "refused"}]});
        let after = json!({"steps": [
            {"id": "c", "outcome": "applied"},
            {"id": "b", "outcome": "applied"},
            {"id": "a", "outcome": "applied"},
        ]});
        let expected = [
            ("steps[c]".to_owned(), json!(null), json!({"id": "c", "outcome": "applied"})),
            ("steps[b].outcome".to_owned(), json!("refused"), json!("applied")),
        ];
        assert_eq!(told(before, after), expected);
    }

    #[test]
    fn a_charge_is_told_by_its_own_id_and_not_by_that_of_its_application() {
        let charge = |id: &str| json!({"charges": [{"application_id": "a", "charge_id": id}]});
        let fields: Vec<_> =
            told(charge("one"), charge("two")).into_iter().map(|it| it.0).collect();
        assert_eq!(fields, ["charges[two]", "charges[one]"]);
    }

    #[test]
    fn what_nothing_identifies_is_told_by_its_text() {
        let before = json!({"flags": ["over_capture"], "runs": [{"n": 1}, {"n": 1}]});
        let after = json!({"flags": ["hold_overdue"], "runs": [{"n": 1}]});
        let expected = [
            ("flags[hold_overdue]".to_owned(), json!(null), json!("hold_overdue")),
            ("flags[over_capture]".to_owned(), json!("over_capture"), json!(null)),
            (r#"runs[{"n":1}#2]"#.to_owned(), json!({"n": 1}), json!(null)),
        ];
        assert_eq!(told(before, after), expected);
    }

    #[test]
    fn what_was_not_known_differs_as_a_whole() {
        let whole = json!({"status": "pending"});
        assert_eq!(told(Value::Null, whole.clone()), [(String::new(), Value::Null, whole)]);
    }
}
