"""Which protocol a connection speaks."""
