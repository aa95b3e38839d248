"""Names of TLS code points (IANA)."""
