"""The replay: whole disputes driven from a file through the doorway, on a simulated clock."""
