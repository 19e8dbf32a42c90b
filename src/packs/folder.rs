//! The files of a `blocklists` folder, from the binary or from disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::PacksError;
use super::finding::{Code, Finding};

static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/blocklists");

/// The subfolders whose files are read.
const FOLDERS: [&str; 2] = ["packs", "tests"];

/// The texts of a `blocklists` folder.
#[derive(Clone, Debug)]
pub struct Files {
    root: String,
    /// Text by path inside the folder, as `packs/xiaomi.toml`.
    texts: BTreeMap<String, Cow<'static, str>>,
    /// A file that the person who asked named by itself: its path inside, and their name for it.
    named: Option<(String, String)>,
}

impl Files {
    /// The files inside the binary.
    pub fn builtin() -> Self {
        let subfolders = FOLDERS.iter().filter_map(|name| BUILTIN.get_dir(name));
        let files = BUILTIN.files().chain(subfolders.flat_map(Dir::files));
        let texts = files.filter_map(|file| {
            let path = file.path().to_str()?;
            let text = file.contents_utf8()?;
            is_toml(file.path()).then(|| (path.to_owned(), Cow::Borrowed(text)))
        });
        Self {
            root: "blocklists".to_owned(),
            texts: texts.collect(),
            named: None,
        }
    }

    /// Reads a folder.
    pub fn from_folder(folder: &Path) -> Result<Self, PacksError> {
        let root = folder.to_string_lossy();
        let mut files = Self {
            root: root.trim_end_matches('/').to_owned(),
            texts: BTreeMap::new(),
            named: None,
        };
        files.add_folder(folder, "")?;
        for name in FOLDERS {
            let subfolder = folder.join(name);
            if name == "packs" || subfolder.is_dir() {
                files.add_folder(&subfolder, &format!("{name}/"))?;
            }
        }
        Ok(files)
    }

    /// Files for looking at one pack: its own, and beside it those of the folder above it, or
    /// those in the binary if there is no such folder. Also gives the pack's label.
    pub fn around_pack(path: &Path) -> Result<(Self, String), PacksError> {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let above = whole.parent().filter(|folder| folder.ends_with("packs"));
        let above = above.and_then(Path::parent);
        let mut files = match above.filter(|folder| folder.join("vocab.toml").is_file()) {
            Some(folder) => Self::from_folder(folder)?,
            None => Self::builtin(),
        };
        let text = read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let inside = format!("packs/{name}");
        let label = path.to_string_lossy().into_owned();
        files.texts.insert(inside.clone(), Cow::Owned(text));
        files.named = Some((inside, label.clone()));
        Ok((files, label))
    }

    /// Files that a test made up.
    #[cfg(test)]
    pub(super) fn from_texts(root: &str, texts: &[(String, String)]) -> Self {
        let texts = texts.iter().cloned();
        Self {
            root: root.to_owned(),
            texts: texts.map(|(path, text)| (path, Cow::Owned(text))).collect(),
            named: None,
        }
    }

    /// The folder, as the person who asked named it.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// How findings call a file of the folder.
    pub(super) fn label(&self, inside: &str) -> String {
        match &self.named {
            Some((named, label)) if named == inside => label.clone(),
            _ => format!("{}/{inside}", self.root),
        }
    }

    /// Label and text of each pack, in the order of their names.
    pub(super) fn packs(&self) -> impl Iterator<Item = (String, &str)> {
        self.within("packs/")
    }

    /// The ids that the packs' files are named after.
    pub(super) fn pack_ids(&self) -> impl Iterator<Item = &str> {
        let paths = self.texts.keys();
        paths.filter_map(|path| path.strip_prefix("packs/")?.strip_suffix(".toml"))
    }

    /// Label and text of each file of examples.
    pub(super) fn examples(&self) -> impl Iterator<Item = (String, &str)> {
        self.within("tests/")
    }

    /// Label and text of a file, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<(String, &str)> {
        let text = self.texts.get(name)?;
        Some((self.label(name), text))
    }

    /// Label and text of a file that must be there; that it is missing goes to `findings`.
    pub(super) fn read(&self, name: &str, findings: &mut Vec<Finding>) -> Option<(String, &str)> {
        let found = self.text(name);
        if found.is_none() {
            findings.push(Finding {
                file: self.label(name),
                line: 1,
                code: Code::P01,
                message: "the file is missing".to_owned(),
            });
        }
        found
    }

    fn within(&self, folder: &'static str) -> impl Iterator<Item = (String, &str)> {
        let inside = self
            .texts
            .iter()
            .filter(move |(path, _)| path.starts_with(folder));
        inside.map(|(path, text)| (self.label(path), &**text))
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), PacksError> {
        let fault = |source| PacksError::Read {
            path: folder.to_owned(),
            source,
        };
        for item in fs::read_dir(folder).map_err(fault)? {
            let path = item.map_err(fault)?.path();
            if is_toml(&path) && path.is_file() {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let text = read(&path)?;
                self.texts
                    .insert(format!("{prefix}{name}"), Cow::Owned(text));
            }
        }
        Ok(())
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}

fn read(path: &Path) -> Result<String, PacksError> {
    let fault = |source| PacksError::Read {
        path: path.to_owned(),
        source,
    };
    let bytes = fs::read(path).map_err(fault)?;
    String::from_utf8(bytes).map_err(|error| {
        fault(io::Error::new(
            io::ErrorKind::InvalidData,
            error.utf8_error(),
        ))
    })
}
