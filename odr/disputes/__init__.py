"""The dispute itself: its one doorway, its lists, its page."""
