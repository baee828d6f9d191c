"""The log: its bytes, its tree, its notes, and the document that describes them."""
