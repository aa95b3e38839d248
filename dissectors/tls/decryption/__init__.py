"""From the secrets of a key log to the plaintext of records."""
