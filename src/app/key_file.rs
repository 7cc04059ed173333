//! Files that hold a key: made once, whole, and open to their owner alone.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use secrecy::{ExposeSecret, SecretString};

/// More than any key file has. It bounds what is read of a wrong one.
const FILE_LEN: u64 = 64 * 1024;

/// Makes a file with this text.
///
/// # Errors
/// `AlreadyExists` if there is one; what else the system says.
pub(super) fn make(path: &Path, text: &SecretString) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let text = text.expose_secret().as_bytes();
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a key must not stay: it would be refused for ever.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// The text of a key file; none if others than its owner may read or write it.
///
/// # Errors
/// What the system says.
pub(super) fn read(file: File) -> io::Result<Option<SecretString>> {
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o077 != 0 {
        return Ok(None);
    }
    let mut text = String::with_capacity(4096);
    let read = file.take(FILE_LEN).read_to_string(&mut text);
    let text = SecretString::from(text);
    read.map(|_| Some(text))
}
