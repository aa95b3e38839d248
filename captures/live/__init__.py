"""Live interfaces: listing, opening and capturing, and giving up root privileges."""
