"""From captures or an interface to tables: the work that commands start."""
