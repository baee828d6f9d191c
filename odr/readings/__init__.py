"""Who reads a dispute without being a party to it, and what opening one with a reason takes (ADR 29)."""
