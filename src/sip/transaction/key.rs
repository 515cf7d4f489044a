//! What makes two messages the same transaction's: RFC 3261 §17.1.3 (client), §17.2.3 (server, with the RFC 2543 way
//! for peers whose branch lacks the magic cookie), §8.2.2.2 (merged requests).

use std::borrow::Borrow;
use std::hash::BuildHasher;
use std::io::Write;
use std::sync::Arc;

use crate::sip::message::{Method, ParseError, Request, Response};

/// Every branch made by RFC 3261's rules begins so (§8.1.1.7).
const MAGIC_COOKIE: &str = "z9hG4bK";

/// A transaction's name within its side, kept once and shared by the index and the transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(Arc<[u8]>);

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Key(bytes.into())
    }
}

/// Writes the name of the client transaction that `request` opens: its branch and method (§17.1.3).
pub(super) fn of_own_request(key: &mut Vec<u8>, request: &Request) -> Result<(), ParseError> {
    write_client(key, request.via()?.branch(), &request.method);
    Ok(())
}

/// Writes the name of the client transaction that `response` belongs to: branch and CSeq method (§17.1.3).
pub(super) fn of_response(key: &mut Vec<u8>, response: &Response) -> Result<(), ParseError> {
    write_client(key, response.via()?.branch(), &response.cseq()?.method);
    Ok(())
}

fn write_client(key: &mut Vec<u8>, branch: Option<&str>, method: &Method) {
    key.clear();
    key.extend_from_slice(method.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(branch.unwrap_or_default().as_bytes());
}

/// Writes the name of the server transaction that `request` belongs to, were its method `method`: an ACK and a CANCEL
/// look for their INVITE (§17.2.3, §9.2).
///
/// The branch is compared with regard to case: no peer changes it between retransmissions, and some count in base 62.
pub(super) fn of_request(key: &mut Vec<u8>, request: &Request, method: &Method) -> Result<(), ParseError> {
    let via = request.via()?;
    let (host, port) = via.host_port();
    key.clear();
    // Writing to a Vec cannot fail.
    let _ = write!(key, "{host}");
    key.make_ascii_lowercase();
    let _ = write!(key, ":{port}\0{}\0", method.as_str());
    let branch = via.branch().unwrap_or_default();
    if has_magic_cookie(branch) {
        key.extend_from_slice(branch.as_bytes());
        return Ok(());
    }
    write_rfc2543(key, request, method, branch)
}

fn has_magic_cookie(branch: &str) -> bool {
    branch.get(..MAGIC_COOKIE.len()).is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE))
}

/// RFC 2543 §17.2.3: Request-URI, tags, Call-ID, CSeq and top Via. The INVITE leaves the `To` tag out, because its
/// ACK carries the one that we gave it.
fn write_rfc2543(key: &mut Vec<u8>, request: &Request, method: &Method, branch: &str) -> Result<(), ParseError> {
    let from = request.from()?;
    let to = request.to()?;
    let to_tag = if *method == Method::Invite { None } else { to.tag() };
    let _ = write!(
        key,
        "\0{branch}\0{}\0{}\0{}\0{}\0{}",
        request.uri()?,
        from.tag().unwrap_or_default(),
        to_tag.unwrap_or_default(),
        request.call_id()?,
        request.cseq()?.seq,
    );
    Ok(())
}

/// The mark by which a request that arrives by two paths is known (§8.2.2.2): From tag, Call-ID and CSeq of a request
/// without `To` tag. Hashed under the table's random key, which keeps it at eight bytes. `None`: it cannot be merged.
pub(super) fn merge_mark(hasher: &impl BuildHasher, request: &Request) -> Option<u64> {
    // An ACK is no transaction, and a CANCEL follows its INVITE down every path.
    if matches!(request.method, Method::Ack | Method::Cancel) || request.to().ok()?.tag().is_some() {
        return None;
    }
    let from = request.from().ok()?;
    let cseq = request.cseq().ok()?;
    Some(hasher.hash_one((from.tag()?, request.call_id().ok()?, cseq.seq, cseq.method.as_str())))
}
