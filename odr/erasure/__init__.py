"""Erasure: a copy of one's data, having one's words erased, and holds that keep them."""
