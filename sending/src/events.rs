//! Which events an endpoint takes: names such as `transaction.Captured`, `transaction.*` and `*`.

use std::collections::BTreeSet;

/// The name of an event as notifications have it.
pub fn name(aggregate_type: &str, event_type: &str) -> String {
    format!("{aggregate_type}.{event_type}")
}

/// The events that an endpoint takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    all: bool,
    kinds: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Taken {
    /// Of these patterns; of none, all.
    pub fn of(patterns: &[String]) -> Self {
        let mut taken = Self { all: patterns.is_empty(), ..Self::default() };
        for pattern in patterns {
            match pattern.strip_suffix(".*") {
                _ if pattern == "*" => taken.all = true,
                Some(kind) => drop(taken.kinds.insert(kind.to_owned())),
                None => drop(taken.names.insert(pattern.clone())),
            }
        }
        taken
    }

    /// Whether an event is taken.
    pub fn takes(&self, aggregate_type: &str, event_type: &str) -> bool {
        self.all
            || self.kinds.contains(aggregate_type)
            || !self.names.is_empty() && self.names.contains(&name(aggregate_type, event_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip] // It is a table.
    fn an_event_is_taken_by_its_name_its_aggregate_or_all() {
        for (patterns, takes) in [
            (&[][..],                              true),
            (&["*"],                               true),
            (&["transaction.*"],                   true),
            (&["transaction.Captured"],            true),
            (&["transaction.Refunded"],            false),
            (&["charge.*"],                        false),
            (&["charge.*", "transaction.Captured"], true),
        ] {
            let patterns: Vec<String> = patterns.iter().map(|&it| it.to_owned()).collect();
            assert_eq!(Taken::of(&patterns).takes("transaction", "Captured"), takes, "{patterns:?}");
        }
    }
}
