//! The gateway's configuration: the shipped one, with its addresses and its database changed. What a newcomer sees in
//! the demonstration is therefore what `config.toml` does.

use std::path::Path;

use toml::{Table, Value};

use super::error::DemoError;
use super::ports::{Ports, RTP_PORTS};

/// As shipped, so that the program needs no file beside it.
const CONFIG: &str = include_str!("../../config.toml");

/// The profiles that it names.
pub(super) const PROFILES: [(&str, &str); 3] = [
    ("app.toml", include_str!("../../sip-profiles/app.toml")),
    ("seats.toml", include_str!("../../sip-profiles/seats.toml")),
    ("carrier.toml", include_str!("../../sip-profiles/carrier.toml")),
];

/// What the others need to know of the gateway.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The file's text.
    pub text: String,
    /// The SIP domain.
    pub domain: String,
    /// The customer's user.
    pub customer: String,
    /// The seats' users.
    pub agents: Vec<String>,
    /// Everybody's password.
    pub password: String,
    /// The address that the customer dials.
    pub dials: String,
}

/// Writes the configuration for `ports`, with the database at `database`.
pub(super) fn generate(ports: &Ports, database: &Path) -> Result<Settings, DemoError> {
    let mut config: Table = CONFIG.parse().map_err(|_| DemoError::Settings("TOML"))?;
    for listener in tables(&mut config, "listener")? {
        let port = match listener.get("name").and_then(Value::as_str) {
            Some("app-udp" | "app-tcp") => ports.app,
            Some("seats-udp") => ports.seats,
            Some("carrier-udp") => ports.trunk,
            _ => return Err(DemoError::Settings("listener by that name")),
        };
        listener.insert("bind".to_owned(), loopback(port));
    }
    for trunk in tables(&mut config, "trunk")? {
        trunk.insert("peer".to_owned(), loopback(ports.carrier));
    }
    let media = table(&mut config, "media")?;
    media.insert("port_min".to_owned(), Value::from(i64::from(ports.rtp)));
    media.insert("port_max".to_owned(), Value::from(i64::from(ports.rtp + RTP_PORTS - 1)));
    table(&mut config, "screen")?.insert("bind".to_owned(), loopback(ports.screen));
    table(&mut config, "console")?.insert("bind".to_owned(), loopback(ports.console));
    table(&mut config, "store")?.insert("url".to_owned(), Value::from(url_of(database)));
    describe(&mut config)
}

/// The database as the configuration names it.
pub(super) fn url_of(database: &Path) -> String {
    format!("sqlite://{}", database.display())
}

fn describe(config: &mut Table) -> Result<Settings, DemoError> {
    let domain = text(table(config, "gateway")?, "domain")?;
    let agents: Vec<String> =
        tables(config, "seat")?.into_iter().map(|seat| text(seat, "user")).collect::<Result<_, _>>()?;
    let mut customer = None;
    let mut password = None;
    for user in tables(config, "user")? {
        let name = text(user, "name")?;
        password = Some(text(user, "password")?);
        if !agents.contains(&name) {
            customer = Some(name);
        }
    }
    let queue = tables(config, "queue")?.into_iter().next().ok_or(DemoError::Settings("queue"))?;
    let address = queue.get("addresses").and_then(Value::as_array).and_then(|all| all.first()).and_then(Value::as_str);
    let dials = format!("sip:{}@{domain}", address.ok_or(DemoError::Settings("queue address"))?);
    let text = toml::to_string(config).map_err(|_| DemoError::Settings("form that can be written"))?;
    Ok(Settings {
        text: format!("# Written by `tandem demo`: the shipped config.toml with other addresses.\n{text}"),
        domain,
        customer: customer.ok_or(DemoError::Settings("user that is no agent"))?,
        agents,
        password: password.ok_or(DemoError::Settings("password"))?,
        dials,
    })
}

fn loopback(port: u16) -> Value {
    Value::from(format!("127.0.0.1:{port}"))
}

fn table<'c>(config: &'c mut Table, key: &'static str) -> Result<&'c mut Table, DemoError> {
    config.get_mut(key).and_then(Value::as_table_mut).ok_or(DemoError::Settings(key))
}

fn tables<'c>(config: &'c mut Table, key: &'static str) -> Result<Vec<&'c mut Table>, DemoError> {
    let array = config.get_mut(key).and_then(Value::as_array_mut).ok_or(DemoError::Settings(key))?;
    Ok(array.iter_mut().filter_map(Value::as_table_mut).collect())
}

fn text(table: &Table, key: &'static str) -> Result<String, DemoError> {
    table.get(key).and_then(Value::as_str).map(str::to_owned).ok_or(DemoError::Settings(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const PORTS: Ports =
        Ports { app: 6001, seats: 6002, trunk: 6003, carrier: 6004, screen: 6005, console: 6006, rtp: 20_000 };

    #[test]
    fn what_is_generated_is_a_valid_configuration_with_our_ports() {
        let folder = tempfile::tempdir().expect("a directory");
        let database = folder.path().join("tandem.db");
        let settings = generate(&PORTS, &database).expect("the shipped configuration fits");
        let profiles = folder.path().join("sip-profiles");
        std::fs::create_dir(&profiles).expect("a directory");
        for (name, text) in PROFILES {
            std::fs::write(profiles.join(name), text).expect("a file");
        }
        let path = folder.path().join("config.toml");
        std::fs::write(&path, &settings.text).expect("a file");
        let config = Config::load(&path).expect("it is valid");
        let binds: Vec<u16> = config.listeners.iter().map(|listener| listener.bind.port()).collect();
        assert_eq!(binds, [6001, 6001, 6002, 6003]);
        assert_eq!(config.screen.bind.port(), 6005);
        assert_eq!(config.store.url, url_of(&database));
        assert_eq!(settings.customer, "traveller");
        assert_eq!(settings.agents, ["agent1", "agent2"]);
        assert_eq!(settings.dials, "sip:flights@tandem.localhost");
    }
}
