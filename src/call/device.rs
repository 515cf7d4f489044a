//! What is known of the caller's device, and from where.

use crate::sip::message::{HeaderName, NameAddr, Request, Uri};
use crate::sync::context::DeviceContext;
use crate::sync::identity::{DeviceIdentity, DeviceUri};

/// The device behind a call. Believed only from an authenticated peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// `+sip.instance` as written: an IMEI URN (RFC 7254, RFC 7255), or a UUID URN where the platform hides the IMEI.
    pub instance: Option<String>,
    /// The caller's number, from P-Asserted-Identity or From.
    pub number: Option<String>,
    /// The app's own account of itself.
    pub context: Option<DeviceContext>,
}

impl Device {
    /// Reads what an INVITE says of the device. `trusted` is whether its P-headers may be believed (RFC 3325 §5).
    pub fn from_invite(invite: &Request, trusted: bool) -> Device {
        let instance = invite.contacts().ok().and_then(|contacts| {
            let value = contacts.first()?.params.get("+sip.instance").flatten();
            value.map(str::to_owned)
        });
        let asserted = if trusted { asserted_number(invite) } else { None };
        let number = asserted.or_else(|| invite.from().ok().and_then(|from| number_of(&from.uri)));
        Device { instance, number, context: None }
    }

    /// What screen frames of this call are addressed by.
    pub fn identity(&self) -> DeviceIdentity {
        DeviceIdentity::from_sip(self.instance.as_deref(), self.number.as_deref())
    }

    /// The IMEI's digits.
    pub fn imei(&self) -> Option<String> {
        self.identity().names().iter().find_map(|name| match name {
            DeviceUri::Imei(digits) => Some(digits.clone()),
            DeviceUri::Uuid(_) | DeviceUri::Tel(_) => None,
        })
    }

    /// The UUID of the instance.
    pub fn uuid(&self) -> Option<String> {
        self.identity().names().iter().find_map(|name| match name {
            DeviceUri::Uuid(uuid) => Some(uuid.clone()),
            DeviceUri::Imei(_) | DeviceUri::Tel(_) => None,
        })
    }
}

/// The first number that the network asserts (RFC 3325 §9.1).
fn asserted_number(invite: &Request) -> Option<String> {
    let identities = invite.headers.values(&HeaderName::PAssertedIdentity);
    identities.filter_map(|value| NameAddr::parse(value).ok()).find_map(|identity| number_of(&identity.uri))
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
