"""Tokens open what they are for, and nothing where a service has none."""

from processor.api.tokens import is_service, user_of, user_token


def test_a_users_token_names_its_user() -> None:
    """A token is good for the user in it, under the service's own token alone."""
    token = user_token("secret", "jo.doe")

    assert user_of(token, "secret") == "jo.doe"
    assert user_of(token, "another") is None
    assert user_of(token.replace("jo", "ann"), "secret") is None


def test_a_service_without_a_token_opens_to_nobody() -> None:
    """Where the setting is empty, an HMAC under nothing, which anybody can make, is no token."""
    forged = user_token("", "jo")

    assert user_of(forged, "") is None
    assert not is_service("", "")
