//! Configuration: `config.toml` and `sip-profiles/*.toml` → checked values.

mod secret;
mod types;

pub use secret::Secret;
pub use types::{
    AccessPolicy, AudioCodec, Config, ConsoleConfig, GatewayConfig, Listener, MediaConfig, Music, OffWifi, Profile,
    Queue, RegistrationLimits, ScreenConfig, Seat, StoreConfig, Strategy, Trunk, User,
};
