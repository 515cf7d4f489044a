//! All addresses of record.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::{Binding, RegisterError, Registered, RegistrarEvent, RegistrarLimits, Update, canonical_instance, record};
use crate::sip::Flow;

/// The bindings of all addresses of record. Keys are canonical, see [`super::address_of_record`].
#[derive(Debug)]
pub struct Registrar {
    limits: RegistrarLimits,
    /// Never empty lists. The keys come from the network: the standard, keyed hasher.
    records: HashMap<Arc<str>, Vec<Binding>>,
    /// Each address of record by the first lapse among its bindings.
    lapses: BTreeSet<(Instant, Arc<str>)>,
    /// Addresses of record by the instances and flows among their bindings.
    instances: BTreeSet<(Arc<str>, Arc<str>)>,
    flows: BTreeSet<(Flow, Arc<str>)>,
    events: VecDeque<RegistrarEvent>,
    next_revision: u64,
}

impl Registrar {
    /// An empty registrar.
    pub fn new(limits: RegistrarLimits) -> Self {
        Registrar {
            limits,
            records: HashMap::new(),
            lapses: BTreeSet::new(),
            instances: BTreeSet::new(),
            flows: BTreeSet::new(),
            events: VecDeque::new(),
            next_revision: 1,
        }
    }

    /// Applies a REGISTER to `aor`, all or nothing (RFC 3261 §10.3 steps 6 to 8), and returns the bindings in force
    /// for the 200, best first.
    pub fn register(&mut self, aor: &str, update: Update, now: Instant) -> Result<Vec<Registered>, RegisterError> {
        let current: Vec<Binding> = self.live(aor, now).cloned().collect();
        let bindings = record::updated(&current, &update, &self.limits, self.next_revision, now)?;
        if !bindings.is_empty() && !self.records.contains_key(aor) && self.records.len() >= self.limits.max_addresses {
            return Err(RegisterError::TooMany);
        }
        self.next_revision += update.contacts.len() as u64;
        self.replace(aor, bindings);
        let list = |binding: &Binding| Registered { binding: binding.clone(), remaining_s: binding.remaining_s(now) };
        Ok(self.lookup(aor, now).into_iter().map(list).collect())
    }

    /// The bindings of `aor` that have not lapsed: by `q`, the more recent first among equals.
    pub fn lookup(&self, aor: &str, now: Instant) -> Vec<&Binding> {
        let mut found: Vec<&Binding> = self.live(aor, now).collect();
        found.sort_unstable_by_key(|binding| std::cmp::Reverse((binding.q, binding.revision)));
        found
    }

    /// Every binding of the device with this instance id (an IMEI or UUID URN), with its address of record; in the
    /// order of [`Registrar::lookup`] within one address.
    pub fn by_instance(&self, instance: &str, now: Instant) -> Vec<(&str, &Binding)> {
        let wanted: Arc<str> = canonical_instance(instance).into();
        let addresses =
            self.instances.range((wanted.clone(), Arc::from(""))..).take_while(|(found, _)| *found == wanted);
        addresses
            .flat_map(|(_, aor)| self.lookup(aor, now).into_iter().map(move |binding| (&**aor, binding)))
            .filter(|(_, binding)| binding.instance.as_deref() == Some(&*wanted))
            .collect()
    }

    /// A stream connection closed: the bindings that were reached over it are gone (RFC 5626 §7). Says how many.
    pub fn remove_flow(&mut self, flow: &Flow) -> usize {
        let addresses: Vec<Arc<str>> =
            self.flows.range((*flow, Arc::from(""))..).take_while(|(f, _)| f == flow).map(|(_, a)| a.clone()).collect();
        addresses.iter().map(|aor| self.retain(aor, |binding| binding.flow != *flow)).sum()
    }

    /// Drops what has lapsed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, aor)) = self.lapses.first()
            && *at <= now
        {
            let aor = aor.clone();
            self.retain(&aor, |binding| binding.expires_at > now);
        }
    }

    /// When the next binding lapses.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.lapses.first().map(|(at, _)| *at)
    }

    /// The next thing that happened.
    pub fn poll_output(&mut self) -> Option<RegistrarEvent> {
        self.events.pop_front()
    }

    /// How many addresses of record have bindings.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn live(&self, aor: &str, now: Instant) -> impl Iterator<Item = &Binding> {
        self.records.get(aor).into_iter().flatten().filter(move |binding| binding.expires_at > now)
    }

    fn retain(&mut self, aor: &str, keep: impl Fn(&Binding) -> bool) -> usize {
        let Some(bindings) = self.records.get(aor) else { return 0 };
        let kept: Vec<Binding> = bindings.iter().filter(|binding| keep(binding)).cloned().collect();
        let removed = bindings.len() - kept.len();
        self.replace(aor, kept);
        removed
    }

    /// Puts `bindings` in force for `aor`, with every index and event that follows.
    fn replace(&mut self, aor: &str, bindings: Vec<Binding>) {
        let before = self.records.remove_entry(aor);
        let was_bound = before.is_some();
        let key = match before {
            Some((key, old)) => {
                self.unindex(&key, &old);
                key
            }
            None => Arc::from(aor),
        };
        match (was_bound, !bindings.is_empty()) {
            (false, true) => self.events.push_back(RegistrarEvent::Bound { aor: aor.to_owned() }),
            (true, false) => self.events.push_back(RegistrarEvent::Unbound { aor: aor.to_owned() }),
            (true, true) | (false, false) => {}
        }
        if !bindings.is_empty() {
            self.index(&key, &bindings);
            self.records.insert(key, bindings);
        }
    }

    fn index(&mut self, aor: &Arc<str>, bindings: &[Binding]) {
        self.lapses.extend(first_lapse(bindings).map(|at| (at, aor.clone())));
        for binding in bindings {
            self.flows.insert((binding.flow, aor.clone()));
            self.instances.extend(binding.instance.as_deref().map(|instance| (Arc::from(instance), aor.clone())));
        }
    }

    fn unindex(&mut self, aor: &Arc<str>, bindings: &[Binding]) {
        if let Some(at) = first_lapse(bindings) {
            self.lapses.remove(&(at, aor.clone()));
        }
        for binding in bindings {
            self.flows.remove(&(binding.flow, aor.clone()));
            if let Some(instance) = &binding.instance {
                self.instances.remove(&(Arc::from(instance.as_str()), aor.clone()));
            }
        }
    }
}

fn first_lapse(bindings: &[Binding]) -> Option<Instant> {
    bindings.iter().map(|binding| binding.expires_at).min()
}
