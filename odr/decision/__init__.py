"""The decision: final words, the reasoned decision, and what both sides say of it."""
