"""Logins: what they show, what crosses, and what must never be shown."""
