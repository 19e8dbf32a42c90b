//! Where a list goes as it comes: unpacked, counted, hashed, and onto the disk, on a thread of
//! its own, so that a slow card holds up nothing else.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::Xxh3Default;

use super::FetchError;

/// How what comes is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
}

/// The near end of the thread that writes.
pub(super) struct Sink {
    pieces: mpsc::Sender<Bytes>,
    writer: JoinHandle<Result<(u64, u64), FetchError>>,
}

impl Sink {
    /// A thread that writes into this file.
    pub fn open(file: &Path, packing: Packing, max_size: u64) -> Self {
        let (pieces, incoming) = mpsc::channel(8);
        let file = file.to_owned();
        let writer = tokio::task::spawn_blocking(move || write(&file, packing, max_size, incoming));
        Self { pieces, writer }
    }

    /// Takes a piece; `false` when no more is wanted, and [`Self::finish`] says why.
    pub async fn put(&mut self, piece: Bytes) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// The size and the hash of the whole.
    pub async fn finish(self) -> Result<(u64, u64), FetchError> {
        drop(self.pieces);
        self.writer
            .await
            .unwrap_or_else(|error| Err(FetchError::Damaged(io::Error::other(error))))
    }
}

/// Copies a file that is on this machine.
pub(super) fn copy(
    mut source: impl Read,
    to: &Path,
    max_size: u64,
    reading: impl Fn(io::Error) -> FetchError,
) -> Result<(u64, u64), FetchError> {
    let mut measured = Measured::create(to, max_size)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = source.read(&mut buffer).map_err(&reading)?;
        let Some(piece) = buffer.get(..length).filter(|piece| !piece.is_empty()) else {
            return measured.close();
        };
        let written = measured.write_all(piece);
        written.map_err(|error| measured.reason(error))?;
    }
}

fn write(
    file: &Path,
    packing: Packing,
    max_size: u64,
    mut incoming: mpsc::Receiver<Bytes>,
) -> Result<(u64, u64), FetchError> {
    let measured = Measured::create(file, max_size)?;
    match packing {
        Packing::Plain => {
            let mut measured = measured;
            while let Some(piece) = incoming.blocking_recv() {
                let written = measured.write_all(&piece);
                written.map_err(|error| measured.reason(error))?;
            }
            measured.close()
        }
        Packing::Gzip => {
            let mut unpacker = MultiGzDecoder::new(measured);
            while let Some(piece) = incoming.blocking_recv() {
                let written = unpacker.write_all(&piece);
                written.map_err(|error| unpacker.get_mut().reason(error))?;
            }
            let ended = unpacker.try_finish();
            ended.map_err(|error| unpacker.get_mut().reason(error))?;
            let measured = unpacker.finish().map_err(FetchError::Damaged)?;
            measured.close()
        }
    }
}

/// A file that counts what it is given, and takes no more than it may.
struct Measured {
    file: BufWriter<File>,
    path: PathBuf,
    max_size: u64,
    size: u64,
    hash: Xxh3Default,
    /// Why it took no more.
    refusal: Option<FetchError>,
}

impl Measured {
    fn create(path: &Path, max_size: u64) -> Result<Self, FetchError> {
        let file = File::create(path).map_err(|source| FetchError::Write {
            file: path.to_owned(),
            source,
        })?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 16, file),
            path: path.to_owned(),
            max_size,
            size: 0,
            hash: Xxh3Default::new(),
            refusal: None,
        })
    }

    /// What made writing to it end: it itself, or whoever unpacked.
    fn reason(&mut self, error: io::Error) -> FetchError {
        self.refusal.take().unwrap_or(FetchError::Damaged(error))
    }

    fn failed(&self, source: io::Error) -> FetchError {
        FetchError::Write {
            file: self.path.clone(),
            source,
        }
    }

    fn close(mut self) -> Result<(u64, u64), FetchError> {
        let flushed = self.file.flush();
        flushed.map_err(|error| self.failed(error))?;
        let synced = self.file.get_ref().sync_all();
        synced.map_err(|error| self.failed(error))?;
        Ok((self.size, self.hash.digest()))
    }
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = self.size + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > self.max_size {
            self.refusal = Some(FetchError::TooLarge(self.max_size));
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if let Err(error) = self.file.write_all(bytes) {
            let kind = error.kind();
            self.refusal = Some(self.failed(error));
            return Err(kind.into());
        }
        self.size = size;
        self.hash.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
