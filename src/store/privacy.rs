//! The data keys under which deliveries are sealed, and which of them were destroyed.

use jiff::Timestamp;

use super::{Result, Store, reading::time, sql::Row};

/// Columns of [`DataKey`].
pub(super) const COLUMNS: &str = "key_id, subject, created_at, sealing_key_id, sealed, erased_at";

/// A data key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKey {
    /// Its id, by which deliveries name it.
    pub key_id: String,
    /// Whom it is about: `kind:id`.
    pub subject: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The sealing key under which it is sealed.
    pub sealing_key_id: String,
    /// The key, sealed; `None` once it was destroyed.
    pub sealed: Option<Vec<u8>>,
    /// When it was destroyed.
    pub erased_at: Option<Timestamp>,
}

/// What is destroyed at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The ids of data keys.
    pub keys: Vec<String>,
    /// The references of secrets.
    pub secrets: Vec<String>,
    /// When.
    pub at: Timestamp,
}

impl Erased {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.secrets.is_empty()
    }
}

/// The ids of the deliveries that brought the steps of a customer.
const DELIVERIES_OF: &str = "SELECT d.delivery_id, d.last_received_at
    FROM @timeline AS t JOIN @deliveries AS d
        ON d.source = t.source AND d.first_position = t.first_position
    WHERE t.source = $1 AND ";

const OF_CUSTOMER: &str = "t.customer_id = $2";
const OF_PARTNER: &str = "t.customer_id IS NULL AND t.partner_customer_id = $2";

/// Deliveries that could not be read and were redriven, with the keys that are there, and what they are
/// about since. `{key}` is the position as the timeline writes it. There are few.
const REDRIVEN: &str = "SELECT k.key_id, k.subject, k.created_at, k.sealing_key_id, k.sealed,
    k.erased_at, t.customer_id, t.partner_customer_id, t.aggregate_type, t.stream
    FROM @data_keys AS k
    JOIN @redriven_deliveries AS r ON r.source = k.source AND r.delivery_id = SUBSTR(k.subject, 10)
    LEFT JOIN @deliveries AS d ON d.source = r.source AND d.delivery_id = r.step_id
    JOIN @timeline AS t ON t.source = r.source AND t.key = {key}
    WHERE k.source = $1 AND k.subject >= 'delivery:' AND k.subject < 'delivery;'";

/// What was recorded of erasures, by stream.
const ERASURES: &str =
    "SELECT aggregate_id, sequence, position, event_version, payload FROM @events
    WHERE source = $1 AND aggregate_type = 'privacy' AND event_type = 'PersonalDataErased'
        AND (aggregate_id, sequence) > ($2, $3)
    ORDER BY aggregate_id, sequence LIMIT $4";

/// Deliveries that name a data key of which there is no row. The id stands behind `sealed/v1/`.
const WITHOUT_KEY: &str = "SELECT d.first_position, d.delivery_id, SUBSTR(d.headers, 11)
    FROM @deliveries AS d
    LEFT JOIN @data_keys AS k ON k.source = d.source AND k.key_id = SUBSTR(d.headers, 11)
    WHERE d.source = $1 AND d.number > $2 AND d.number <= $3
        AND SUBSTR(d.headers, 1, 10) = 'sealed/v1/' AND k.key_id IS NULL
    ORDER BY d.number";

/// Of whom a customer's deliveries are looked for.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    /// The lender's id.
    Customer(&'a str),
    /// The partner's id, of steps that name no other.
    Partner(&'a str),
}

/// An erasure as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// `source/kind:id`, and the place in that stream: behind which the next page begins.
    pub place: (String, i64),
    /// The place in the log.
    pub position: i64,
    /// The version of the event.
    pub version: String,
    /// What was recorded.
    pub payload: String,
}

/// A delivery whose data key has no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutKey {
    /// The position of the event that recorded it.
    pub first_position: i64,
    /// Its id.
    pub delivery_id: String,
    /// The id of the key that it names.
    pub key_id: String,
}

/// The key of a delivery that was redriven, and what it is about since.
#[derive(Clone, Debug)]
pub struct RedrivenKey {
    /// The key.
    pub key: DataKey,
    /// The lender's id of the customer.
    pub customer_id: Option<String>,
    /// The partner's.
    pub partner_customer_id: Option<String>,
    /// The stream, as `kind:id`.
    pub stream: String,
}

