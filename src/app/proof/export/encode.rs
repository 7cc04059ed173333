//! Rows as files: a line of JSON each, CSV, or Parquet.
//!
//! A page of rows becomes a [`Sheet`] where the database has them, on whichever thread that is; the
//! [`Encoder`] puts sheets one behind the other and hashes what it writes.

use std::{
    io::{self, Write},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{ColumnPath, Type},
};
use sha2::{Digest as _, Sha256};

use super::{
    tables::{Column, Kind},
    target::Open,
};
use crate::{
    app::export::{Format, for_spreadsheets},
    store::sql::Lent,
};

/// How many bytes a group of Parquet has, about: what is in memory at once.
const GROUP: usize = 8 << 20;

/// Columns whose values hardly ever repeat: looking for repetitions is lost work.
const DISTINCT: [&str; 9] = [
    "key",
    "payload",
    "metadata",
    "delivery",
    "delivery_id",
    "dedup_key",
    "headers",
    "body",
    "document",
];

/// What was written.
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// A file that is hashed as it is written.
struct Hashed {
    to: Open,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Rows in a form, not yet in a file.
pub(super) struct Sheet {
    columns: Arc<[Column]>,
    rows: u64,
    form: Form,
}

enum Form {
    Ndjson(Vec<u8>),
    Csv(Box<csv::Writer<Vec<u8>>>),
    Parquet(Vec<Cells>),
}

/// The values of a column, and which rows have one.
#[derive(Default)]
struct Cells {
    numbers: Vec<i64>,
    /// Texts one behind the other, and where each ends.
    texts: Vec<u8>,
    ends: Vec<usize>,
    levels: Vec<i16>,
}

impl Sheet {
    pub(super) fn new(columns: Arc<[Column]>, format: Format) -> Self {
        let form = match format {
            Format::Ndjson => Form::Ndjson(Vec::new()),
            Format::Csv => Form::Csv(Box::new(csv::Writer::from_writer(Vec::new()))),
            Format::Parquet => Form::Parquet(columns.iter().map(|_| Cells::default()).collect()),
        };
        Self { columns, rows: 0, form }
    }

    /// Adds a row: a value for each column.
    ///
    /// # Errors
    /// [`io::Error`], which memory has no reason for.
    pub(super) fn add(&mut self, row: &[Lent<'_>]) -> io::Result<()> {
        self.rows += 1;
        match &mut self.form {
            Form::Ndjson(text) => line(&self.columns, row, text),
            Form::Csv(writer) => {
                for value in row {
                    cell(writer, *value)?;
                }
                Ok(writer.write_record(None::<&[u8]>)?)
            }
            Form::Parquet(cells) => {
                cells.iter_mut().zip(row).for_each(|(cells, value)| cells.add(*value));
                Ok(())
            }
        }
    }
}

impl Cells {
    fn add(&mut self, value: Lent<'_>) {
        self.levels.push(i16::from(value != Lent::Null));
        match value {
            Lent::Null => return,
            Lent::Int(number) => return self.numbers.push(number),
            Lent::Text(text) => self.texts.extend_from_slice(text.as_bytes()),
            Lent::Bytes(bytes) => self.texts.extend_from_slice(bytes),
        }
        self.ends.push(self.texts.len());
    }

