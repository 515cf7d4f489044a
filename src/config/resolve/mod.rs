//! Raw tables → [`Config`], or every fault that was found on the way.

mod base;
mod keys;
mod listener;
mod queue;
mod trunk;
mod user;

use std::path::Path;

pub use user::DEMO_PASSWORD;

use super::document::{Document, Section};
use super::error::{ConfigError, ConfigErrors, Findings};
use super::raw::{RawGateway, RawProfile, TABLES, Text};
use super::source::{SourceFile, Sources};
use super::types::{Config, Listener, MediaConfig, Profile, ScreenConfig};

/// What a configuration may refer to outside its own files.
pub struct Surroundings<'a> {
    /// Looks up an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The directory that relative paths start from: that of `config.toml`.
    pub base: &'a Path,
}

/// Checks the sources. All faults of all files are reported together, sorted by file and line; only a file with broken
/// syntax hides what else is wrong in it.
pub fn resolve(sources: &Sources, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigErrors> {
    let surroundings = Surroundings { env, base: &sources.base };
    let mut faults: Vec<ConfigError> = Vec::new();
    let profiles: Vec<Profile> = sources.profiles.iter().map(|file| read_profile(file, &mut faults)).collect();
    let mut findings = Findings::new(&sources.config.name, &sources.config.text);
    let config = Document::parse(&sources.config.text, &mut findings)
        .and_then(|document| read_config(document, profiles, &surroundings, &mut findings));
    faults.extend(findings.into_list());
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => {
            faults.sort();
            Err(ConfigErrors(faults))
        }
    }
}

fn read_profile(file: &SourceFile, faults: &mut Vec<ConfigError>) -> Profile {
    let mut findings = Findings::new(&file.name, &file.text);
    let name = Path::new(&file.name).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let profile = match Document::parse(&file.text, &mut findings) {
        Some(document) => {
            let section = document.whole::<RawProfile>(&mut findings);
            listener::profile(&name, section, &mut findings)
        }
        None => Profile { name, ..Profile::default() },
    };
    faults.extend(findings.into_list());
    profile
}

/// The order matters where one table names things of another: names are taken as written, so that a fault is
/// reported once, at its place, and not again by everybody who refers to it.
fn read_config(
    mut document: Document<'_>,
    profiles: Vec<Profile>,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> Option<Config> {
    let listener_sections = document.tables("listener", findings);
    let listener_names = trunk::written_names(&listener_sections);
    let listeners = listener::listeners(listener_sections, &profiles, findings);
    let gateway = document.table::<RawGateway>("gateway", findings).unwrap_or_else(|| absent("gateway"));
    let gateway = base::gateway(gateway, &listeners, findings);
    let media = base::media(document.table("media", findings), &listeners, findings);
    let screen = base::screen(document.table("screen", findings), &listeners, findings);
    let store = base::store(document.table("store", findings), findings);
    let console = document.table("console", findings).map(|section| base::console(section, screen.as_ref(), findings));
    let exposed = is_exposed(&listeners, media.as_ref(), screen.as_ref());

    let user_sections = document.tables("user", findings);
    let user_names = names(&user_sections, |raw: &super::raw::RawUser| &raw.name);
    let users = user::users(user_sections, surroundings, exposed, findings);
    let queue_sections = document.tables("queue", findings);
    let queue_names = names(&queue_sections, |raw: &super::raw::RawQueue| &raw.name);
    let queues = queue::queues(queue_sections, &user_names, surroundings, findings);
    let seats = queue::seats(document.tables("seat", findings), &user_names, &queue_names, findings);
    let trunk_sections = document.tables("trunk", findings);
    let trunk_names = names(&trunk_sections, |raw: &super::raw::RawTrunk| &raw.name);
    let trunks = trunk::trunks(trunk_sections, &listener_names, &listeners, findings);
    let routes = trunk::routes(document.tables("route", findings), &trunk_names, findings);
    let access = trunk::access(document.table("access", findings), &trunk_names, findings);
    document.finish(TABLES, findings);

    let console = match console {
        Some(console) => Some(console?),
        None => None,
    };
    let (gateway, media, screen, store, access) = (gateway?, media?, screen?, store?, access?);
    Some(Config {
        gateway,
        listeners,
        profiles,
        media,
        screen,
        store,
        console,
        users,
        queues,
        seats,
        trunks,
        routes,
        access,
    })
}

fn absent<T: Default>(key: &str) -> Section<T> {
    Section { raw: T::default(), path: key.to_owned(), span: 0..0, broken: Default::default() }
}

fn names<T>(sections: &[Section<T>], name: impl Fn(&T) -> &Text) -> Vec<String> {
    sections
        .iter()
        .map(|section| name(&section.raw).as_ref().map_or(String::new(), |name| name.get_ref().clone()))
        .collect()
}

/// Whether anybody but this machine can reach a socket of ours.
fn is_exposed(listeners: &[Listener], media: Option<&MediaConfig>, screen: Option<&ScreenConfig>) -> bool {
    listeners.iter().any(|listener| !listener.bind.ip().is_loopback())
        || media.is_some_and(|media| !media.address.is_loopback())
        || screen.is_some_and(|screen| !screen.bind.ip().is_loopback())
}