impl dyn Store {
    /// Data keys of subjects, destroyed ones too.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn data_keys_of(&self, source: &str, subjects: Vec<String>) -> Result<Vec<DataKey>> {
        let of_subjects = (self.dialect().one_of)("subject", 2);
        let sql = format!(
            "SELECT {COLUMNS} FROM @data_keys WHERE source = $1 AND {of_subjects}
             ORDER BY created_at, key_id"
        );
        let rows = self.all(&sql, vec![source.into(), subjects.into()]).await?;
        rows.into_iter().map(data_key).collect()
    }

    /// The keys of deliveries that were redriven.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn redriven_keys(&self, source: &str) -> Result<Vec<RedrivenKey>> {
        let position = "COALESCE(r.first_position, d.first_position)";
        let sql = REDRIVEN.replace("{key}", &(self.dialect().padded)(position));
        let redriven = |mut row: Row| {
            let key = first_columns(&mut row)?;
            let (customer_id, partner_customer_id) = (row.optional_text()?, row.optional_text()?);
            let stream = format!("{}:{}", row.text()?, row.text()?);
            Ok(RedrivenKey { key, customer_id, partner_customer_id, stream })
        };
        self.all(&sql, vec![source.into()]).await?.into_iter().map(redriven).collect()
    }

    /// The deliveries that brought the steps of a customer, each with the time at which it came last.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn deliveries_of(
        &self,
        source: &str,
        of: Of<'_>,
    ) -> Result<Vec<(String, Timestamp)>> {
        let (condition, id) = match of {
            Of::Customer(id) => (OF_CUSTOMER, id),
            Of::Partner(id) => (OF_PARTNER, id),
        };
        let sql = DELIVERIES_OF.to_owned() + condition;
        let delivery = |mut row: Row| Ok((row.text()?, time(row.int()?)));
        let rows = self.all(&sql, vec![source.into(), id.into()]).await?;
        rows.into_iter().map(delivery).collect()
    }

    /// All data keys behind an id, in the order of the ids, destroyed ones too, `limit` at most.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn data_keys_after(
        &self,
        source: &str,
        key_id: &str,
        limit: i64,
    ) -> Result<Vec<DataKey>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM @data_keys WHERE source = $1 AND key_id > $2
             ORDER BY key_id LIMIT $3"
        );
        let rows = self.all(&sql, vec![source.into(), key_id.into(), limit.into()]).await?;
        rows.into_iter().map(data_key).collect()
    }

    /// Erasures behind a place, `limit` at most.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn erasures_after(
        &self,
        source: &str,
        (stream, sequence): &(String, i64),
        limit: i64,
    ) -> Result<Vec<Erasure>> {
        let values = vec![source.into(), stream.as_str().into(), (*sequence).into(), limit.into()];
        let erasure = |mut row: Row| {
            let place = (row.text()?, row.int()?);
            let (position, version) = (row.int()?, row.text()?);
            Ok(Erasure { place, position, version, payload: row.text()? })
        };
        self.all(ERASURES, values).await?.into_iter().map(erasure).collect()
    }

    /// The deliveries behind a number and up to another one whose data key has no row.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn without_key(
        &self,
        source: &str,
        (after, up_to): (i64, i64),
    ) -> Result<Vec<WithoutKey>> {
        let values = vec![source.into(), after.into(), up_to.into()];
        let without = |mut row: Row| {
            let (first_position, delivery_id) = (row.int()?, row.text()?);
            Ok(WithoutKey { first_position, delivery_id, key_id: row.text()? })
        };
        self.all(WITHOUT_KEY, values).await?.into_iter().map(without).collect()
    }

    /// Which of these data keys have a row: their ids.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn known_data_keys(&self, source: &str, key_ids: Vec<String>) -> Result<Vec<String>> {
        let of_ids = (self.dialect().one_of)("key_id", 2);
        let sql = format!("SELECT key_id FROM @data_keys WHERE source = $1 AND {of_ids}");
        let rows = self.all(&sql, vec![source.into(), key_ids.into()]).await?;
        rows.into_iter().map(|mut row| row.text()).collect()
    }

    /// Data keys by their ids, destroyed ones too.
    ///
    /// # Errors
    /// [`StoreError`](super::StoreError), as for all reads.
    pub async fn data_keys(&self, source: &str, key_ids: Vec<String>) -> Result<Vec<DataKey>> {
        let of_ids = (self.dialect().one_of)("key_id", 2);
        let sql = format!("SELECT {COLUMNS} FROM @data_keys WHERE source = $1 AND {of_ids}");
        let rows = self.all(&sql, vec![source.into(), key_ids.into()]).await?;
        rows.into_iter().map(data_key).collect()
    }
}

/// Columns as in [`COLUMNS`].
pub(super) fn data_key(mut row: Row) -> Result<DataKey> {
    first_columns(&mut row)
}

fn first_columns(row: &mut Row) -> Result<DataKey> {
    Ok(DataKey {
        key_id: row.text()?,
        subject: row.text()?,
        created_at: time(row.int()?),
        sealing_key_id: row.text()?,
        sealed: row.optional_bytes()?,
        erased_at: row.optional_int()?.map(time),
    })
}
