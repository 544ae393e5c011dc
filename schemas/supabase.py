"""How a caller shows its key to Supabase's gateway."""

NEW_KEYS = "sb_"
"""The start of a publishable or secret key (supabase.com/docs/guides/getting-started/api-keys, 2026-11)."""
PUBLISHABLE_KEYS = "sb_publishable_"


def key_headers(key: str) -> dict[str, str]:
    """Return the headers for a key of either kind: a secret key as `apikey` alone, a JWT as bearer token too.

    PostgREST takes the role from the bearer token, and the gateway puts one there for a secret key. As a bearer token,
    a secret key is refused: it is not a JWT.
    """
    return {"apikey": key} if key.startswith(NEW_KEYS) else {"apikey": key, "Authorization": f"Bearer {key}"}
