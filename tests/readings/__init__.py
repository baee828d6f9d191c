"""Who reads a dispute without being a party to it."""
