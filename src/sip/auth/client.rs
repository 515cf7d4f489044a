//! The client's side of digest authentication (RFC 3261 §22.2).

use super::digest::Digest;
use super::{Challenge, Credentials, Secret};

/// What a client brings to answer a challenge.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The method of the request that is sent again.
    pub method: &'a str,
    /// Its Request-URI, as it is on the wire.
    pub uri: &'a str,
    /// Who we are.
    pub username: &'a str,
    /// What proves it.
    pub secret: &'a Secret,
    /// The body of the request, for `auth-int`.
    pub body: &'a [u8],
    /// A random nonce of our own, new for each attempt.
    pub cnonce: &'a str,
    /// How many requests, this one included, used the server's nonce: 1 for a fresh challenge.
    pub nc: u32,
}

/// The value of `Authorization` (for a 401's `WWW-Authenticate` values) or `Proxy-Authorization` (for a 407's
/// `Proxy-Authenticate`): the answer to the first challenge whose algorithm we know and have a secret for
/// (RFC 8760 §2.4). `None`: there is none.
pub fn respond<'a>(challenges: impl IntoIterator<Item = &'a str>, attempt: &Attempt<'_>) -> Option<String> {
    challenges.into_iter().flat_map(Challenge::parse_all).find_map(|challenge| answer(challenge, attempt))
}

fn answer(challenge: Challenge, attempt: &Attempt<'_>) -> Option<String> {
    let ha1 = attempt.secret.ha1(challenge.algorithm, attempt.username, &challenge.realm)?;
    let nc = format!("{:08x}", attempt.nc);
    let digest = Digest {
        algorithm: challenge.algorithm,
        nonce: &challenge.nonce,
        method: attempt.method,
        uri: attempt.uri,
        body: attempt.body,
        protection: challenge.qop.map(|qop| (qop, nc.as_str(), attempt.cnonce)),
    };
    let response = digest.response(&ha1);
    let credentials = Credentials {
        username: attempt.username.to_owned(),
        realm: challenge.realm,
        nonce: challenge.nonce,
        uri: attempt.uri.to_owned(),
        response,
        algorithm: challenge.algorithm,
        opaque: challenge.opaque,
        protection: challenge.qop.map(|qop| (qop, nc, attempt.cnonce.to_owned())),
    };
    Some(credentials.to_string())
}
