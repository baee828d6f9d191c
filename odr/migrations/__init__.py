"""Migrations of the database: read-model and people tables; the tables of the log only ever gain."""
