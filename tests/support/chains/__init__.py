"""Certificate chains with faults of every kind."""
