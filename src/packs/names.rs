//! Domain names as dotted text: which stands above which, and what is one at all.

/// Whether `name` is `parent`, or stands below it.
pub(super) fn is_within(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The name itself, then each name above it.
pub(super) fn self_and_parents(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| {
        name.split_once('.').map(|(_, rest)| rest)
    })
}

/// Why `name` is no domain name that a device could ask for; `None` if it is one.
pub(super) fn fault(name: &str) -> Option<String> {
    if name.len() > 253 {
        return Some(format!("has {} characters; 253 are possible", name.len()));
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("has capital letters; names are written small".to_owned());
    }
    if !name.contains('.') {
        return Some("has only one label".to_owned());
    }
    if let Some(fault) = name.split('.').find_map(label_fault) {
        return Some(fault);
    }
    let suffix = psl::suffix(name.as_bytes());
    (!suffix.is_some_and(|suffix| suffix.is_known()))
        .then(|| "ends in a top-level domain that does not exist".to_owned())
}

fn label_fault(label: &str) -> Option<String> {
    if label.is_empty() {
        return Some("has an empty label".to_owned());
    }
    if label.len() > 63 {
        return Some(format!(
            "has a label of {} characters; 63 are possible",
            label.len()
        ));
    }
    let odd = label
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'));
    if let Some(odd) = odd {
        let hint = if odd.is_ascii() {
            ""
        } else {
            "; write it in punycode (xn--)"
        };
        return Some(format!("has the character {odd:?}{hint}"));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Some(format!("has the label `{label}` with a hyphen at its edge"));
    }
    let encoded = label.strip_prefix("xn--")?;
    let decoded = decode_punycode(encoded);
    let real = decoded.is_some_and(|text| !text.is_ascii());
    (!real).then(|| format!("has the label `{label}`, which is not valid punycode"))
}

/// RFC 3492 §6.2, with the parameters of §5.
fn decode_punycode(encoded: &str) -> Option<String> {
    let (basic, digits) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let mut output: Vec<char> = basic.chars().collect();
    let (mut code, mut index, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut rest = digits.bytes();
    while rest.len() > 0 {
        let before = index;
        let mut weight = 1_u32;
        for k in (36_u32..).step_by(36) {
            let digit = digit(rest.next()?)?;
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(36 - threshold)?;
        }
        let len = u32::try_from(output.len()).ok()? + 1;
        bias = adapt(index - before, len, before == 0);
        code = code.checked_add(index / len)?;
        index %= len;
        output.insert(usize::try_from(index).ok()?, char::from_u32(code)?);
        index += 1;
    }
    Some(output.into_iter().collect())
}

fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'a'..=b'z' => Some(u32::from(byte - b'a')),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 26),
        _ => None,
    }
}

/// RFC 3492 §6.1.
fn adapt(delta: u32, len: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / len;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_within_itself_and_its_parents_only() {
        assert!(is_within("a.b.example", "b.example"));
        assert!(is_within("b.example", "b.example"));
        assert!(!is_within("ab.example", "b.example"));
        assert!(!is_within("example", "b.example"));
    }

    #[test]
    fn punycode_is_read_as_rfc_3492_writes_it() {
        // RFC 3492 §7.1: (B) Chinese, (L) Japanese artist; and the usual book.
        assert_eq!(
            decode_punycode("ihqwcrb4cv8a8dqg056pqjye").unwrap(),
            "\u{4ed6}\u{4eec}\u{4e3a}\u{4ec0}\u{4e48}\u{4e0d}\u{8bf4}\u{4e2d}\u{6587}"
        );
        assert_eq!(decode_punycode("bcher-kva").unwrap(), "b\u{fc}cher");
        assert_eq!(
            decode_punycode("de-jg4avhby1noc0d").unwrap(),
            "\u{30d1}\u{30d5}\u{30a3}\u{30fc}de\u{30eb}\u{30f3}\u{30d0}"
        );
        assert_eq!(decode_punycode("99999999"), None);
        assert_eq!(decode_punycode("b\u{fc}"), None);
    }

    #[test]
    fn names_that_devices_ask_for_have_no_fault() {
        let long = "a".repeat(63);
        for name in [
            "example.com",
            "_dns.example.co.uk",
            "xn--bcher-kva.example.com",
        ] {
            assert_eq!(fault(name), None, "{name}");
        }
        assert_eq!(fault(&format!("{long}.example.com")), None);
        assert!(
            fault(&format!("{long}a.example.com"))
                .unwrap()
                .contains("64 characters")
        );
        assert!(
            fault(&format!("{}.com", [long.as_str(); 4].join(".")))
                .unwrap()
                .contains("253")
        );
    }
}
