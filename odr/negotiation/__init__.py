"""Offers, and what accepting one does."""
