//! A new configuration in mid-flight.

use std::sync::Arc;

use super::Gateway;
use crate::config::Config;

impl Gateway {
    /// Takes what can change while calls are up: passwords, the access policy, number routes. Returns the tables that
    /// differ and need a restart; while there are any, nothing is taken, so that the parts never disagree.
    pub fn reconfigure(&mut self, config: Arc<Config>) -> Vec<&'static str> {
        let old = &self.config;
        let names = |config: &Config| config.users.iter().map(|user| user.name.clone()).collect::<Vec<_>>();
        let tables = [
            ("gateway", old.gateway != config.gateway),
            ("listener", old.listeners != config.listeners),
            ("profile", old.profiles != config.profiles),
            ("media", old.media != config.media),
            ("screen", old.screen != config.screen),
            ("store", old.store != config.store),
            ("console", old.console != config.console),
            ("user", names(old) != names(&config)),
            ("queue", old.queues != config.queues),
            ("seat", old.seats != config.seats),
            ("trunk", old.trunks != config.trunks),
        ];
        let waiting: Vec<_> = tables.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        if waiting.is_empty() {
            self.config = config;
        }
        waiting
    }

    /// Screen messages that no live call claimed, ever.
    pub fn uncorrelated(&self) -> u64 {
        self.uncorrelated
    }
}
