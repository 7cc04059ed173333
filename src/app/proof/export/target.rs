//! Where an export goes: a folder, or an archive that is streamed.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::archive::{Archive, Member};

/// How many bytes are written at once.
const BUFFER: usize = 1 << 16;

/// Where an export goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// A folder, which is made.
    Folder(PathBuf),
    /// An archive.
    Archive(Archive),
}

/// A file of it that is being written.
pub(super) enum Open {
    File(BufWriter<File>),
    Member(BufWriter<Member>),
}

impl Target {
    /// Begins a file.
    pub(super) fn open(&self, name: &str) -> io::Result<Open> {
        Ok(match self {
            Self::Folder(folder) => {
                let file = new_file(&folder.join(name))?;
                Open::File(BufWriter::with_capacity(BUFFER, file))
            }
            Self::Archive(archive) => {
                Open::Member(BufWriter::with_capacity(BUFFER, archive.begin(name)?))
            }
        })
    }

    /// What a file is called in an error.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::Archive(_) => name.into(),
        }
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) -> io::Result<()> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Archive(archive) => archive.end(),
        }
    }
}

/// A new file for nobody else's eyes, in a folder that is made for it: what is taken away tells of
/// customers. One that is there stays as it is.
pub fn new_file(path: &Path) -> io::Result<File> {
    let mut folder = fs::DirBuilder::new();
    let mut file = fs::OpenOptions::new();
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    }
    folder.recursive(true).create(path.parent().unwrap_or(Path::new(".")))?;
    file.write(true).create_new(true).open(path)
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Member(member) => member.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Member(member) => member.flush(),
        }
    }
}

impl Open {
    /// All of it is written.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.flush()?;
        match self {
            Self::File(file) => file.get_ref().sync_all(),
            Self::Member(member) => {
                member.into_inner().map_err(io::IntoInnerError::into_error)?.end()
            }
        }
    }
}
