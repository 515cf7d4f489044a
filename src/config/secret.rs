//! A password that does not show itself.

use std::fmt;

/// A password in clear (digest authentication needs it so, RFC 7616 §3.4.2). `Debug` and logs never show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the clear text.
    pub fn new(clear: impl Into<String>) -> Self {
        Secret(clear.into())
    }

    /// The clear text, for the one place that computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_contain_the_password() {
        let shown = format!("{:?}", Secret::new("correct horse"));
        assert!(!shown.contains("horse"), "{shown}");
    }
}
