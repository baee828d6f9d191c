"""The seller's answer."""
