//! Chance that is the same in each run, and names that it makes up.

/// Numbers that only look random, the same in each run.
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below the limit.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// A name as advertisers and trackers have them: about 21 letters.
    pub fn name(&mut self) -> String {
        const HEADS: &[&str] = &[
            "ads",
            "track",
            "metrics",
            "stats",
            "pixel",
            "beacon",
            "log",
            "collect",
            "telemetry",
            "cdn",
            "click",
            "analytics",
            "events",
            "data",
            "sdk",
            "t",
            "go",
            "imp",
            "secure",
            "tag",
        ];
        const PARTS: &[&str] = &[
            "media", "click", "bid", "serve", "shop", "cloud", "net", "game", "play", "zone",
            "data", "traffic", "push", "smart", "mobi", "app", "web", "link", "best", "promo",
            "deal", "news",
        ];
        const ENDS: &[&str] = &[
            "com", "net", "org", "io", "xyz", "info", "ru", "cn", "top", "co.uk", "de", "online",
        ];
        let (first, second) = (self.pick(PARTS), self.pick(PARTS));
        let number = self.below(100_000);
        let end = self.pick(ENDS);
        if self.below(2) == 0 {
            format!("{first}{second}{number}.{end}")
        } else {
            format!("{}.{first}{second}{number}.{end}", self.pick(HEADS))
        }
    }
}
