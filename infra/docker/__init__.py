"""The stack on one server: PostgreSQL, Redis, processors and fetcher as containers."""
