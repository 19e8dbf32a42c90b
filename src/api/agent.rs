//! What a session is called: the browser and the system that it was opened with, as they say.

/// What a `User-Agent` says, in words.
pub(super) fn name(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 9] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chromium/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 8] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("BSD", "BSD"),
        ("Linux", "Linux"),
    ];
    let find = |words: &[(&str, &'static str)]| {
        let found = words.iter().find(|(sign, _)| agent.contains(sign));
        found.map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) => one.to_owned(),
        (None, _) => program(agent),
    }
}

/// The first word of what is no browser, such as `curl`.
fn program(agent: &str) -> String {
    let word = agent.split(['/', ' ']).next().unwrap_or_default();
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let word: String = word.chars().take(30).filter(is_plain).collect();
    if word.is_empty() {
        "a program".to_owned()
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_called_after_its_browser_and_system() {
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        for (agent, expected) in [
            (
                format!("Mozilla/5.0 (X11; Linux x86_64) {chrome}"),
                "Chrome on Linux",
            ),
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {chrome} Edg/140.0"),
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Safari/604"
                    .to_owned(),
                "Safari on iPhone",
            ),
            ("curl/8.5.0".to_owned(), "curl"),
            ("<script>".to_owned(), "script"),
            (String::new(), "a program"),
        ] {
            assert_eq!(name(&agent), expected);
        }
    }
}
