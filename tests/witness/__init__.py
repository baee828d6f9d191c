"""The witness: what it signs, what it remembers, and that it stays honest however it ends."""
