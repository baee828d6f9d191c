"""Who acts for a side."""
