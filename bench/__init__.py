"""Timed runs. Every figure is a ratio of two things measured side by side in one run; none is a bare time."""
