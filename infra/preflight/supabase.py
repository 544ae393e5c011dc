"""Checks Supabase: whether the key is valid, our schema is exposed, and the migrations are applied."""

from collections.abc import Iterator

from infra.config import Settings
from infra.preflight.findings import Finding
from infra.preflight.web import Unreachable, ask
from schemas.migrations import PERMANENT, read_migrations

SCHEMA = "leadminer"
GUIDE = "docs/cloudflare.md, Supabase"


def check_supabase(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong, by asking for the schema's version like a Worker."""
    url, key = settings["supabaseUrl"].rstrip("/"), settings.secrets.get("supabaseServiceKey")
    if not url or not key:
        return
    headers = {
        "apikey": str(key),
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Content-Profile": SCHEMA,
    }
    try:
        answer = ask(f"{url}/rest/v1/rpc/schema_version", headers, body=b"{}")
    except Unreachable as why:
        yield Finding(
            f"Cannot reach Supabase at {url}: {why}",
            "Make sure that leadminer:supabaseUrl is right and the project is running.",
        )
        return
    if answer.status == 200:
        yield from _version(str(answer.body or ""))
    else:
        yield _refusal(url, answer.status)


def _refusal(url: str, status: int) -> Finding:
    if status in (401, 403):
        return Finding(
            f"{url} answered {status} to supabaseServiceKey.",
            "Set it to the project's service key (service_role), from Project Settings, API Keys.",
        )
    if status == 406:
        return Finding(f"{url} does not expose the schema {SCHEMA}.", f"Add it to the exposed schemas: {GUIDE}.")
    if status == 404:
        return Finding(f"{url} lacks our functions.", f"Apply the migrations in schemas/permanent: {GUIDE}.")
    return Finding(f"{url} answered {status}.", "Look at the project's state and logs, and try again.")


def _version(found: str) -> Iterator[Finding]:
    newest = read_migrations(PERMANENT)[-1].id
    if found < newest:
        yield Finding(
            f"Supabase's schema is at {found or 'no version'}, but this checkout's Worker needs {newest}.",
            f"Apply the missing migrations: {GUIDE}.",
        )
