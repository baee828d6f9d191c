"""The log: entries nobody can alter unseen, the tree over them, and the checkpoints that are signed."""
