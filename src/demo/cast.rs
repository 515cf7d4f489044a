//! The command lines of the actors, as anybody could type them.

use std::path::Path;

use super::network::Network;
use super::ports::Ports;
use super::settings::Settings;

/// The tones in Hz that each end plays and the other listens for.
const CUSTOMER_HZ: &str = "700";
const ANSWERING_HZ: &str = "1100";

/// How long a call lasts that has nothing but voice: long enough to hear two seconds of tone.
const VOICE_SECONDS: &str = "6";

/// The customer: an IMEI that the GSMA gives to nobody's phone, and a number of no carrier.
const IMEI: &str = "35209900-176148-0";
const NUMBER: &str = "+8613800138000";

/// The environment variable that hands the password over, so that it is in no list of processes.
pub(super) const PASSWORD: &str = "TANDEM_DEMO_PASSWORD";

/// What all actors share.
pub(super) struct Cast {
    pub settings: Settings,
    pub ports: Ports,
    /// The site's address, once it is known.
    pub site: String,
}

impl Cast {
    pub(super) fn gateway(config: &Path) -> Vec<String> {
        words(&["run", "--config", &path(config)])
    }

    pub(super) fn site() -> Vec<String> {
        words(&["site", "--bind", "127.0.0.1:0"])
    }

    pub(super) fn carrier(&self) -> Vec<String> {
        let bind = format!("127.0.0.1:{}", self.ports.carrier);
        words(&["carrier", "--bind", &bind, "--tone", ANSWERING_HZ, "--expect-tone", CUSTOMER_HZ, "--json"])
    }

    pub(super) fn seat(&self, agent: &str, inbox: &Path) -> Vec<String> {
        let server = format!("127.0.0.1:{}", self.ports.seats);
        let mut all = self.user(&server, agent);
        all.extend(words(&["--tone", ANSWERING_HZ, "--expect-tone", CUSTOMER_HZ, "--script", "booking"]));
        all.extend(words(&["--record", &path(inbox), "--json"]));
        all.insert(0, "seat".to_owned());
        all
    }

    pub(super) fn handset(&self, network: Network, inbox: &Path) -> Vec<String> {
        let server = format!("127.0.0.1:{}", self.ports.app);
        let mut all = self.user(&server, &self.settings.customer);
        all.extend(words(&["--transport", "tcp", "--imei", IMEI, "--number", NUMBER]));
        all.extend(words(&["--network", network.as_str(), "--to", &self.settings.dials]));
        all.extend(words(&["--tone", CUSTOMER_HZ, "--expect-tone", ANSWERING_HZ, "--script", "booking"]));
        all.extend(words(&["--record", &path(inbox), "--call-seconds", VOICE_SECONDS, "--json"]));
        all.insert(0, "handset".to_owned());
        all
    }

    fn user(&self, server: &str, name: &str) -> Vec<String> {
        let domain = &self.settings.domain;
        let site = &self.site;
        words(&["--server", server, "--domain", domain, "--user", name, "--password-env", PASSWORD, "--site", site])
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
