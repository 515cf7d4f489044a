//! What the app tells of the phone, its owner and the page he is on.

use bytes::Bytes;
use serde_json::json;

use super::options::HandsetOptions;
use crate::simulator::Screen;
use crate::sync::context::{App, Device, DeviceContext, Login, LoginState, MEDIA_TYPE, Place, Screen as Page};
use crate::sync::text::Text;

/// The context of a call about `page`.
pub(super) fn context(options: &HandsetOptions, page: Option<&Screen>) -> DeviceContext {
    DeviceContext {
        device: Device {
            imei: options.imei.as_ref().and_then(|imei| text(&imei.to_string())),
            uuid: None,
            number: options.number.as_ref().and_then(|number| text(&format!("tel:{number}"))),
            carrier: text("China Unicom"),
            model: text("Pixel 8"),
        },
        app: App { name: text("Tandem Travel"), version: text("3.2"), build: text("320") },
        login: Login { state: LoginState::LoggedIn, customer: text(&options.user) },
        place: Some(Place { latitude: 31.1443, longitude: 121.8083, accuracy_m: Some(30.0) }),
        screen: Page {
            name: page.and_then(|page| text(page.name.as_deref()?)),
            link: page.and_then(|page| text(&page.url)),
        },
    }
}

/// As a part of an INVITE: the object with its version.
pub(super) fn part(context: &DeviceContext) -> (&'static str, Bytes) {
    let mut object = serde_json::to_value(context).unwrap_or_else(|_| json!({}));
    if let Some(object) = object.as_object_mut() {
        object.insert("v".into(), json!(1));
    }
    (MEDIA_TYPE, object.to_string().into())
}

/// A text that is left out when it is too long to be one.
fn text<const MAX: usize>(value: &str) -> Option<Text<MAX>> {
    Text::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::handset::{Script, imei};
    use crate::client::phone::AccessNetwork;
    use crate::client::voice::Tones;
    use crate::sip::Transport;
    use crate::sip::message::Uri;

    #[test]
    fn the_gateway_reads_what_the_handset_writes() {
        let options = HandsetOptions {
            server: None,
            transport: Transport::Udp,
            domain: None,
            user: "traveller".into(),
            password: None,
            imei: imei("352099001761481").ok(),
            number: Some("+8613800138000".into()),
            network: AccessNetwork::Wifi,
            to: Uri::sip(Some("flights"), "127.0.0.1", None),
            site: None,
            tones: Tones { play_hz: 700, expect_hz: None },
            script: Script::None,
            record: None,
            call_for: Duration::from_secs(1),
        };
        let page =
            Screen { url: "http://site/flights/CA1".into(), name: Some("flight.detail".into()), ..Screen::default() };
        let written = context(&options, Some(&page));
        let (media_type, body) = part(&written);
        assert_eq!(media_type, "application/vnd.tandem.context+json");
        assert_eq!(DeviceContext::parse_part(&body).expect("readable"), written);
        assert_eq!(written.screen.link.as_deref(), Some("http://site/flights/CA1"));
    }
}
