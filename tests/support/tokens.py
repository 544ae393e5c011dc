"""Tokens for tests, always the same, so that they can be parameters of tests that run in parallel."""

from schemas.tokens import TokenScope, make_token

YEAR_2100 = 4_102_444_800


def user_token(secret: str, user: str, *scopes: TokenScope) -> str:
    """Return a user's token with these scopes, or with all of them if none is given."""
    return make_token(secret, user, scopes or TokenScope, YEAR_2100)
