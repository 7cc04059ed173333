//! The pass over read models: each row is held against one that is folded anew from the log.

use std::path::PathBuf;

use super::{LogReport, RowsReport, VerifyError};
use crate::app::{
    Creditrail,
    replay::{Rebuilt, RowDifference},
    shadow::{Shadow, compare::Live},
};

impl Creditrail {
    /// Holds the read models of logs that were checked against a shadow of them: folded from position 0
    /// in a scratch store, in `scratch` if a file is given. A report that has it already stays. One that
    /// was ended is gone on with.
    ///
    /// # Errors
    /// [`VerifyError`] if they cannot be read or folded. Rows that differ are in the reports.
    pub async fn verify_read_models(
        &self,
        (reports, scratch): (&mut [LogReport], Option<PathBuf>),
        mut told: impl FnMut(Rebuilt<'_>) + Send,
    ) -> Result<(), VerifyError> {
        let file = scratch.unwrap_or_else(|| self.scratch_file("audit-verify", &[]));
        let names: Vec<String> = reports.iter().map(|report| report.log.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (held, begun) = self.scratch(file, &names, &self.readers).await?;
        told(Rebuilt::Begun(begun));
        let rows = held.scratch.store();
        for (log, policies) in self.logs() {
            let report = reports.iter_mut().find(|report| report.log == log);
            let Some(report) = report.filter(|report| report.read_models.is_none()) else {
                continue;
            };
            let readers = self.readers_of(log);
            let position = self.least(log, &readers).await?;
            let stores = (&self.store, &rows);
            let mut shadow = Shadow::new(&readers, (log, &policies), stores);
            let at = |position, head| Rebuilt::At { source: log, position, head };
            told(at(0, position));
            shadow.follow(position, |passed| told(at(passed, position))).await?;
            let mut compared = 0;
            for reader in readers {
                let mut shadow = Shadow::new(&[reader], (log, &policies), stores);
                let live = Live { source: log, store: &self.store, reader };
                let mut differs = |row: RowDifference| report.find("read_models", None, what(&row));
                compared += live.all(&mut shadow, false, &mut differs).await?;
            }
            report.read_models = Some(RowsReport { rows: compared, position });
        }
        drop(rows);
        Ok(held.remove()?)
    }
}

fn what(row: &RowDifference) -> String {
    let RowDifference { table, key, position, how, .. } = row;
    let (how, what) = (how.name(), row.what());
    format!("the row {key} of {table} is {how} as of position {position}{what}")
}
