//! What the app tells of the phone, its owner and the page he is on: `application/vnd.tandem.context+json`.

use serde::{Deserialize, Serialize};

use super::text::Text;

/// The media type, as a part of an INVITE. Within the screen session the same object travels as a control message.
pub const MEDIA_TYPE: &str = "application/vnd.tandem.context+json";

/// The whole of it. Everything is optional: an app tells what it knows and may tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceContext {
    /// The phone.
    pub device: Device,
    /// The app on it.
    pub app: App,
    /// Who is logged in.
    pub login: Login,
    /// Where the phone is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The page that the customer is on.
    pub screen: Screen,
}

/// The phone.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// `urn:gsma:imei:…` (RFC 7254).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imei: Option<Text<64>>,
    /// `urn:uuid:…`, where the platform hides the IMEI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Text<64>>,
    /// `tel:…` or bare digits with `+`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<Text<64>>,
    /// The mobile operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Text<128>>,
    /// The maker's name of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Text<128>>,
}

/// Personal data: shown only as present or absent.
impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("imei", &self.imei.is_some())
            .field("uuid", &self.uuid.is_some())
            .field("number", &self.number.is_some())
            .field("carrier", &self.carrier)
            .field("model", &self.model)
            .finish()
    }
}

/// The app on the phone; the seat's simulator runs the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct App {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<128>>,
    /// Its version, as shown to customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Text<64>>,
    /// Its build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Text<64>>,
}

/// Who is logged in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Login {
    /// Whether somebody is.
    pub state: LoginState,
    /// The app's name for the customer; opaque to the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Text<128>>,
}

/// Whether somebody is logged in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginState {
    /// The app does not say.
    #[default]
    Unknown,
    /// Nobody is.
    Guest,
    /// A customer is.
    LoggedIn,
}

/// A position on Earth (WGS 84).
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Radius of the uncertainty, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
}

/// Personal data.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place(…)")
    }
}

/// A page of the app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Screen {
    /// The app's name of the page, e.g. `flight-detail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<128>>,
    /// The link that opens that very page in another copy of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Text<2048>>,
}

impl DeviceContext {
    /// Reads the body part of an INVITE: the object itself, with `"v": 1`.
    pub fn parse_part(octets: &[u8]) -> Result<DeviceContext, super::control::ControlError> {
        super::control::check_version(octets)?;
        serde_json::from_slice(octets).map_err(|_| super::control::ControlError::Malformed)
    }

    /// The names of the device that the context claims.
    pub fn claimed_names(&self) -> impl Iterator<Item = String> + '_ {
        let number = self.device.number.as_ref().map(|number| match number.strip_prefix("tel:") {
            Some(_) => number.to_string(),
            None => format!("tel:{}", number.as_str()),
        });
        let urns = self.device.imei.iter().chain(&self.device.uuid).map(ToString::to_string);
        urns.chain(number)
    }
}
