"""The witness: a small program of its own that somebody independent runs, and that has seen logs only grow."""
