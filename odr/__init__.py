"""Evenhand, an independent place where buyer and seller end a dispute: the version, nothing else."""

__version__ = "0.1.0"
