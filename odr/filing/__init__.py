"""Filing a dispute, and its admission."""
