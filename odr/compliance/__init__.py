"""Compliance: whether what was promised or granted was done, and what both sides thought of the procedure."""
