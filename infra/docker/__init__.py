"""The stack on one server: PostgreSQL, Redis, the processors and the fetcher as containers."""
