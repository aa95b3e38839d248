"""`mailtap plaintext`: who sends mail or passwords in clear."""

from __future__ import annotations
