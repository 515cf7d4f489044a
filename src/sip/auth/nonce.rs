//! Nonces that carry their own proof: time, number, and an HMAC over both and the realm. The server keeps none of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Time and number: 16 octets.
const ID_LEN: usize = 16;
/// Half of the HMAC: 128 bits that nobody can guess.
const MAC_LEN: usize = 16;

/// When a nonce was made (seconds since the epoch), and which of that time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NonceId {
    pub issued_s: u64,
    pub serial: u64,
}

/// Makes and knows the nonces of one realm.
pub(super) struct Mint {
    mac: Hmac<Sha256>,
}

impl Mint {
    pub fn new(realm: &str, secret: &[u8; 32]) -> Self {
        // RFC 2104 §2: a key shorter than the hash's block is filled up with zeros; doing so here cannot fail.
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(secret);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        mac.update(realm.as_bytes());
        mac.update(&[0]);
        Mint { mac }
    }

    pub fn write(&self, id: NonceId) -> String {
        let mut bytes = [0; ID_LEN + MAC_LEN];
        bytes[..8].copy_from_slice(&id.issued_s.to_be_bytes());
        bytes[8..ID_LEN].copy_from_slice(&id.serial.to_be_bytes());
        let tag = self.mac.clone().chain_update(&bytes[..ID_LEN]).finalize().into_bytes();
        bytes[ID_LEN..].copy_from_slice(&tag[..MAC_LEN]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None`: not made here with this secret for this realm.
    pub fn read(&self, nonce: &str) -> Option<NonceId> {
        let mut bytes = [0; ID_LEN + MAC_LEN];
        let length = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()?;
        if length != bytes.len() {
            return None;
        }
        let (id, tag) = bytes.split_at(ID_LEN);
        // Constant-time, as the hmac crate does it.
        self.mac.clone().chain_update(id).verify_truncated_left(tag).ok()?;
        let (issued, serial) = id.split_at(8);
        Some(NonceId {
            issued_s: u64::from_be_bytes(issued.try_into().ok()?),
            serial: u64::from_be_bytes(serial.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_untouched_nonces_of_this_realm_and_secret_are_known() {
        let mint = Mint::new("agency", &[7; 32]);
        let id = NonceId { issued_s: 1_700_000_000, serial: 3 };
        let nonce = mint.write(id);
        assert_eq!(mint.read(&nonce), Some(id));
        assert_eq!(Mint::new("agency2", &[7; 32]).read(&nonce), None);
        assert_eq!(Mint::new("agency", &[8; 32]).read(&nonce), None);
        for at in 0..nonce.len() {
            let mut forged = nonce.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(mint.read(std::str::from_utf8(&forged).unwrap()), None, "octet {at}");
        }
        for foreign in ["", "abc", &nonce[1..], &format!("{nonce}AAAA"), "dcd98b7102dd2f0e8b11d0f600bfb0c093"] {
            assert_eq!(mint.read(foreign), None, "{foreign}");
        }
    }
}
