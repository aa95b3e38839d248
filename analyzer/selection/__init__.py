"""Chooses sessions: by a condition over their columns, or by who and when."""
