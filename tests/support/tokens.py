"""Tokens for tests, valid for an hour."""

import time

from schemas.tokens import TokenScope, make_token


def user_token(secret: str, user: str, *scopes: TokenScope) -> str:
    """Return a user's token with these scopes, or with all of them if none is given."""
    return make_token(secret, user, scopes or TokenScope, time.time() + 3600)
