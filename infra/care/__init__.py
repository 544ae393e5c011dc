"""Maintenance of a stack on one server: dumps, restores, and PostgreSQL's major versions."""
