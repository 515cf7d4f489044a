//! Who a phone is: IMEI (RFC 7254), UUID (RFC 4122) or number (RFC 3966), as URIs in canonical form.

use std::fmt;
use std::str::FromStr;

/// One name of a device.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceUri {
    /// Type allocation code and serial number, 14 digits. The 15th digit on the wire is a spare 0 (RFC 7254 §4.2.3)
    /// and says nothing.
    Imei(String),
    /// 36 characters, lower case.
    Uuid(String),
    /// Digits, with `+` in front when global; visual separators removed.
    Tel(String),
}

/// A text that names no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither urn:gsma:imei, urn:uuid nor tel")]
pub struct NotADevice;

impl FromStr for DeviceUri {
    type Err = NotADevice;

    fn from_str(text: &str) -> Result<Self, NotADevice> {
        let text = text.trim();
        let text = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        if let Some(value) = without_prefix(text, "urn:gsma:imei:") {
            imei(value).map(DeviceUri::Imei)
        } else if let Some(value) = without_prefix(text, "urn:uuid:") {
            uuid(value).map(DeviceUri::Uuid)
        } else if let Some(value) = without_prefix(text, "tel:") {
            tel(value).map(DeviceUri::Tel)
        } else {
            None
        }
        .ok_or(NotADevice)
    }
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// RFC 7254 §4: `tac "-" snr "-" spare`, parameters after `;`.
fn imei(value: &str) -> Option<String> {
    let value = value.split(';').next()?;
    let mut parts = value.split('-');
    let (tac, serial, spare) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    (parts.next().is_none() && digits(tac, 8) && digits(serial, 6) && digits(spare, 1))
        .then(|| format!("{tac}{serial}"))
}

fn uuid(value: &str) -> Option<String> {
    let groups: Vec<&str> = value.split('-').collect();
    let fits = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()));
    fits.then(|| value.to_ascii_lowercase())
}

/// RFC 3966 §5: separators do not count in comparison. Parameters are not compared: a local number is what this
/// network says it is.
fn tel(value: &str) -> Option<String> {
    let value = value.split(';').next()?;
    let number: String = value.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    let fits = (1..=32).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
    fits.then_some(number)
}

impl fmt::Display for DeviceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceUri::Imei(digits) => match (digits.get(..8), digits.get(8..)) {
                (Some(tac), Some(serial)) => write!(f, "urn:gsma:imei:{tac}-{serial}-0"),
                _ => write!(f, "urn:gsma:imei:{digits}"),
            },
            DeviceUri::Uuid(value) => write!(f, "urn:uuid:{value}"),
            DeviceUri::Tel(number) => write!(f, "tel:{number}"),
        }
    }
}

/// Personal data: the kind is shown, not the value.
impl fmt::Debug for DeviceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceUri::Imei(_) => "Imei(…)",
            DeviceUri::Uuid(_) => "Uuid(…)",
            DeviceUri::Tel(_) => "Tel(…)",
        })
    }
}

/// Every name by which the phone of one call may be addressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceIdentity {
    names: Vec<DeviceUri>,
}

impl DeviceIdentity {
    /// An identity of these names; the first is the one that we write.
    pub fn new(names: impl IntoIterator<Item = DeviceUri>) -> Self {
        DeviceIdentity { names: names.into_iter().collect() }
    }

    /// From what SIP says: `+sip.instance` (with or without brackets and quotes) and the caller's number. What cannot
    /// be understood is left out.
    pub fn from_sip(instance: Option<&str>, number: Option<&str>) -> Self {
        let instance = instance.and_then(|text| text.trim_matches('"').parse().ok());
        let number = number.and_then(|number| format!("tel:{number}").parse().ok());
        DeviceIdentity::new(instance.into_iter().chain(number))
    }

    /// Whether `uri` (with or without brackets) names this device.
    pub fn is(&self, uri: &str) -> bool {
        uri.parse().is_ok_and(|uri: DeviceUri| self.names.contains(&uri))
    }

    /// The name that we write.
    pub fn primary(&self) -> Option<&DeviceUri> {
        self.names.first()
    }

    /// All names.
    pub fn names(&self) -> &[DeviceUri] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_same_name_are_equal() {
        let identity = DeviceIdentity::from_sip(Some("\"<urn:gsma:imei:35209900-176148-0>\""), Some("+86-138 0"));
        assert_eq!(identity.names().len(), 1, "a number with a blank is none");
        let identity = DeviceIdentity::from_sip(Some("<urn:gsma:imei:35209900-176148-0>"), Some("+86-138-0013-8000"));
        for name in [
            "urn:gsma:imei:35209900-176148-0",
            "<URN:GSMA:IMEI:35209900-176148-3;svn=42>",
            "tel:+8613800138000",
            "TEL:+86.138.0013.8000;phone-context=x",
        ] {
            assert!(identity.is(name), "{name}");
        }
        for name in ["urn:gsma:imei:35209900-176149-0", "tel:13800138000", "sip:+8613800138000@x", "", "urn:gsma:imei:"]
        {
            assert!(!identity.is(name), "{name}");
        }
        assert_eq!(identity.primary().map(ToString::to_string).as_deref(), Some("urn:gsma:imei:35209900-176148-0"));
    }

    #[test]
    fn malformed_names_are_none() {
        for text in [
            "urn:gsma:imei:35209900176148-0",
            "urn:gsma:imei:35209900-176148",
            "urn:gsma:imei:3520990a-176148-0",
            "urn:uuid:0123",
            "urn:uuid:zzzzzzzz-0000-1000-8000-00805f9b34fb",
            "tel:",
            "tel:+",
            "urn:gsma:ime\u{4f60}",
        ] {
            assert_eq!(text.parse::<DeviceUri>(), Err(NotADevice), "{text}");
        }
        let uuid: DeviceUri = "urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6".parse().expect("a UUID");
        assert_eq!(uuid.to_string(), "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        assert_eq!(format!("{uuid:?}"), "Uuid(…)", "Debug does not tell");
    }
}
