"""A schema with all its migrations applied, as text for reviews; the text is the same on PostgreSQL 15 to 18.

`python -m tests.support.catalog` rewrites the snapshots.
"""

import asyncio
from pathlib import Path

import psycopg

from processor.adapters.container.migrate import migrate
from schemas.migrations import MINING_POSTGRES, PERMANENT, read_migrations
from tests.support.servers import Postgres

SNAPSHOTS = Path(__file__).parents[1] / "contract" / "schemas"
SCHEMAS = {"permanent": (PERMANENT, "leadminer"), "mining": (MINING_POSTGRES, "public")}
"""By the snapshot's name: the folder of the migrations and the schema that they create."""

_QUERIES = {
    "tables": """
        SELECT relname, CASE relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' END,
            CASE WHEN relrowsecurity THEN 'row-level security' END
        FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'v', 'm', 'S')""",
    "columns": """
        SELECT relname || '.' || attname, format_type(atttypid, atttypmod),
            CASE WHEN attcollation NOT IN (0, 100) THEN 'collate ' || attcollation::regcollation::text END,
            CASE WHEN attnotnull THEN 'not null' END,
            CASE attgenerated WHEN 's' THEN 'generated ' ELSE 'default ' END || pg_get_expr(adbin, adrelid),
            CASE attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'v', 'm', 'c') AND attnum > 0""",
    # Since PostgreSQL 18, NOT NULL is also a constraint; it is listed with the columns instead.
    "constraints": """
        SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace AND contype <> 'n'""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = %(schema)s",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = %(schema)s",
    "functions": """
        SELECT proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')',
            pg_get_function_result(pg_proc.oid), lanname,
            CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
            CASE WHEN prosecdef THEN 'security definer' END, array_to_string(proconfig, ', ')
        FROM pg_proc JOIN pg_language ON pg_language.oid = prolang WHERE pronamespace = %(schema)s::regnamespace""",
    "policies": """
        SELECT tablename || '.' || policyname, cmd, array_to_string(roles, ', '), qual, with_check
        FROM pg_policies WHERE schemaname = %(schema)s""",
    "grants": """
        WITH objects (name, owner, acl) AS (
            SELECT relname, relowner, relacl FROM pg_class WHERE relnamespace = %(schema)s::regnamespace
            UNION ALL SELECT proname || '()', proowner, coalesce(proacl, acldefault('f', proowner))
            FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace
            UNION ALL SELECT 'schema', nspowner, nspacl FROM pg_namespace
            WHERE oid = %(schema)s::regnamespace AND nspname <> 'public'
        )
        SELECT name, coalesce(nullif(grantee, 0)::regrole::text, 'public'),
            string_agg(lower(privilege_type), ', ' ORDER BY privilege_type)
        FROM objects, aclexplode(acl) WHERE grantee <> owner GROUP BY name, grantee""",
}


def describe_schema(conninfo: str, schema: str) -> str:
    """Return a schema's tables, columns, constraints, indexes, views, functions, policies and grants, one per line."""
    out = []
    with psycopg.connect(conninfo) as connection:
        for title, query in _QUERIES.items():
            rows = connection.execute(query.encode(), {"schema": schema}).fetchall()
            lines = sorted(
                " | ".join(" ".join(str(field).split()) for field in row if field is not None) for row in rows
            )
            out.append("\n".join([f"# {title}", *lines]) + "\n")
    return "\n".join(out)


def take_snapshot(server: Postgres, name: str) -> str:
    """Return a snapshot's text: the migrations with their checksums, and the schema that they create."""
    folder, schema = SCHEMAS[name]
    conninfo = server.fresh_database()
    asyncio.run(migrate(conninfo, folder, schema=schema))
    history = "\n".join(f"{migration.id} | {migration.checksum}" for migration in read_migrations(folder))
    return f"# migrations\n{history}\n\n{describe_schema(conninfo, schema)}"


def main() -> None:
    """Write all snapshots."""
    with Postgres() as server:
        for name in SCHEMAS:
            (SNAPSHOTS / f"{name}.txt").write_text(take_snapshot(server, name))


if __name__ == "__main__":
    main()
