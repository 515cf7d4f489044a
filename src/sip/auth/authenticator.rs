//! The server's side of digest authentication.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::credentials::NotDigest;
use super::digest::Digest;
use super::nonce::{Mint, NonceId};
use super::replay::Replay;
use super::{Algorithm, Challenge, Credentials, Qop, Secret, resource};
use crate::sip::message::{HeaderName, Request};

/// How long a nonce is good, in seconds, unless told otherwise.
const LIFETIME_S: u64 = 300;

/// How many nonces in use are remembered: about 5 MB.
const REPLAY_CAPACITY: usize = 65_536;

/// Asks for, and judges, the credentials of one realm.
pub struct Authenticator {
    realm: String,
    mint: Mint,
    lifetime_s: u64,
    serial: u64,
    replay: Replay,
}

/// What a request's credentials are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this user.
    Ok {
        /// As the credentials have it.
        username: String,
    },
    /// None for our realm: challenge.
    Missing,
    /// The password is right, but the nonce is too old, used up, or of a former life of this server: challenge with
    /// `stale` (RFC 7616 §3.3), which the client answers without asking anybody.
    Stale,
    /// Wrong user, password, resource or form. Which of them is nobody's business.
    Bad,
}

impl Authenticator {
    /// An authenticator for `realm`. `secret` signs the nonces: draw it anew at each start, because the memory of used
    /// nonces does not outlive the process.
    pub fn new(realm: &str, secret: [u8; 32]) -> Self {
        Authenticator {
            realm: realm.to_owned(),
            mint: Mint::new(realm, &secret),
            lifetime_s: LIFETIME_S,
            serial: 0,
            replay: Replay::new(REPLAY_CAPACITY),
        }
    }

    /// Sets how long a nonce is good, in seconds; 300 unless set.
    pub fn with_lifetime(mut self, seconds: u64) -> Self {
        self.lifetime_s = seconds;
        self
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The values of the `WWW-Authenticate` (401) or `Proxy-Authenticate` (407) headers, one header each, the one we
    /// prefer first (RFC 8760 §2.3): one for each of `algorithms`. `stale`: as [`Verdict::Stale`] says.
    pub fn challenge(&mut self, algorithms: &[Algorithm], now_unix_s: u64, stale: bool) -> Vec<String> {
        // A number of its own for each nonce: two clients of the same second must not share a count.
        self.serial += 1;
        let nonce = self.mint.write(NonceId { issued_s: now_unix_s, serial: self.serial });
        let challenge = |algorithm: &Algorithm| {
            let (realm, nonce, algorithm) = (self.realm.clone(), nonce.clone(), *algorithm);
            Challenge { realm, nonce, opaque: None, algorithm, qop: Some(Qop::Auth), stale }.to_string()
        };
        algorithms.iter().map(challenge).collect()
    }

    /// Judges the credentials of `request`, in `Authorization` or `Proxy-Authorization`. Not for ACK and CANCEL, which
    /// cannot be challenged (RFC 3261 §22.1). Only `algorithms` will do: those of the challenge.
    pub fn verify(
        &mut self,
        request: &Request,
        algorithms: &[Algorithm],
        lookup: &dyn Fn(&str) -> Option<Secret>,
        now_unix_s: u64,
    ) -> Verdict {
        let credentials = match self.find_credentials(request) {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return Verdict::Missing,
            Err(Malformed) => return Verdict::Bad,
        };
        if !algorithms.contains(&credentials.algorithm) {
            return Verdict::Bad;
        }
        // The password first: only who knows it learns what is the matter with the nonce.
        if !is_response_right(&credentials, request, lookup) {
            return Verdict::Bad;
        }
        if !request.uri().is_ok_and(|asked| resource::is_meant(&credentials.uri, &asked)) {
            return Verdict::Bad;
        }
        if !self.use_nonce(&credentials, now_unix_s) {
            return Verdict::Stale;
        }
        Verdict::Ok { username: credentials.username }
    }

    /// The first digest credentials for our realm; other schemes and realms are others' (RFC 3261 §22.3).
    fn find_credentials(&self, request: &Request) -> Result<Option<Credentials>, Malformed> {
        let mut result = Ok(None);
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            for header in request.headers.all(&name) {
                match std::str::from_utf8(header.value()).map(Credentials::read) {
                    Ok(Ok(credentials)) if credentials.realm == self.realm => return Ok(Some(credentials)),
                    Ok(Ok(_) | Err(NotDigest::OtherScheme)) => {}
                    Ok(Err(NotDigest::Malformed)) | Err(_) => result = Err(Malformed),
                }
            }
        }
        result
    }

    /// Whether the nonce is ours, of age, and this count of it unused; uses it up.
    fn use_nonce(&mut self, credentials: &Credentials, now_unix_s: u64) -> bool {
        let oldest_s = now_unix_s.saturating_sub(self.lifetime_s);
        self.replay.expire(oldest_s);
        let Some(nonce) = self.mint.read(&credentials.nonce).filter(|nonce| nonce.issued_s >= oldest_s) else {
            return false;
        };
        let count = match &credentials.protection {
            Some((_, count, _)) => u32::from_str_radix(count, 16).ok(),
            // An RFC 2069 client does not count, so that its nonce is good for once.
            None => Some(0),
        };
        count.is_some_and(|count| self.replay.take(nonce, count))
    }
}

/// There are digest credentials, but nobody can use them.
struct Malformed;

/// Computes and compares alike for users known and unknown, so that time does not tell one from the other.
fn is_response_right(credentials: &Credentials, request: &Request, lookup: &dyn Fn(&str) -> Option<Secret>) -> bool {
    let protection = match &credentials.protection {
        Some((Qop::Auth, count, cnonce)) => Some((Qop::Auth, count.as_str(), cnonce.as_str())),
        // Never offered.
        Some((Qop::AuthInt, ..)) => return false,
        None => None,
    };
    let digest = Digest {
        algorithm: credentials.algorithm,
        nonce: &credentials.nonce,
        method: request.method.as_str(),
        uri: &credentials.uri,
        body: &[],
        protection,
    };
    let secret = lookup(&credentials.username);
    let ha1 = |secret: &Secret| secret.ha1(credentials.algorithm, &credentials.username, &credentials.realm);
    let known = secret.as_ref().and_then(ha1);
    let is_known = Choice::from(u8::from(known.is_some()));
    let ha1 = known.or_else(|| ha1(&Secret::password(""))).unwrap_or_default();
    let expected = digest.response(&ha1);
    let given = credentials.response.to_ascii_lowercase();
    (expected.as_bytes().ct_eq(given.as_bytes()) & is_known).into()
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("realm", &self.realm).finish_non_exhaustive()
    }
}
