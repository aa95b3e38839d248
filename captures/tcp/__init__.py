"""From segments to ordered streams: connections and their two flows."""
