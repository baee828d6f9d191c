"""The rules of procedure, pure: what the facts are, what they change, who may act, and until when."""
