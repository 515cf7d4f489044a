//! What a handset is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::error::ClientError;
use crate::client::phone::AccessNetwork;
use crate::client::voice::Tones;
use crate::sip::Transport;
use crate::sip::message::Uri;
use crate::sync::identity::DeviceUri;

/// What the customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Talks, and lets his screen be seen.
    None,
    /// Books a flight with the agent's help.
    Booking,
}

/// Everything about a handset and its call.
#[derive(Clone, Debug)]
pub struct HandsetOptions {
    /// HOST:PORT of the gateway; `None` calls the address itself, without registering.
    pub server: Option<String>,
    /// How to get there.
    pub transport: Transport,
    /// The SIP domain; `None`: the server's address.
    pub domain: Option<String>,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: Option<String>,
    /// The device.
    pub imei: Option<DeviceUri>,
    /// The subscriber's number, digits with or without `+`.
    pub number: Option<String>,
    /// The access network.
    pub network: AccessNetwork,
    /// Whom to call.
    pub to: Uri,
    /// The app's pages; `None`: the phone has no screen to share.
    pub site: Option<String>,
    /// The two tones.
    pub tones: Tones,
    /// What the customer does.
    pub script: Script,
    /// Where received frames are kept.
    pub record: Option<PathBuf>,
    /// How long a call without script lasts after its answer.
    pub call_for: Duration,
}

/// Reads an IMEI as people write it: `urn:gsma:imei:…`, `35209900-176148-0`, or 14 to 16 digits. The check digit, and the
/// software version of an IMEISV, are no part of the name (RFC 7254 §4.2.3: a spare 0).
pub fn imei(text: &str) -> Result<DeviceUri, ClientError> {
    let wrong = || ClientError::Option {
        option: "--imei",
        value: text.to_owned(),
        expected: "15 digits, or 8-6-1 digits with hyphens such as 35209900-176148-0",
    };
    let digits: String = text.strip_prefix("urn:gsma:imei:").unwrap_or(text).replace('-', "");
    if !(14..=16).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let urn = format!("urn:gsma:imei:{}-{}-0", &digits[..8], &digits[8..14]);
    urn.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imei_is_read_in_every_form() {
        for text in ["urn:gsma:imei:35209900-176148-0", "35209900-176148-1", "352099001761481", "35209900176148"] {
            assert_eq!(imei(text).expect(text).to_string(), "urn:gsma:imei:35209900-176148-0");
        }
        for text in ["", "35209900-17614", "35209900-176148-x", "352099001761481234", "３5209900176148"] {
            assert!(imei(text).is_err(), "{text}");
        }
    }
}
