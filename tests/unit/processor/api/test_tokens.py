"""A token gives access only to what it is for, and a service without a token gives none."""

from processor.api.tokens import is_service, user_of, user_token


def test_a_users_token_names_its_user() -> None:
    """A user's token is valid only for the user in it and only under the same service token."""
    token = user_token("secret", "jo.doe")

    assert user_of(token, "secret") == "jo.doe"
    assert user_of(token, "another") is None
    assert user_of(token.replace("jo", "ann"), "secret") is None


def test_a_service_without_a_token_opens_to_nobody() -> None:
    """If the setting is empty, an HMAC with an empty key, which anybody can compute, is not a token."""
    forged = user_token("", "jo")

    assert user_of(forged, "") is None
    assert not is_service("", "")
