"""The messages of the TLS handshake, and what they say."""
