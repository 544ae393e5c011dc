"""Checks Supabase: whether the key is valid, our schema is exposed, and the migrations are applied."""

from collections.abc import Iterator

from infra.config import Settings
from infra.preflight.findings import Finding
from infra.preflight.web import Unreachable, ask
from schemas.migrations import PERMANENT, read_migrations
from schemas.supabase import PUBLISHABLE_KEYS, key_headers

SCHEMA = "leadminer"
GUIDE = "docs/cloudflare.md, Supabase"
KEY_FIX = "Set it to a secret key (sb_secret_…) or the legacy service_role key, from Project Settings, API Keys."


def check_supabase(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong, by asking for the schema's version like a Worker."""
    url, key = settings["supabaseUrl"].rstrip("/"), settings.secrets.get("supabaseServiceKey")
    if not url or not key:
        return
    if str(key).startswith(PUBLISHABLE_KEYS):
        yield Finding("supabaseServiceKey is a publishable key, which cannot write.", KEY_FIX)
        return
    headers = {"Content-Type": "application/json", "Content-Profile": SCHEMA, **key_headers(str(key))}
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
            KEY_FIX,
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
