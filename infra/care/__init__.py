"""Care of a stack on one server: dumps, restoring them, and PostgreSQL's major versions."""
