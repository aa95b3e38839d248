"""Output for the terminal: tables, lines and JSON documents."""
