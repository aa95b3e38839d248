"""Messages and their files as files: the only room that writes what people wrote."""
