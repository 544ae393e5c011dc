"""Supabase: whether its key is taken, our schema is exposed, and the migrations are there."""

from collections.abc import Iterator

from infra.config import Settings
from infra.preflight.findings import Finding
from infra.preflight.web import Unreachable, ask
from schemas.migrations import PERMANENT, read_migrations

SCHEMA = "leadminer"
GUIDE = "docs/cloudflare.md, Supabase"


def check_supabase(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong, asking for the version of the schema as a Worker does."""
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
        yield Finding(f"{url} does not answer: {why}", "See that leadminer:supabaseUrl is right and the project runs.")
        return
    if answer.status == 200:
        yield from _version(str(answer.body or ""))
    else:
        yield _refusal(url, answer.status)


def _refusal(url: str, status: int) -> Finding:
    if status in (401, 403):
        return Finding(
            f"{url} answers {status} to supabaseServiceKey.",
            "Take the project's service key (service_role), from Project Settings, API Keys.",
        )
    if status == 406:
        return Finding(f"{url} does not expose the schema {SCHEMA}.", f"Add it to the exposed schemas: {GUIDE}.")
    if status == 404:
        return Finding(f"{url} has no function of ours.", f"Apply the migrations of schemas/permanent: {GUIDE}.")
    return Finding(f"{url} answers {status}.", "Look at the project's state and logs, and try again.")


def _version(found: str) -> Iterator[Finding]:
    newest = read_migrations(PERMANENT)[-1].id
    if found < newest:
        yield Finding(
            f"Supabase's schema is {found or 'none'}, and the Worker of this checkout needs {newest}.",
            f"Apply the migrations that follow: {GUIDE}.",
        )
