"""Notices: which event tells whom, the outbox that cannot lose a notice, and the mail it becomes."""
