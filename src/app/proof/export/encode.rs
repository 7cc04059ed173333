//! Rows as files: a line of JSON each, CSV, or Parquet.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};
use sha2::{Digest as _, Sha256};

use super::tables::{Column, Kind};
use crate::{app::export::for_spreadsheets, store::sql::Value};

/// How many rows a group of Parquet has: what is in memory at once.
const GROUP: usize = 20_000;

/// In which form rows are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON object a line.
    Ndjson,
    /// Columns, with a head.
    Csv,
    /// Columns in groups, for programs that count.
    Parquet,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ndjson, Self::Csv, Self::Parquet];

    /// The name, which is the ending of a file too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// What was written.
pub(super) struct Written {
    pub(super) rows: Option<u64>,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// A file that is hashed as it is written.
struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What writes rows in a form.
pub(super) struct Encoder {
    columns: Vec<Column>,
    to: To,
    count: u64,
}

enum To {
    Ndjson(Hashed),
    Csv(Box<csv::Writer<Hashed>>),
    Parquet { writer: Box<SerializedFileWriter<Hashed>>, group: Vec<Vec<Value>> },
}

impl Encoder {
    pub(super) fn new(columns: Vec<Column>, form: Form, path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        let file = Hashed { file, hash: Sha256::new(), bytes: 0 };
        let to = match form {
            Form::Ndjson => To::Ndjson(file),
            Form::Csv => {
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(columns.iter().map(|column| &column.name))?;
                To::Csv(Box::new(writer))
            }
            Form::Parquet => {
                let writer = SerializedFileWriter::new(
                    file,
                    schema(&columns).map_err(parquet)?,
                    Arc::new(WriterProperties::builder().build()),
                );
                To::Parquet { writer: Box::new(writer.map_err(parquet)?), group: Vec::new() }
            }
        };
        Ok(Self { columns, to, count: 0 })
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn rows(&mut self, rows: Vec<Vec<Value>>) -> io::Result<()> {
        self.count += rows.len() as u64;
        match &mut self.to {
            To::Ndjson(file) => {
                let mut text = String::new();
                for row in rows {
                    line(&self.columns, row, &mut text)?;
                }
                file.write_all(text.as_bytes())
            }
            To::Csv(writer) => {
                for row in rows {
                    writer.write_record(row.into_iter().map(cell))?;
                }
                Ok(())
            }
            To::Parquet { writer, group } => {
                group.extend(rows);
                if group.len() >= GROUP {
                    write_group(writer, &self.columns, group).map_err(parquet)?;
                }
                Ok(())
            }
        }
    }

    pub(super) fn end(self) -> io::Result<Written> {
        let Self { columns, to, count } = self;
        let (file, rows) = match to {
            To::Ndjson(file) => (file, Some(count)),
            // The head is a line as well; a cell may have lines, so they are not rows.
            To::Csv(writer) => {
                let file =
                    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
                (file, None)
            }
            To::Parquet { mut writer, mut group } => {
                write_group(&mut writer, &columns, &mut group).map_err(parquet)?;
                (writer.into_inner().map_err(parquet)?, None)
            }
        };
        let Hashed { mut file, hash, bytes } = file;
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok(Written { rows, bytes, sha256: hash.finalize().into() })
    }
}

/// A row as a JSON object, its fields in the order of the columns.
fn line(columns: &[Column], row: Vec<Value>, text: &mut String) -> io::Result<()> {
    use std::fmt::Write as _;
    for (nth, (Column { name, .. }, value)) in columns.iter().zip(row).enumerate() {
        let before = if nth == 0 { '{' } else { ',' };
        // Writing to a String cannot fail; names of columns need no escape.
        let _ = write!(text, "{before}\"{name}\":");
        match value {
            Value::Int(number) => {
                let _ = write!(text, "{number}");
            }
            Value::Text(value) => *text += &serde_json::to_string(&value)?,
            Value::Bytes(bytes) => {
                let _ = write!(text, "\"{}\"", STANDARD.encode(bytes));
            }
            Value::Null | Value::Texts(_) => *text += "null",
        }
    }
    *text += "}\n";
    Ok(())
}

fn cell(value: Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => for_spreadsheets(&text),
        Value::Bytes(bytes) => STANDARD.encode(bytes),
        Value::Null | Value::Texts(_) => String::new(),
    }
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

fn write_group(
    writer: &mut SerializedFileWriter<Hashed>,
    columns: &[Column],
    group: &mut Vec<Vec<Value>>,
) -> Result<(), ParquetError> {
    if group.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<_> = std::mem::take(group).into_iter().map(Vec::into_iter).collect();
    let mut to = writer.next_row_group()?;
    for column in columns {
        let values: Vec<Value> =
            rows.iter_mut().map(|row| row.next().unwrap_or(Value::Null)).collect();
        let levels: Vec<i16> =
            values.iter().map(|value| i16::from(*value != Value::Null)).collect();
        let Some(mut to) = to.next_column()? else { break };
        match column.kind {
            Kind::Int => {
                let numbers: Vec<i64> = values
                    .iter()
                    .filter_map(|value| match value {
                        Value::Int(number) => Some(*number),
                        _ => None,
                    })
                    .collect();
                to.typed::<Int64Type>().write_batch(&numbers, Some(&levels), None)?;
            }
            Kind::Text | Kind::Bytes => {
                let texts: Vec<ByteArray> = values
                    .into_iter()
                    .filter_map(|value| match value {
                        Value::Text(text) => Some(text.into_bytes().into()),
                        Value::Bytes(bytes) => Some(bytes.into()),
                        Value::Int(number) => Some(number.to_string().into_bytes().into()),
                        Value::Null | Value::Texts(_) => None,
                    })
                    .collect();
                to.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None)?;
            }
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

    use super::*;

    fn columns() -> Vec<Column> {
        let column = |(name, kind): (&str, Kind)| Column { name: name.to_owned(), kind };
        [("key", Kind::Text), ("count", Kind::Int), ("body", Kind::Bytes)].map(column).to_vec()
    }

    /// More than one group, with nothing in every third place.
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
        (0..i64::try_from(GROUP).unwrap() + 10).map(row).collect()
    }

    fn written(form: Form, path: &Path) -> Written {
        let mut encoder = Encoder::new(columns(), form, path).unwrap();
        for page in rows().chunks(7777) {
            encoder.rows(page.to_vec()).unwrap();
        }
        encoder.end().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_and_hashed_as_it_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        for form in Form::ALL {
            let path = folder.path().join(form.name());
            let Written { bytes, sha256, rows, .. } = written(form, &path);
            let file = std::fs::read(&path).unwrap();
            let hash: [u8; 32] = Sha256::digest(&file).into();
            assert_eq!((file.len() as u64, hash), (bytes, sha256), "{}", form.name());
            assert_eq!(rows.is_some(), form == Form::Ndjson);
        }
    }

    #[test]
    fn parquet_has_the_rows_with_their_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        written(Form::Parquet, &path);
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.num_row_groups(), 1, "the rest of a page stays in its group");
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
        let row = vec![Value::from("=1, \"a\"\n"), (-5_i64).into(), Value::Bytes(vec![0, 255])];
        let mut text = String::new();
        line(&columns(), row.clone(), &mut text).unwrap();
        assert_eq!(text, "{\"key\":\"=1, \\\"a\\\"\\n\",\"count\":-5,\"body\":\"AP8=\"}\n");
        let cells: Vec<String> = row.into_iter().map(cell).collect();
        assert_eq!(cells, ["'=1, \"a\"\n", "-5", "AP8="]);
    }
}
