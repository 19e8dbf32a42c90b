//! `[web]`: where the dashboard is served, and who may see it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;

use super::section::{Read, Section};
use super::tree::Item;
use super::value;

/// The most memory that a hash may ask for, in KiB, and the most rounds: what is set by mistake or
/// by somebody else must not stop the machine at each login.
const MOST_MEMORY: u32 = 1 << 20;
const MOST_ROUNDS: u32 = 64;

/// Where the dashboard is served, and who may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    /// Empty = no dashboard.
    pub listen: Vec<SocketAddr>,
    /// Names by which people open it, in lower case, beside this machine's own.
    pub names: Vec<String>,
    /// The password, where the config sets it.
    pub password: Option<Password>,
}

/// The dashboard's password, as the config says it.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// Its hash: a PHC string of Argon2id.
    Hash(String),
    /// Itself; only the environment may say it.
    Plain(String),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hash(_) => "Hash(…)",
            Self::Plain(_) => "Plain(…)",
        })
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8053))],
            names: Vec::new(),
            password: None,
        }
    }
}

impl Web {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            listen: section.values("listen", Self::default().listen, address),
            names: section.values("names", Vec::new(), name),
            password: password(section),
        }
    }

    /// Whether only this machine reaches it: it listens on loopback, and nothing says that a proxy
    /// there brings others. Such a proxy is named, because a browser asks for its name.
    pub fn is_here_only(&self) -> bool {
        let is_here = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        self.listen.iter().all(is_here) && self.names.is_empty()
    }
}

/// Whether this is a hash of a password, as `squelch password` makes them.
pub fn is_password_hash(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else {
        return false;
    };
    let is_bearable = Params::try_from(&hash)
        .is_ok_and(|params| params.m_cost() <= MOST_MEMORY && params.t_cost() <= MOST_ROUNDS);
    let is_whole = hash.salt.is_some() && hash.hash.is_some();
    hash.algorithm.as_str() == "argon2id" && is_whole && is_bearable
}

fn address(item: &Item) -> Read<SocketAddr> {
    value::socket(item)
        .map_err(|_| "write an address with a port, such as \"127.0.0.1:8053\"".to_owned())
}

fn name(item: &Item) -> Read<String> {
    value::domain(item)
        .map_err(|_| "write a name without port and path, such as \"dns.home.example\"".to_owned())
}

/// What is wrong is told without the value: it may be the password itself.
fn password(section: &mut Section<'_>) -> Option<Password> {
    const KEY: &str = "password";
    let item = section.take(KEY)?;
    let is_in_file = item.place.line.is_some();
    match item.verbatim() {
        Some("") => None,
        Some(text) if is_password_hash(text) => Some(Password::Hash(text.to_owned())),
        Some(text) if !is_in_file && !text.starts_with("$argon2") => {
            Some(Password::Plain(text.to_owned()))
        }
        _ => {
            section.wrong(
                KEY,
                "is not the hash of a password: run `squelch password`, and write the line that it \
                 prints; the password itself may only stand in the variable SQUELCH_WEB__PASSWORD",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
        d2l0aG91dCBhbnkgbWVhbmluZyBhdCBhbGwsIHNvLi4";

    fn web(text: &str, variable: Option<&str>) -> Result<Web, String> {
        let variables = variable.map(|value| ("SQUELCH_WEB__PASSWORD".into(), value.into()));
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let config = Config::from_text(text, Path::new("config.toml"), &variables);
        config
            .map(|config| config.web)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_hash_may_stand_in_the_file_and_a_password_only_in_the_environment() {
        let file = format!("[web]\npassword = \"{HASH}\"");
        let hash = Some(Password::Hash(HASH.to_owned()));
        assert_eq!(web(&file, None).unwrap().password, hash);
        assert_eq!(web("", Some(HASH)).unwrap().password, hash);
        for plain in ["correct horse", "12345678", "[1, 2]", "\"quoted\""] {
            let password = web(&file, Some(plain)).unwrap().password;
            assert_eq!(password, Some(Password::Plain(plain.to_owned())));
        }
        for none in ["", "[web]\npassword = \"\""] {
            assert_eq!(web(none, None).unwrap().password, None);
        }
    }

    #[test]
    fn a_password_in_the_file_is_refused_and_not_repeated() {
        for wrong in [
            "\"correct horse\"",
            "12345678",
            "\"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA\"",
            "\"$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$d2l0aG91dCBhbnkgbWVhbmluZw\"",
            "\"$argon2id$v=19$m=4000000000,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$d2l0aG91dCBhbnkgbWVhbmluZw\"",
        ] {
            let told = web(&format!("[web]\npassword = {wrong}"), None).unwrap_err();
            assert!(
                told.starts_with("config.toml:2: web.password is not"),
                "{told}"
            );
            assert!(told.contains("squelch password"), "{told}");
            assert!(
                !told.contains("correct") && !told.contains("1234"),
                "{told}"
            );
        }
        let told = web("", Some("$argon2id$v=19$cut")).unwrap_err();
        assert!(told.starts_with("environment variable SQUELCH_WEB__PASSWORD"));
        assert!(!told.contains("cut"), "{told}");
    }

    #[test]
    fn nothing_that_is_printed_of_a_config_tells_the_password() {
        let web = web("", Some("correct horse")).unwrap();
        assert!(!format!("{web:?}").contains("correct"));
    }

    #[test]
    fn only_this_machine_reaches_loopback_unless_a_proxy_is_named() {
        for (text, expected) in [
            ("", true),
            ("listen = [\"127.0.0.1:8053\", \"[::1]:8053\"]", true),
            ("listen = []", true),
            ("listen = [\"127.0.0.1:8053\", \"192.0.2.1:8053\"]", false),
            ("names = [\"dns.home.example\"]", false),
        ] {
            let read = web(&format!("[web]\n{text}"), None).unwrap();
            assert_eq!(read.is_here_only(), expected, "{text}");
        }
    }

    #[test]
    fn names_are_those_that_a_browser_may_ask_for() {
        let read = web("[web]\nnames = [\"DNS.home.example.\"]", None).unwrap();
        assert_eq!(read.names, ["dns.home.example"]);
        for wrong in ["https://dns.example", "dns.example:8053", "", "a b"] {
            let told = web(&format!("[web]\nnames = \"{wrong}\""), None).unwrap_err();
            assert!(told.contains("without port"), "{told}");
        }
    }
}
