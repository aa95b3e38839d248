"""With which status commands exit; click uses 2 for wrong use."""

from __future__ import annotations

# something could not be read or written
FAILED = 1
# --fail-on, --fail-on-plaintext
FOUND = 3
# what a shell reports for a command that Ctrl-C ended
INTERRUPTED = 130
