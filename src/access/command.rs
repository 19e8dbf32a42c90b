//! How our own commands get past the password: by a file beside the database, which only our user
//! may read, and which is another after each start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::secret::{self, Digest};

const FILE: &str = "command.token";

/// The file.
pub(super) fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Writes a new token, and gives what it is known by.
pub(super) fn make(data_dir: &Path) -> io::Result<Digest> {
    let secret = secret::make().map_err(io::Error::other)?;
    make_folder(data_dir)?;
    write(&file(data_dir), &secret)?;
    Ok(Digest::of(&secret))
}

/// The token of the server that keeps its data there.
pub fn read(data_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(file(data_dir)).ok()?;
    Some(text.trim().to_owned()).filter(|token| !token.is_empty())
}

/// Removes the file: the server ends.
pub fn forget(data_dir: &Path) {
    // The next start writes another in any case.
    let _: io::Result<()> = fs::remove_file(file(data_dir));
}

/// A folder for our user only, where there is none.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that only we may read, whole or not at all.
pub(super) fn write(file: &Path, text: &str) -> io::Result<()> {
    let part = file.with_added_extension("part");
    // One that a broken start left may be readable to others.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&part)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&part, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_our_user_reads_it_and_each_start_has_another() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = make(&data).unwrap();
        assert_eq!(Digest::of(&read(&data).unwrap()), first);
        let mode = fs::metadata(file(&data)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // What somebody else left there in the meantime is not written to.
        fs::set_permissions(file(&data), fs::Permissions::from_mode(0o666)).unwrap();
        assert_ne!(make(&data).unwrap(), first);
        let mode = fs::metadata(file(&data)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        forget(&data);
        assert_eq!(read(&data), None);
    }
}
