"""What the house promises, told as sentences that are checked."""
