//! Lists that are files of this machine. They are copied, so that what is half written is never
//! read, and nobody waits longer for a disk than for a server.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tokio::time::timeout;

use super::super::standing::Stamp;
use super::super::work::aside;
use super::{FetchError, Fresh, Terms, Validators, sink};
use crate::config::Config;

/// The bit of a file's mode that lets everybody read it.
const ALL_MAY_READ: u32 = 0o004;

/// Who says that a file is a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// Whoever writes the config may read all that the server may.
    Config,
    /// Whoever sees the dashboard may not: they get files that everybody on this machine may read,
    /// and none of our own.
    Dashboard,
}

/// Files and folders of our own: what the config holds, and what is kept.
pub(super) fn own_files(config: &Config) -> Vec<PathBuf> {
    let certificate = config
        .dns
        .tls
        .as_ref()
        .and_then(|tls| tls.certificate.as_ref());
    let key = certificate.map(|files| files.key.clone());
    let data_dir = Some(config.data_dir.clone());
    let own = [data_dir, config.file.0.clone(), key];
    own.into_iter().flatten().collect()
}

/// Copies a list into a file, which is there only when the list is.
pub async fn copy(
    from: &Path,
    to: &Path,
    (named, terms): (NamedBy, &Terms),
) -> Result<Fresh, FetchError> {
    let file = from.to_owned();
    let (path, limits) = (file.clone(), terms.clone());
    let opening = aside(move || open(&path, (named, &limits)));
    // On a network's folder whose server is gone this has no end of its own.
    let opened = timeout(terms.patience, opening).await;
    let opened = opened.map_err(|_| FetchError::Stuck(file.clone(), terms.patience))?;
    let (source, data) = opened.map_err(|source| reading(&file, source))??;
    let (path, to, max_size) = (file.clone(), to.to_owned(), terms.max_size);
    let copying = aside(move || {
        let copied = sink::copy(source, &to, max_size, |source| reading(&path, source));
        if copied.is_err() {
            let _ = fs::remove_file(&to);
        }
        copied
    });
    let copied = timeout(terms.total, copying).await;
    let copied = copied.map_err(|_| FetchError::TooLong(terms.total))?;
    let (size, hash) = copied.map_err(|source| reading(&file, source))??;
    Ok(Fresh {
        size,
        hash,
        validators: Validators::default(),
        stamp: Some(Stamp::from(&data)),
    })
}

/// Opens a file, and nothing else: a pipe would wait for somebody to write.
fn open(from: &Path, (named, terms): (NamedBy, &Terms)) -> Result<(File, Metadata), FetchError> {
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = File::options();
    let file = options.read(true).custom_flags(nonblock).open(from);
    let file = file.map_err(|source| reading(from, source))?;
    let data = file.metadata().map_err(|source| reading(from, source))?;
    if data.is_dir() {
        return Err(reading(from, io::ErrorKind::IsADirectory.into()));
    }
    if !data.is_file() {
        return Err(FetchError::NoFile(from.to_owned()));
    }
    if named == NamedBy::Dashboard {
        if data.mode() & ALL_MAY_READ == 0 {
            return Err(FetchError::Guarded(from.to_owned()));
        }
        if is_one_of(from, &terms.own_files) {
            return Err(FetchError::Own(from.to_owned()));
        }
    }
    Ok((file, data))
}

/// Whether a file is one of these, or in one of them, whatever links lead there.
fn is_one_of(file: &Path, own: &[PathBuf]) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let file = whole(file);
    own.iter().any(|own| file.starts_with(whole(own)))
}

fn reading(file: &Path, source: io::Error) -> FetchError {
    FetchError::Read {
        file: file.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A config in a folder of its own, with a certificate that others may read.
    fn home() -> (tempfile::TempDir, Terms) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("data")).unwrap();
        let text = "[dns.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
        let config = Config::from_text(text, &path("config.toml"), &[]).unwrap();
        let files = [
            "config.toml",
            "key.pem",
            "data/squelch.db",
            "list.txt",
            "home.txt",
        ];
        for name in files {
            fs::write(path(name), "a.example\n").unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(path("home.txt"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink(path("key.pem"), path("link.txt")).unwrap();
        (folder, Terms::new(&config))
    }

    #[tokio::test]
    async fn the_dashboard_reads_no_file_that_is_ours_or_not_for_everybody() {
        let (folder, terms) = home();
        let to = folder.path().join("copy");
        let had = async |name: &str, named| {
            let copied = copy(&folder.path().join(name), &to, (named, &terms)).await;
            copied
                .map(|fresh| fresh.size)
                .map_err(|error| error.to_string())
        };
        assert_eq!(had("list.txt", NamedBy::Dashboard).await, Ok(10));
        let told = had("home.txt", NamedBy::Dashboard).await.unwrap_err();
        assert!(told.contains("everybody on this machine"), "{told}");
        for name in ["config.toml", "key.pem", "link.txt", "data/squelch.db"] {
            let told = had(name, NamedBy::Dashboard).await.unwrap_err();
            assert!(told.contains("Squelch's own"), "{told}");
        }
        for name in ["home.txt", "config.toml"] {
            assert_eq!(had(name, NamedBy::Config).await, Ok(10));
        }
    }

    #[tokio::test]
    async fn a_pipe_is_no_list() {
        let (folder, terms) = home();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let copied = copy(
            &pipe,
            &folder.path().join("copy"),
            (NamedBy::Config, &terms),
        )
        .await;
        let told = copied.unwrap_err().to_string();
        assert!(told.ends_with("is no file that can be copied"), "{told}");
    }
}
