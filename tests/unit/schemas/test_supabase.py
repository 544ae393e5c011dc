"""A key is sent in the headers in which Supabase's gateway takes its kind."""

from schemas.supabase import key_headers


def test_a_secret_key_goes_alone() -> None:
    """A key of the new kind is no JWT, so it is not sent as one."""
    assert key_headers("sb_secret_x") == {"apikey": "sb_secret_x"}


def test_a_jwt_goes_into_both_headers() -> None:
    """A legacy key says its role as bearer token."""
    assert key_headers("a.b.c") == {"apikey": "a.b.c", "Authorization": "Bearer a.b.c"}
