//! What is known of the caller's device, and from where.

use crate::sip::message::{HeaderName, Request, Uri};
use crate::sync::{DeviceContext, DeviceIdentity};

/// The device behind a call. Believed only from an authenticated peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// `+sip.instance` with an IMEI URN (RFC 7254, RFC 7255): 15 digits, the last a spare 0 on the wire.
    pub imei: Option<String>,
    /// `+sip.instance` with a UUID URN, where the platform hides the IMEI.
    pub uuid: Option<String>,
    /// The caller's number, from P-Asserted-Identity or From.
    pub number: Option<String>,
    /// The app's own account of itself.
    pub context: Option<DeviceContext>,
}

impl Device {
    /// Reads what an INVITE says of the device. `trusted` is whether its P-headers may be believed (RFC 3325 §5).
    pub fn from_invite(invite: &Request, trusted: bool) -> Device {
        let mut device = Device::default();
        if let Ok(contacts) = invite.contacts()
            && let Some(instance) = contacts.first().and_then(|contact| contact.params.get("+sip.instance").flatten())
        {
            device.read_instance(instance);
        }
        if trusted {
            device.number = invite
                .headers
                .values(&HeaderName::PAssertedIdentity)
                .filter_map(|value| crate::sip::message::NameAddr::parse(value).ok())
                .find_map(|identity| number_of(&identity.uri));
        }
        if device.number.is_none() {
            device.number = invite.from().ok().and_then(|from| number_of(&from.uri));
        }
        device
    }

    /// Takes the app's account; it fills what the headers left open and contradicts none of them.
    pub fn learn(&mut self, context: DeviceContext) {
        if self.imei.is_none() {
            self.imei = context.device.imei.clone();
        }
        if self.uuid.is_none() {
            self.uuid = context.device.uuid.clone();
        }
        if self.number.is_none() {
            self.number = context.device.number.clone();
        }
        self.context = Some(context);
    }

    /// What screen frames of this call are addressed by.
    pub fn identity(&self) -> DeviceIdentity {
        DeviceIdentity { imei: self.imei.clone(), uuid: self.uuid.clone(), number: self.number.clone() }
    }

    fn read_instance(&mut self, instance: &str) {
        let urn = instance.trim_matches(['"', '<', '>']);
        if let Some(imei) = strip_prefix(urn, "urn:gsma:imei:") {
            // RFC 7254 §4: TAC-SNR-spare, hyphenated, perhaps with parameters.
            let digits: String = imei.split(';').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
            if matches!(digits.len(), 14..=16) {
                self.imei = Some(digits);
            }
        } else if let Some(uuid) = strip_prefix(urn, "urn:uuid:") {
            self.uuid = Some(uuid.to_ascii_lowercase());
        }
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// The telephone number a URI stands for: `tel:`, or a SIP user part of digits (RFC 3261 §19.1.6).
pub fn number_of(uri: &Uri) -> Option<String> {
    if let Some(number) = uri.tel_number() {
        return Some(number);
    }
    let user = uri.user()?;
    let digits = user.strip_prefix('+').unwrap_or(user);
    (digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| user.to_owned())
}
