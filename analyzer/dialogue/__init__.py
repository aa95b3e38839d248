"""One session as a sequence: who said what, when, and in which packet."""
