//! One held answer: the message, where its TTLs stand, and how fresh it is.
//!
//! Its life: good for as long as its TTLs allow, then stale for as long as the config allows. Near
//! the end of the one, and all through the other, one of those who ask is told to have it refreshed.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use triomphe::ThinArc;

use super::denial;
use super::key::{self, Key};
use super::read::{FAILURE_TTL, Reading, Says, Unreadable};
use super::targets::{RecordTargets, Target};
use crate::config;
use crate::query::wire::{u16_at, u32_at};
use crate::query::{AnswerBuf, ExtendedError, GroupId, Query, Rcode, RecordType};

/// RFC 8767 §4: how long a device may keep a stale answer, in seconds.
const STALE_TTL: u32 = 30;
/// A refresh that was begun or has failed is not begun again for this long.
const REFRESH_PAUSE_MS: u32 = FAILURE_TTL * 1000;
/// An answer that was given as often since it came is worth asking for again before it ends.
const POPULAR: u8 = 2;
/// The share of its time after which that happens, in percent. Seconds are counted, so that an
/// answer of less than ten is not asked for ahead: it would be, nearly all the time.
const PREFETCH_AFTER: u64 = 90;

/// In place of an extended error's code (RFC 8914 §5.2: it is for private use).
const NO_EDE: u16 = u16::MAX;

/// What times are counted from: that takes half the room of a time by itself.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// One upstream answer, without its OPT record. A clone is the same answer, not another.
///
/// All of it is one piece of memory. Its key is read from its question: nothing else holds that.
#[derive(Clone, Debug)]
pub struct Held(ThinArc<Head, u8>);

/// What stands before the bytes: the message, and behind it two bytes a record that say where its
/// TTL stands.
#[derive(Debug)]
struct Head {
    /// When it came, in nanoseconds since [`START`].
    since: i64,
    /// Which rules had nothing against what it points to: [`Held::is_clean`].
    clean_under: AtomicU64,
    /// In seconds.
    lifetime: u32,
    /// No refresh is begun before it is this old, in milliseconds.
    next_refresh: AtomicU32,
    /// The code of the extended error, or [`NO_EDE`].
    ede: u16,
    /// The bytes of the message.
    length: u16,
    /// The bytes of the name that its question begins with.
    name_length: u8,
    /// What its key has beside its question.
    bits: u8,
    says: Says,
    /// How often it was given, as far as that matters.
    given: AtomicU8,
}

impl Held {
    /// Reads an upstream's answer to `query`; its TTLs are bounded as configured.
    pub fn read(
        query: &Query,
        message: Vec<u8>,
        config: &config::Cache,
        now: Instant,
    ) -> Result<Self, Unreadable> {
        let reading = Reading::new(query, message, config)?;
        Self::new(query, reading, now).ok_or(Unreadable)
    }

    /// The answer that nobody answered, with the code of the reason (RFC 8914).
    pub(super) fn silence(query: &Query, ede: u16, now: Instant) -> Self {
        let mut out = AnswerBuf::new();
        out.begin(query, Rcode::SERVFAIL);
        let reading = Reading {
            message: out.as_slice().to_vec(),
            ttls: Vec::new(),
            says: Says::NoAnswer,
            lifetime: FAILURE_TTL,
            ede: Some(ede),
        };
        Self::new(query, reading, now).expect("a header and a question are short")
    }

    fn new(query: &Query, reading: Reading, now: Instant) -> Option<Self> {
        let mut bytes = reading.message;
        let head = Head {
            since: since_start(now),
            clean_under: AtomicU64::new(0),
            lifetime: reading.lifetime,
            next_refresh: AtomicU32::new(0),
            ede: reading.ede.unwrap_or(NO_EDE),
            length: u16::try_from(bytes.len()).ok()?,
            name_length: u8::try_from(query.name.as_wire().len()).ok()?,
            bits: key::bits(query),
            says: reading.says,
            given: AtomicU8::new(0),
        };
        key::ask(query, &mut bytes)?;
        bytes.reserve(2 * reading.ttls.len());
        for at in reading.ttls {
            bytes.extend_from_slice(&u16::try_from(at).ok()?.to_be_bytes());
        }
        Some(Self(ThinArc::from_header_and_slice(head, &bytes)))
    }