    fn bytes(&self) -> usize {
        self.texts.len() + 8 * self.numbers.len()
    }
}

/// What writes sheets in a form.
pub(super) struct Encoder {
    columns: Arc<[Column]>,
    to: To,
    count: u64,
}

enum To {
    Lines(Hashed),
    Parquet { writer: Box<SerializedFileWriter<Hashed>>, group: Vec<Vec<Cells>>, bytes: usize },
}

impl Encoder {
    pub(super) fn new(columns: Arc<[Column]>, format: Format, to: Open) -> io::Result<Self> {
        let mut file = Hashed { to, hash: Sha256::new(), bytes: 0 };
        let to = match format {
            Format::Ndjson => To::Lines(file),
            Format::Csv => {
                let mut head = csv::Writer::from_writer(Vec::new());
                head.write_record(columns.iter().map(|column| &column.name))?;
                file.write_all(&text_of(head)?)?;
                To::Lines(file)
            }
            Format::Parquet => {
                let properties = Arc::new(properties(&columns));
                let schema = schema(&columns).map_err(parquet)?;
                let writer =
                    SerializedFileWriter::new(file, schema, properties).map_err(parquet)?;
                To::Parquet { writer: Box::new(writer), group: Vec::new(), bytes: 0 }
            }
        };
        Ok(Self { columns, to, count: 0 })
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn take(&mut self, sheet: Sheet) -> io::Result<()> {
        self.count += sheet.rows;
        match (&mut self.to, sheet.form) {
            (To::Lines(file), Form::Ndjson(text)) => file.write_all(&text),
            (To::Lines(file), Form::Csv(writer)) => file.write_all(&text_of(*writer)?),
            (To::Parquet { writer, group, bytes }, Form::Parquet(cells)) => {
                *bytes += cells.iter().map(Cells::bytes).sum::<usize>();
                group.push(cells);
                if *bytes >= GROUP {
                    *bytes = 0;
                    write_group(writer, &self.columns, group).map_err(parquet)?;
                }
                Ok(())
            }
            _ => Err(io::Error::other("a sheet is of another form")),
        }
    }

    pub(super) fn end(self) -> io::Result<Written> {
        let Self { columns, to, count } = self;
        let file = match to {
            To::Lines(file) => file,
            To::Parquet { mut writer, mut group, .. } => {
                write_group(&mut writer, &columns, &mut group).map_err(parquet)?;
                writer.into_inner().map_err(parquet)?
            }
        };
        let Hashed { to, hash, bytes } = file;
        to.close()?;
        Ok(Written { rows: count, bytes, sha256: hash.finalize().into() })
    }
}

/// A row as a JSON object, its fields in the order of the columns.
fn line(columns: &[Column], row: &[Lent<'_>], text: &mut Vec<u8>) -> io::Result<()> {
    for (nth, (Column { name, .. }, value)) in columns.iter().zip(row).enumerate() {
        text.push(if nth == 0 { b'{' } else { b',' });
        // Names of columns need no escape.
        write!(text, "\"{name}\":")?;
        match value {
            Lent::Int(number) => write!(text, "{number}")?,
            Lent::Text(value) => serde_json::to_writer(&mut *text, value)?,
            Lent::Bytes(bytes) => write!(text, "\"{}\"", STANDARD.encode(bytes))?,
            Lent::Null => text.extend_from_slice(b"null"),
        }
    }
    text.extend_from_slice(b"}\n");
    Ok(())
}

fn cell(writer: &mut csv::Writer<Vec<u8>>, value: Lent<'_>) -> io::Result<()> {
    Ok(match value {
        Lent::Int(number) => writer.write_field(number.to_string()),
        Lent::Text(text) => writer.write_field(&*for_spreadsheets(text)),
        Lent::Bytes(bytes) => writer.write_field(STANDARD.encode(bytes)),
        Lent::Null => writer.write_field(""),
    }?)
}

fn text_of(writer: csv::Writer<Vec<u8>>) -> io::Result<Vec<u8>> {
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn schema(columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    let field = |column: &Column| {
        let (physical, logical) = match column.kind {
            Kind::Int => (Physical::INT64, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Bytes => (Physical::BYTE_ARRAY, None),
        };
        let field = Type::primitive_type_builder(&column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        Ok(Arc::new(field.build()?))
    };
    let fields = columns.iter().map(field).collect::<Result<_, ParquetError>>()?;
    Ok(Arc::new(Type::group_type_builder("row").with_fields(fields).build()?))
}

fn properties(columns: &[Column]) -> WriterProperties {
    let distinct = columns.iter().filter(|column| DISTINCT.contains(&column.name.as_str()));
    distinct
        .fold(WriterProperties::builder(), |properties, column| {
            let column = ColumnPath::from(column.name.as_str());
            properties.set_column_dictionary_enabled(column, false)
        })
        .build()
}

fn write_group(
    writer: &mut SerializedFileWriter<Hashed>,
    columns: &[Column],
    group: &mut Vec<Vec<Cells>>,
) -> Result<(), ParquetError> {
    if group.is_empty() {
        return Ok(());
    }
    let mut sheets: Vec<_> = std::mem::take(group).into_iter().map(Vec::into_iter).collect();
    let mut to = writer.next_row_group()?;
    for column in columns {
        let cells: Vec<Cells> = sheets.iter_mut().filter_map(Iterator::next).collect();
        let Some(mut to) = to.next_column()? else { break };
        for Cells { numbers, texts, ends, levels } in cells {
            if column.kind == Kind::Int {
                to.typed::<Int64Type>().write_batch(&numbers, Some(&levels), None)?;
                continue;
            }
            let (texts, mut begin) = (Bytes::from(texts), 0);
            let text = |end: usize| {
                let text = texts.slice(begin..end);
                begin = end;
                ByteArray::from(text)
            };
            let texts: Vec<ByteArray> = ends.into_iter().map(text).collect();
            to.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None)?;
        }
        to.close()?;
    }
    to.close()?;
    Ok(())
}

fn parquet(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };

    use std::{fs::File, path::Path};

    use super::{super::target::Target, *};
    use crate::store::sql::Value;

    fn columns() -> Vec<Column> {
        let column = |(name, kind): (&str, Kind)| Column { name: name.to_owned(), kind };
        [("key", Kind::Text), ("count", Kind::Int), ("body", Kind::Bytes)].map(column).to_vec()
    }

    /// With nothing in every third place.
    fn rows() -> Vec<Vec<Value>> {
        let row = |n: i64| {
            let value =
                |nth: i64, value: Value| if (n + nth) % 3 == 0 { Value::Null } else { value };
            vec![
                value(0, format!("\"Café\", =1+{n}").into()),
                value(1, n.into()),
                value(2, Value::Bytes(n.to_be_bytes().to_vec())),
            ]
        };
        (0..20_010).map(row).collect()
    }

    fn written(format: Format, folder: &Path) -> Written {
        let to = Target::Folder(folder.to_owned()).open(format.name()).unwrap();
        let columns: Arc<[Column]> = columns().into();
        let mut encoder = Encoder::new(Arc::clone(&columns), format, to).unwrap();
        for page in rows().chunks(7777) {
            let mut sheet = Sheet::new(Arc::clone(&columns), format);
            page.iter().for_each(|row| sheet.add(&lent(row)).unwrap());
            encoder.take(sheet).unwrap();
        }
        encoder.end().unwrap()
    }

    fn lent(row: &[Value]) -> Vec<Lent<'_>> {
        let lent = |value| match value {
            &Value::Int(number) => Lent::Int(number),
            Value::Text(text) => Lent::Text(text),
            Value::Bytes(bytes) => Lent::Bytes(bytes),
            _ => Lent::Null,
        };
        row.iter().map(lent).collect()
    }

    #[test]
    fn what_is_written_is_read_again_and_hashed_as_it_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        for form in Format::ALL {
            let Written { bytes, sha256, rows: count } = written(form, folder.path());
            let file = std::fs::read(folder.path().join(form.name())).unwrap();
            let hash: [u8; 32] = Sha256::digest(&file).into();
            assert_eq!((file.len() as u64, hash), (bytes, sha256), "{}", form.name());
            assert_eq!(count, rows().len() as u64, "whatever the form");
        }
    }

    #[test]
    fn parquet_has_the_rows_with_their_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parquet");
        written(Format::Parquet, folder.path());
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.num_row_groups(), 1, "all sheets of a group stand together");
        let read = reader.get_row_iter(None).unwrap().map(Result::unwrap);
        let mut count = 0;
        for (row, expected) in read.zip(rows()) {
            let fields: Vec<Value> = row
                .get_column_iter()
                .map(|(_, field)| match field {
                    Field::Null => Value::Null,
                    Field::Long(number) => (*number).into(),
                    Field::Str(text) => text.as_str().into(),
                    Field::Bytes(bytes) => Value::Bytes(bytes.data().to_vec()),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(fields, expected);
            count += 1;
        }
        assert_eq!(count, rows().len());
    }

    #[test]
    fn a_line_and_a_cell_have_what_a_row_has() {
        let row = [Lent::Text("=1, \"a\"\n"), Lent::Int(-5), Lent::Bytes(&[0, 255])];
        let mut text = Vec::new();
        line(&columns(), &row, &mut text).unwrap();
        let expected = "{\"key\":\"=1, \\\"a\\\"\\n\",\"count\":-5,\"body\":\"AP8=\"}\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        let mut cells = Sheet::new(columns().into(), Format::Csv);
        cells.add(&row).unwrap();
        let Form::Csv(cells) = cells.form else { panic!("CSV") };
        assert_eq!(text_of(*cells).unwrap(), b"\"'=1, \"\"a\"\"\n\",-5,AP8=\n");
    }
}
