//! The lines of a source, lent one by one without being copied.

use std::io::{self, BufRead, Read as _};

use memchr::memchr;

/// A longer line is refused; real ones, with thousands of exceptions, pass 64 KiB.
const MAX_LINE: usize = 1 << 20;

/// A line without its end, and whether there was more of it than is kept.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_cut: bool,
}

/// Lends lines out of the source's own buffer.
pub(super) struct Lines<R> {
    source: R,
    /// So much of the source's buffer is the line that was lent last, with its end.
    lent: usize,
    /// A line that is in more than one buffer.
    joined: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            lent: 0,
            joined: Vec::new(),
        }
    }

    /// The next line, of which at most [`MAX_LINE`] bytes are kept.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.source.consume(std::mem::take(&mut self.lent));
        let end = memchr(b'\n', self.source.fill_buf()?);
        let Some(end) = end.filter(|&end| end <= MAX_LINE) else {
            return self.join();
        };
        self.lent = end + 1;
        let bytes = self.source.fill_buf()?.get(..end).unwrap_or_default();
        Ok(Some(Line::new(bytes, false)))
    }

    /// A line whose end is not in the source's buffer.
    fn join(&mut self) -> io::Result<Option<Line<'_>>> {
        self.joined.clear();
        let limit = u64::try_from(MAX_LINE + 1).unwrap_or(u64::MAX);
        let mut source = (&mut self.source).take(limit);
        if source.read_until(b'\n', &mut self.joined)? == 0 {
            return Ok(None);
        }
        let has_end = self.joined.pop_if(|last| *last == b'\n').is_some();
        let is_cut = self.joined.len() > MAX_LINE;
        if is_cut && !has_end {
            self.joined.truncate(MAX_LINE);
            self.source.skip_until(b'\n')?;
        }
        Ok(Some(Line::new(&self.joined, is_cut)))
    }
}

impl<'a> Line<'a> {
    fn new(bytes: &'a [u8], is_cut: bool) -> Self {
        Self {
            bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
            is_cut,
        }
    }
}
