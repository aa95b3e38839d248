"""Mail connections, and what the dialogues of all protocols share."""
