//! Cutting a byte stream into SIP messages (RFC 3261 §18.3).
