"""Published figures: counted from the log, small numbers hidden, cut into editions that never change."""
