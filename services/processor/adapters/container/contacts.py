"""The permanent side in PostgreSQL: the functions of schema `leadminer`, called by name over a pool."""

import json
from typing import Any

from processor.adapters.container.pool import ERRORS, Pool, translate

SELECTED: dict[str, str] = {
    "user_id": "text",
    "words": "text[]",
    "tag": "text",
    "source_name": "text",
    "since": "date",
    "mining": "uuid",
}
FUNCTIONS: dict[str, dict[str, str]] = {
    "begin_mining": {
        "mining": "uuid",
        "user_id": "text",
        "source": "text",
        "source_name": "text",
        "own_addresses": "text[]",
        "reference_date": "date",
    },
    "apply_refined_chunk": {"mining": "uuid", "chunk": "integer", "part": "integer", "contacts": "jsonb"},
    "finish_mining": {"mining": "uuid", "ledger": "jsonb", "receipt": "jsonb"},
    "fail_mining": {"mining": "uuid", "ledger": "jsonb", "receipt": "jsonb"},
    "mining_record": {"user_id": "text", "mining": "uuid"},
    "mining_records": {"user_id": "text", "page_size": "integer"},
    "find_contacts": SELECTED | {"ordered_by": "text", "after": "jsonb", "page_size": "integer"},
    "count_contacts": SELECTED,
    "contact": {"user_id": "text", "address": "text"},
    "erase_user": {"user_id": "text"},
    "erase_contact": {"user_id": "text", "address": "text"},
    "address_state": {"user_id": "text", "address": "text"},
    "suppressed": {"user_id": "text"},
    "allow_contact": {"user_id": "text", "address": "text"},
    "schema_version": {},
}
"""The functions that can be called, with their arguments' types. Every argument is required."""

_STATEMENTS = {
    name: "SELECT leadminer.{}({})".format(
        name, ", ".join(f"{key} => %({key})s::{kind}" for key, kind in kinds.items())
    )
    for name, kinds in FUNCTIONS.items()
}


class PostgresContactStore:
    """`ContactStore` on a pool. Each call is one statement and therefore one transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def call(self, function: str, **arguments: Any) -> Any:
        """Run one function and return its result as JSON values.

        A string for a `jsonb` argument is taken as JSON text. Raises TypeError for an unknown function or argument,
        Unavailable if the database does not answer, and LimitExceeded if a value is too large for it.
        """
        kinds = FUNCTIONS.get(function)
        if kinds is None or kinds.keys() != arguments.keys():
            raise TypeError(f"no such function with these arguments: {function}({', '.join(arguments)})")
        sent = {key: _dump(value) if kinds[key] == "jsonb" else value for key, value in arguments.items()}
        try:
            async with self._pool.connection() as connection:
                row = await (await connection.execute(_STATEMENTS[function].encode(), sent)).fetchone()
        except ERRORS as error:
            raise translate(error) from error
        return row[0] if row else None


def _dump(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
