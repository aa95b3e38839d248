"""From the events of one connection to its rows."""
