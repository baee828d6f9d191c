"""Who has a desk, who comes in, and lost second factors: what administrators do, each act on the record (ADR 33)."""
