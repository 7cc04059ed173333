//! Every metric: its name, what it means, and where its values come from. `docs/operations.md` is
//! printed from it.

use creditrail_sending::breaker::State;

use super::exposition::{Samples, Unit};
use crate::app::metrics::Measured;

/// What kind of metric it is, as Prometheus knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Values, counted by upper bounds.
    Histogram,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Each instance for itself, since its start: to be added up over the instances.
    Instance,
    /// The database: every instance says the same, so take the maximum. Absent if it is away.
    Database,
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name; stable.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// Its labels. A histogram has `le` besides.
    pub labels: &'static [&'static str],
    /// Who says it.
    pub of: Of,
    /// What it means.
    pub help: &'static str,
    pub(super) samples: fn(&Measured, &mut Samples<'_>),
}

/// Every metric, in the order in which they are shown.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "creditrail_build_info",
        kind: Kind::Gauge,
        labels: &["version"],
        of: Of::Instance,
        help: "1; the version is a label.",
        samples: |_, samples| samples.one(&[env!("CARGO_PKG_VERSION")], 1),
    },
    Metric {
        name: "creditrail_database_up",
        kind: Kind::Gauge,
        labels: &[],
        of: Of::Instance,
        help: "1 if the database answered this scrape.",
        samples: |all, samples| samples.one(&[], i64::from(all.kept.is_some())),
    },
    Metric {
        name: "creditrail_deliveries_total",
        kind: Kind::Counter,
        labels: &["source", "outcome"],
        of: Of::Instance,
        help: "Deliveries that were committed, by the outcome on arrival; repetitions are duplicates.",
        samples: |all, samples| {
            for of in &all.counted {
                for (outcome, count) in of.counters.outcomes() {
                    samples.one(&[&of.source, outcome], count);
                }
            }
        },
    },
    Metric {
        name: "creditrail_deliveries_unacknowledged_total",
        kind: Kind::Counter,
        labels: &["source", "cause"],
        of: Of::Instance,
        help: "Authentic deliveries that were answered 503, by cause: the lender comes again.",
        samples: |all, samples| {
            for of in &all.counted {
                for (cause, count) in of.counters.unacknowledged() {
                    samples.one(&[&of.source, cause], count);
                }
            }
        },
    },
    Metric {
        name: "creditrail_acknowledgement_seconds",
        kind: Kind::Histogram,
        labels: &["source"],
        of: Of::Instance,
        help: "From when a call was taken in, its body whole, to the commit of its delivery.",
        samples: |all, samples| {
            for of in &all.counted {
                let within = of.counters.acknowledged_within();
                samples.distribution(&[&of.source], &within, Unit::Microseconds);
            }
        },
    },
    Metric {
        name: "creditrail_batch_requests",
        kind: Kind::Histogram,
        labels: &["source"],
        of: Of::Instance,
        help: "Deliveries and commands that the writer committed together.",
        samples: |all, samples| {
            for of in &all.counted {
                samples.distribution(&[&of.source], &of.counters.batches(), Unit::One);
            }
        },
    },
    Metric {
        name: "creditrail_rejected_calls_total",
        kind: Kind::Counter,
        labels: &["source", "cause"],
        of: Of::Instance,
        help: "Calls that were turned away, by cause.",
        samples: |all, samples| {
            for of in &all.counted {
                for (cause, count) in &of.rejected {
                    samples.one(&[&of.source, cause], *count);
                }
            }
        },
    },
    Metric {
        name: "creditrail_unknown_source_calls_total",
        kind: Kind::Counter,
        labels: &[],
        of: Of::Instance,
        help: "Calls to sources that are not known.",
        samples: |all, samples| samples.one(&[], all.unknown_sources),
    },
    Metric {
        name: "creditrail_reader_stopped",
        kind: Kind::Gauge,
        labels: &["source", "reader"],
        of: Of::Instance,
        help: "1 if the reader stopped at an event on which its code failed.",
        samples: |all, samples| {
            for of in &all.counted {
                for (reader, stopped) in &of.stopped {
                    samples.one(&[&of.source, reader], i64::from(*stopped));
                }
            }
        },
    },
    Metric {
        name: "creditrail_reader_lag_events",
        kind: Kind::Gauge,
        labels: &["source", "reader"],
        of: Of::Database,
        help: "Events that the reader has not passed.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                for lag in &of.lags {
                    samples.one(&[&of.source, lag.reader], lag.events);
                }
            }
        },
    },
    Metric {
        name: "creditrail_reader_lag_seconds",
        kind: Kind::Gauge,
        labels: &["source", "reader"],
        of: Of::Database,
        help: "How long ago the oldest event was recorded that the reader has not passed; 0 if none.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                for lag in &of.lags {
                    samples.micros(&[&of.source, lag.reader], lag.age.as_micros());
                }
            }
        },
    },
    Metric {
        name: "creditrail_last_delivery_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &["source"],
        of: Of::Database,
        help: "When the newest authentic delivery was received, since 1970. Absent before the first.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                if let Some(at) = of.last_received_at {
                    samples.micros(&[&of.source], at.as_microsecond().unsigned_abs().into());
                }
            }
        },
    },
    Metric {
        name: "creditrail_deliveries_received_total",
        kind: Kind::Counter,
        labels: &["source"],
        of: Of::Database,
        help: "Authentic deliveries, repetitions included, since the log began.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                samples.one(&[&of.source], of.received);
            }
        },
    },
    Metric {
        name: "creditrail_deliveries_kept_total",
        kind: Kind::Counter,
        labels: &["source"],
        of: Of::Database,
        help: "Distinct deliveries, since the log began.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                samples.one(&[&of.source], of.deliveries);
            }
        },
    },
    Metric {
        name: "creditrail_deliveries_by_outcome",
        kind: Kind::Gauge,
        labels: &["source", "outcome"],
        of: Of::Database,
        help: "Deliveries by outcome as of now; they add up to those received. `parked` ones wait.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                for (outcome, count) in &of.outcomes {
                    samples.one(&[&of.source, outcome], *count);
                }
            }
        },
    },
    Metric {
        name: "creditrail_audit_balanced",
        kind: Kind::Gauge,
        labels: &["source"],
        of: Of::Database,
        help: "1 if the outcomes add up to the deliveries received, as far as the read models are.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                samples.one(&[&of.source], i64::from(of.balanced));
            }
        },
    },
    Metric {
        name: "creditrail_log_position",
        kind: Kind::Gauge,
        labels: &["source"],
        of: Of::Database,
        help: "Position of the newest event.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                samples.one(&[&of.source], of.position);
            }
        },
    },
    Metric {
        name: "creditrail_open_exceptions",
        kind: Kind::Gauge,
        labels: &["source", "severity"],
        of: Of::Database,
        help: "Open exceptions by severity.",
        samples: |all, samples| {
            for of in all.kept.iter().flatten() {
                for (severity, count) in &of.open_exceptions {
                    samples.one(&[&of.source, severity], *count);
                }
            }
        },
    },
    Metric {
        name: "creditrail_notification_attempts_total",
        kind: Kind::Counter,
        labels: &["endpoint", "outcome"],
        of: Of::Instance,
        help: "Calls of endpoints, by what came of each; only those that were taken are done with.",
        samples: |all, samples| {
            for (endpoint, told) in &all.senders {
                for (outcome, count) in told.attempts() {
                    samples.one(&[endpoint, outcome], count);
                }
            }
        },
    },
    Metric {
        name: "creditrail_endpoint_breaker",
        kind: Kind::Gauge,
        labels: &["endpoint"],
        of: Of::Instance,
        help: "2 while an endpoint is taken to be down and not called, 1 while it is probed, else 0.",
        samples: |all, samples| {
            for (endpoint, told) in &all.senders {
                let state = match told.breaker() {
                    State::Closed => 0,
                    State::HalfOpen => 1,
                    State::Open => 2,
                };
                samples.one(&[endpoint], state);
            }
        },
    },
    Metric {
        name: "creditrail_endpoint_paused",
        kind: Kind::Gauge,
        labels: &["endpoint"],
        of: Of::Database,
        help: "1 while nothing is sent to an endpoint: somebody paused it, or it answered 410.",
        samples: |all, samples| {
            for of in all.endpoints.iter().flatten() {
                samples.one(&[&of.endpoint], i64::from(of.is_paused));
            }
        },
    },
    Metric {
        name: "creditrail_notification_lanes",
        kind: Kind::Gauge,
        labels: &["source", "endpoint", "status"],
        of: Of::Database,
        help: "Aggregates that are blocked: `retrying` wait for an attempt, `parked` for a person.",
        samples: |all, samples| {
            for of in all.endpoints.iter().flatten() {
                for lag in &of.lags {
                    samples.one(&[&lag.source, &of.endpoint, "retrying"], lag.retrying);
                    samples.one(&[&lag.source, &of.endpoint, "parked"], lag.parked);
                }
            }
        },
    },
    Metric {
        name: "creditrail_notification_lag_seconds",
        kind: Kind::Gauge,
        labels: &["source", "endpoint"],
        of: Of::Database,
        help: "How long the oldest event has been waiting that an endpoint was not told of, blocked ones aside.",
        samples: |all, samples| {
            for of in all.endpoints.iter().flatten() {
                for lag in &of.lags {
                    samples.one(&[&lag.source, &of.endpoint], lag.age.as_secs());
                }
            }
        },
    },
    Metric {
        name: "creditrail_proof_red",
        kind: Kind::Gauge,
        labels: &["log"],
        of: Of::Instance,
        help: "1 while a log is not hashed, signed and taken outside the database: /v1/proof says why.",
        samples: |all, samples| {
            for of in all.proofs.iter().flatten() {
                samples.one(&[&of.log], i64::from(!of.is_green()));
            }
        },
    },
    Metric {
        name: "creditrail_proof_failed",
        kind: Kind::Gauge,
        labels: &["log"],
        of: Of::Instance,
        help: "1 if a log was changed, contradicts what was signed, or cannot be hashed or signed.",
        samples: |all, samples| {
            for of in all.proofs.iter().flatten() {
                samples.one(&[&of.log], i64::from(of.failed));
            }
        },
    },
];
