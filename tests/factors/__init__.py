"""The people room, tested."""
