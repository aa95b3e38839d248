"""Capture files: opening them, walking through their records, merging them by time."""
