"""The tables: their columns, and how they are built, written and read."""
