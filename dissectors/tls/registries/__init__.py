"""Names of TLS code points (IANA): a module for each registry."""