    /// What it is held under.
    pub(super) fn key(&self) -> Key<'_> {
        let Head {
            name_length, bits, ..
        } = *self.head();
        let key = Key::asked(self.message(), name_length.into(), bits);
        if self.denies_name() {
            key.of_any_type()
        } else {
            key
        }
    }

    /// Writes the answer to `query`, without its end; TTLs have counted down since it was read.
    pub fn write(&self, query: &Query, now: Instant, out: &mut AnswerBuf) {
        if self.head().says == Says::NoSuchName && !self.is_about(query) {
            // RFC 8020 §2: it stands above the name asked, and there is nothing below it.
            out.begin(query, self.rcode());
            out.set_authentic(query, self.message());
            let ttl = self.ttl(self.head().lifetime, now);
            if denial::write_soa(self.message(), ttl, out).is_none() {
                out.negative_soa(ttl);
            }
            return;
        }
        out.adopt(query, self.message(), self.rcode());
        if self.age(now) == 0 {
            return;
        }
        for at in self.ttls() {
            out.set_ttl(at, self.ttl(u32_at(self.message(), at).unwrap_or(0), now));
        }
    }

    /// Whether the upstream's answer was not as its zone signed it (RFC 8914 §4.7 to §4.13).
    pub fn is_bogus(&self) -> bool {
        (6..=12).contains(&self.head().ede)
    }

    /// What is said beside it: that it is stale, or the reason that there is no better one.
    pub fn extended_error(&self, now: Instant) -> Option<ExtendedError<'static>> {
        let (code, text) = match self.head().says {
            Says::NoSuchName if self.is_stale(now) => (ExtendedError::STALE_NXDOMAIN, ""),
            Says::Here | Says::Nothing if self.is_stale(now) => (ExtendedError::STALE, ""),
            Says::NoAnswer if self.is_bogus() => {
                (self.ede()?, "the answer is not as its zone signed it")
            }
            Says::NoAnswer => (self.ede()?, "no upstream answered"),
            _ => (self.ede()?, ""),
        };
        Some(ExtendedError::new(code, text))
    }

    /// What its answer section points to, with the type of the record that does.
    pub fn targets(&self) -> impl Iterator<Item = (RecordType, Target)> {
        let message = self.message();
        let answers = usize::from(u16_at(message, 6).unwrap_or(0));
        self.ttls().take(answers).flat_map(move |ttl_at| {
            // Type and class stand before the TTL, the length of the data behind it.
            let kind = RecordType(u16_at(message, ttl_at - 4).unwrap_or(0));
            let length = usize::from(u16_at(message, ttl_at + 4).unwrap_or(0));
            let targets = RecordTargets::read(message, kind, ttl_at + 6, length);
            // Whoever reads an answer reads its targets, too: this is never wrong.
            let targets = targets.unwrap_or_default();
            targets.iter().map(move |target| (kind, target))
        })
    }

    /// Whether the rules of a group are known to have nothing against its targets; `swap` is the
    /// number of the swap that brought these rules, from 1.
    pub fn is_clean(&self, swap: u32, group: GroupId) -> bool {
        let seen = self.head().clean_under.load(Ordering::Relaxed);
        seen >> 32 == u64::from(swap) && seen & group_bit(group) != 0
    }

    /// Notes that they have nothing against its targets.
    pub fn mark_clean(&self, swap: u32, group: GroupId) {
        let seen = self.head().clean_under.load(Ordering::Relaxed);
        let others = if seen >> 32 == u64::from(swap) {
            seen
        } else {
            u64::from(swap) << 32
        };
        // What another thread notes meanwhile may be lost: it is found out again.
        self.head()
            .clean_under
            .store(others | group_bit(group), Ordering::Relaxed);
    }

    /// The answer's code.
    pub fn rcode(&self) -> Rcode {
        Rcode(
            self.message()
                .get(3)
                .map_or(0, |flags| u16::from(*flags & 0x0f)),
        )
    }

    /// How long it may be held; zero: not at all.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.head().lifetime.into())
    }

    /// Whether it may still be given.
    pub fn is_good(&self, now: Instant) -> bool {
        self.age(now) < self.head().lifetime
    }

    /// Whether it was good once.
    pub fn is_stale(&self, now: Instant) -> bool {
        self.head().lifetime > 0 && !self.is_good(now)
    }

    /// Whether it is better than no answer.
    pub(super) fn is_usable(&self, now: Instant, stale: Duration) -> bool {
        let limit = u64::from(self.head().lifetime) + stale.as_secs();
        !self.is_failure() && self.head().lifetime > 0 && u64::from(self.age(now)) < limit
    }

    /// Whether it is given although it is stale. Where there was nothing there may be something
    /// now: that is only said again when asking is known to fail.
    pub(super) fn is_given_stale(&self, now: Instant, stale: Duration) -> bool {
        self.is_usable(now, stale) && (self.head().says == Says::Here || !self.may_refresh(now))
    }

    /// Counts that it is given; whether it should be refreshed, which one of those who ask is told.
    pub(super) fn give(&self, now: Instant, prefetch: bool) -> bool {
        let given = self.count_given();
        let share = u64::from(self.age(now)) * 100;
        let is_ending = share >= u64::from(self.head().lifetime) * PREFETCH_AFTER;
        let is_due = is_ending && (self.is_stale(now) || (prefetch && given >= POPULAR));
        is_due && !self.is_failure() && self.begin_refresh(now)
    }

    /// Counts that it is given; how often it was before, as far as that matters.
    pub(super) fn count_given(&self) -> u8 {
        let given = self.head().given.load(Ordering::Relaxed);
        if given < POPULAR {
            self.head().given.store(given + 1, Ordering::Relaxed);
        }
        given
    }

    fn begin_refresh(&self, now: Instant) -> bool {
        let (age, next) = (
            self.age_ms(now),
            self.head().next_refresh.load(Ordering::Relaxed),
        );
        let pause = age.saturating_add(REFRESH_PAUSE_MS);
        age >= next
            && self
                .head()
                .next_refresh
                .compare_exchange(next, pause, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Notes that a refresh has failed just now.
    pub(super) fn put_off_refresh(&self, now: Instant) {
        let pause = self.age_ms(now).saturating_add(REFRESH_PAUSE_MS);
        self.head().next_refresh.store(pause, Ordering::Relaxed);
    }

    fn may_refresh(&self, now: Instant) -> bool {
        self.age_ms(now) >= self.head().next_refresh.load(Ordering::Relaxed)
    }

    /// For how many seconds the zone says that there is nothing of this type, where it does.
    pub fn nothing_for(&self, now: Instant) -> Option<u32> {
        let is_told = self.head().says == Says::Nothing && denial::has_soa(self.message());
        is_told.then(|| self.ttl(self.head().lifetime, now))
    }

    /// Whether it says that there is no such name, for every type.
    pub(super) fn denies_name(&self) -> bool {
        self.head().says == Says::NoSuchName
    }

    /// Whether it says that nobody could find out.
    pub fn is_failure(&self) -> bool {
        matches!(self.head().says, Says::Failure | Says::NoAnswer)
    }

    /// The message as it came, without OPT, and with its question as we ask it.
    pub(super) fn message(&self) -> &[u8] {
        let length = usize::from(self.head().length);
        self.all().get(..length).unwrap_or_default()
    }

    /// How long it has been held, in seconds.
    pub(super) fn age(&self, now: Instant) -> u32 {
        u32::try_from(self.age_ns(now) / 1_000_000_000).unwrap_or(u32::MAX)
    }

    /// The bytes that it takes.
    pub(super) fn size(&self) -> usize {
        // In front stand a counter and the length.
        2 * size_of::<usize>() + size_of::<Head>() + self.all().len()
    }

    fn head(&self) -> &Head {
        &self.0.header.header
    }

    fn all(&self) -> &[u8] {
        &self.0.slice
    }

    fn age_ms(&self, now: Instant) -> u32 {
        u32::try_from(self.age_ns(now) / 1_000_000).unwrap_or(u32::MAX)
    }

    fn age_ns(&self, now: Instant) -> u64 {
        u64::try_from(since_start(now).saturating_sub(self.head().since)).unwrap_or(0)
    }

    fn ede(&self) -> Option<u16> {
        Some(self.head().ede).filter(|code| *code != NO_EDE)
    }

    /// Where each TTL stands in the message.
    fn ttls(&self) -> impl Iterator<Item = usize> {
        let places = self.all().get(usize::from(self.head().length)..);
        let places = places.unwrap_or_default().as_chunks::<2>().0.iter();
        places.map(|place| usize::from(u16::from_be_bytes(*place)))
    }

    /// What is left of a TTL now.
    fn ttl(&self, first: u32, now: Instant) -> u32 {
        if self.is_stale(now) {
            STALE_TTL
        } else {
            first.saturating_sub(self.age(now))
        }
    }

    fn is_about(&self, query: &Query) -> bool {
        self.key().name == query.name.as_wire()
    }
}

/// Nanoseconds since [`START`]: fewer than none for an answer that came before, in another run.
fn since_start(at: Instant) -> i64 {
    let start = *START;
    let ns = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    match at.checked_duration_since(start) {
        Some(since) => ns(since),
        None => -ns(start.duration_since(at)),
    }
}

/// The bit of a group; there is none for those behind the first 32.
fn group_bit(group: GroupId) -> u64 {
    1_u64.checked_shl(group.0.into()).unwrap_or(0) & u64::from(u32::MAX)
}
