"""From link layers and tunnels to the IP packets inside."""
