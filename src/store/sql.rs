//! What SQL needs that every database can run: values in, values out, and where dialects differ.

use super::{Result, StoreError};

/// Where the dialects of the databases differ.
///
/// Shared statements number their places `$1`, `$2` … in the order in which they first stand in
/// the text, and write `@` before the name of a table.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// What stands before the name of a table.
    pub schema: &'static str,
    /// A condition on a column: it is one of the list that is bound at a place.
    pub one_of: fn(column: &str, place: usize) -> String,
    /// A whole number as text of 20 digits.
    pub padded: fn(column: &str) -> String,
    /// A column by which no rows are to be looked up: another condition finds fewer. A database that
    /// counts its rows knows that by itself.
    pub aside: fn(column: &str) -> String,
    /// The number of a row, if every index has it: it costs no look at the row, and rises with the
    /// position as long as nobody moves rows.
    pub row: Option<&'static str>,
}

impl Dialect {
    /// A shared statement in this dialect.
    pub fn of(&self, sql: &str) -> String {
        sql.replace('@', self.schema)
    }
}

/// A value that is bound to a statement, or read from a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Texts, for [`Dialect::one_of`]. Only bound.
    Texts(Vec<String>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<String>> for Value {
    fn from(values: Vec<String>) -> Self {
        Self::Texts(values)
    }
}

/// A value of a row where the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lent<'a> {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// What looks at the rows of a statement, one by one, where the database has them.
pub type Look = Box<dyn FnMut(LentRow<'_>) -> Result<()> + Send>;

/// A row that is looked at, read column by column from the first.
#[derive(Clone, Debug)]
pub struct LentRow<'a>(std::slice::Iter<'a, Lent<'a>>);

impl<'a> LentRow<'a> {
    /// A row of these values.
    pub fn new(values: &'a [Lent<'a>]) -> Self {
        Self(values.iter())
    }

    /// The next column, which is text.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it is anything else, as for all columns.
    pub fn text(&mut self) -> Result<&'a str> {
        match self.0.next() {
            Some(Lent::Text(text)) => Ok(text),
            other => Err(unfit_lent("text", other)),
        }
    }

    /// The next column, which is text or nothing.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn optional_text(&mut self) -> Result<Option<&'a str>> {
        match self.0.next() {
            Some(Lent::Text(text)) => Ok(Some(text)),
            Some(Lent::Null) => Ok(None),
            other => Err(unfit_lent("text or nothing", other)),
        }
    }

    /// The next column, which is a whole number.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn int(&mut self) -> Result<i64> {
        match self.0.next() {
            Some(Lent::Int(number)) => Ok(*number),
            other => Err(unfit_lent("a whole number", other)),
        }
    }

    /// The next column, which is a whole number or nothing.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn optional_int(&mut self) -> Result<Option<i64>> {
        match self.0.next() {
            Some(Lent::Int(number)) => Ok(Some(*number)),
            Some(Lent::Null) => Ok(None),
            other => Err(unfit_lent("a whole number or nothing", other)),
        }
    }

    /// The next column, which is bytes.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        match self.0.next() {
            Some(Lent::Bytes(bytes)) => Ok(bytes),
            other => Err(unfit_lent("bytes", other)),
        }
    }

    /// All further columns.
    pub fn rest(self) -> &'a [Lent<'a>] {
        self.0.as_slice()
    }
}

/// A row of a result, read column by column from the first.
#[derive(Debug)]
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// A row of these values.
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// All further columns.
    pub fn rest(self) -> Vec<Value> {
        self.0.collect()
    }

    /// The next column, which is text.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it is anything else, as for all columns.
    pub fn text(&mut self) -> Result<String> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(text),
            other => Err(unfit("text", other.as_ref())),
        }
    }

    /// The next column, which is text or nothing.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn optional_text(&mut self) -> Result<Option<String>> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            other => Err(unfit("text or nothing", other.as_ref())),
        }
    }

    /// The next column, which is a whole number.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn int(&mut self) -> Result<i64> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            other => Err(unfit("a whole number", other.as_ref())),
        }
    }

    /// The next column, which is a whole number or nothing.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn optional_int(&mut self) -> Result<Option<i64>> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            other => Err(unfit("a whole number or nothing", other.as_ref())),
        }
    }

    /// The next column, which is bytes or nothing.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            other => Err(unfit("bytes or nothing", other.as_ref())),
        }
    }

    /// The next column, which is bytes.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn bytes(&mut self) -> Result<Vec<u8>> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            other => Err(unfit("bytes", other.as_ref())),
        }
    }
}

fn unfit(wanted: &str, found: Option<&Value>) -> StoreError {
    let found = match found {
        None => "no column",
        Some(Value::Null) => "nothing",
        Some(Value::Int(_)) => "a whole number",
        Some(Value::Text(_)) => "text",
        Some(Value::Bytes(_)) => "bytes",
        Some(Value::Texts(_)) => "a list",
    };
    StoreError::Unavailable(format!("a column should be {wanted} and is {found}").into())
}

fn unfit_lent(wanted: &str, found: Option<&Lent<'_>>) -> StoreError {
    // What it says is of no use here, and may be of a customer.
    let found = found.map(|found| match found {
        Lent::Null => Value::Null,
        Lent::Int(number) => Value::Int(*number),
        Lent::Text(_) => Value::Text(String::new()),
        Lent::Bytes(_) => Value::Bytes(Vec::new()),
    });
    unfit(wanted, found.as_ref())
}
