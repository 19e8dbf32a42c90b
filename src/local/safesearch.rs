//! `SafeSearch`: search engines under the names by which they leave out what is not for children.
//!
//! Each provider documents such a name; ours are aliases of it, resolved by the upstream.

use std::collections::HashMap;

use crate::config::{Config, SafeSearch as Engine};
use crate::query::{Name, Query, RecordType};

/// How long a device may keep the alias, in seconds: short, so that switching it off works soon.
const TTL: u32 = 300;

/// Where Google has a name of its own; `www.google.` and `google.` stand before each.
const GOOGLE: &str = "com ad ae al am as at az ba be bf bg bi bj bs bt by ca cat cd cf cg ch ci \
    cl cm cn co.ao co.bw co.ck co.cr co.id co.il co.in co.jp co.ke co.kr co.ls co.ma co.mz co.nz \
    co.th co.tz co.ug co.uk co.uz co.ve co.vi co.za co.zm co.zw com.af com.ag com.ai com.ar \
    com.au com.bd com.bh com.bn com.bo com.br com.bz com.co com.cu com.cy com.do com.ec com.eg \
    com.et com.fj com.gh com.gi com.gt com.hk com.jm com.kh com.kw com.lb com.ly com.mm com.mt \
    com.mx com.my com.na com.nf com.ng com.ni com.np com.om com.pa com.pe com.pg com.ph com.pk \
    com.pr com.py com.qa com.sa com.sb com.sg com.sl com.sv com.tj com.tr com.tw com.ua com.uy \
    com.vc com.vn cv cz de dj dk dm dz ee es fi fm fr ga ge gg gl gm gp gr gy hn hr ht hu ie im \
    iq is it je jo kg ki kz la li lk lt lu lv md me mg mk ml mn ms mu mv mw ne nl no nr nu pl pn \
    ps pt ro rs ru rw sc se sh si sk sm sn so sr st td tg tk tl tm tn to tt vg vu ws";

const YOUTUBE: [&str; 6] = [
    "www.youtube.com",
    "m.youtube.com",
    "youtube.com",
    "youtubei.googleapis.com",
    "youtube.googleapis.com",
    "www.youtube-nocookie.com",
];

const YANDEX: &str = "ru com by kz uz com.tr eu net ua com.am com.ge az md tj tm ee lt lv fr";

/// The names that are answered as another one.
#[derive(Clone, Debug, Default)]
pub(super) struct SafeSearch {
    names: HashMap<Box<[u8]>, Name>,
}

impl SafeSearch {
    /// What each group of the config has.
    pub(super) fn of_groups(config: &Config) -> Vec<Self> {
        let all = &config.blocking.safesearch;
        let groups = config.groups.iter();
        groups
            .map(|group| Self::new(group.safesearch.as_ref().unwrap_or(all)))
            .collect()
    }

    /// Those of the engines that are chosen.
    pub(super) fn new(engines: &[Engine]) -> Self {
        let mut search = Self::default();
        for engine in engines {
            search.add(*engine);
        }
        search
    }

    fn add(&mut self, engine: Engine) {
        let both = |name: &str, ends: &str| -> Vec<String> {
            let ends = ends.split_whitespace();
            ends.flat_map(|end| [format!("{name}.{end}"), format!("www.{name}.{end}")])
                .collect()
        };
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (target, names) = match engine {
            Engine::Google => ("forcesafesearch.google.com", both("google", GOOGLE)),
            Engine::Bing => (
                "strict.bing.com",
                owned(&["bing.com", "www.bing.com", "edgeservices.bing.com"]),
            ),
            Engine::DuckDuckGo => (
                "safe.duckduckgo.com",
                owned(&[
                    "duckduckgo.com",
                    "www.duckduckgo.com",
                    "start.duckduckgo.com",
                ]),
            ),
            Engine::YouTube => ("restrictmoderate.youtube.com", owned(&YOUTUBE)),
            Engine::YouTubeStrict => ("restrict.youtube.com", owned(&YOUTUBE)),
            Engine::Pixabay => (
                "safesearch.pixabay.com",
                owned(&["pixabay.com", "www.pixabay.com"]),
            ),
            Engine::Yandex => ("familysearch.yandex.ru", both("yandex", YANDEX)),
            Engine::Ecosia => (
                "strict-safe-search.ecosia.org",
                owned(&["ecosia.org", "www.ecosia.org"]),
            ),
            Engine::Brave => ("forcesafe.search.brave.com", owned(&["search.brave.com"])),
            Engine::Qwant => ("safeapi.qwant.com", owned(&["api.qwant.com"])),
        };
        let Ok(target) = target.parse::<Name>() else {
            return;
        };
        let names = names.iter().filter_map(|name| name.parse::<Name>().ok());
        self.names
            .extend(names.map(|name| (name.as_wire().into(), target)));
    }

    /// The name that this one is answered as. Only what a browser asks for: mail to a provider
    /// goes where it always went.
    pub(super) fn alias(&self, query: &Query) -> Option<(Name, u32)> {
        const KINDS: [RecordType; 4] = [
            RecordType::A,
            RecordType::AAAA,
            RecordType::HTTPS,
            RecordType::SVCB,
        ];
        if self.names.is_empty() || !KINDS.contains(&query.kind) {
            return None;
        }
        let target = self.names.get(query.name.as_wire())?;
        Some((*target, TTL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(engines: &[Engine], name: &str, kind: RecordType) -> Option<String> {
        let query = Query::internal(name.parse().unwrap(), kind);
        let alias = SafeSearch::new(engines).alias(&query);
        alias.map(|(target, _)| target.to_string())
    }

    #[test]
    fn each_engine_is_answered_under_its_own_name_for_it() {
        for (engine, name, target) in [
            (
                Engine::Google,
                "www.google.co.uk",
                "forcesafesearch.google.com",
            ),
            (Engine::Google, "google.com", "forcesafesearch.google.com"),
            (Engine::Bing, "www.bing.com", "strict.bing.com"),
            (Engine::DuckDuckGo, "duckduckgo.com", "safe.duckduckgo.com"),
            (
                Engine::YouTube,
                "m.youtube.com",
                "restrictmoderate.youtube.com",
            ),
            (
                Engine::YouTubeStrict,
                "m.youtube.com",
                "restrict.youtube.com",
            ),
            (Engine::Pixabay, "pixabay.com", "safesearch.pixabay.com"),
            (
                Engine::Yandex,
                "www.yandex.com.tr",
                "familysearch.yandex.ru",
            ),
            (
                Engine::Ecosia,
                "www.ecosia.org",
                "strict-safe-search.ecosia.org",
            ),
            (
                Engine::Brave,
                "search.brave.com",
                "forcesafe.search.brave.com",
            ),
            (Engine::Qwant, "api.qwant.com", "safeapi.qwant.com"),
        ] {
            let alias = alias(&[engine], name, RecordType::A);
            assert_eq!(alias.as_deref(), Some(target), "{name}");
        }
    }

    #[test]
    fn other_names_types_and_engines_are_left_alone() {
        let google = [Engine::Google];
        for name in [
            "mail.google.com",
            "forcesafesearch.google.com",
            "www.google.com.example",
        ] {
            assert_eq!(alias(&google, name, RecordType::A), None, "{name}");
        }
        assert_eq!(alias(&google, "google.com", RecordType::MX), None);
        assert_eq!(alias(&google, "www.bing.com", RecordType::A), None);
        assert_eq!(alias(&[], "www.google.com", RecordType::A), None);
    }
}
