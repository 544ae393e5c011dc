"""Access tokens: the service's token gives access to every user, a user's token only to that user."""

import hashlib
import hmac


def user_token(service_token: str, user: str) -> str:
    """Return a user's token: `USER.` and an HMAC-SHA256 of the user, keyed with the service's token."""
    return f"{user}.{hmac.new(service_token.encode(), user.encode(), hashlib.sha256).hexdigest()}"


def is_service(token: str, service_token: str) -> bool:
    """Return whether this is the service's token, compared in constant time; always False if the service has none."""
    return bool(service_token) and hmac.compare_digest(token.encode(), service_token.encode())


def user_of(token: str, service_token: str) -> str | None:
    """Return the user that this token belongs to, or None."""
    user, dot, _ = token.rpartition(".")
    if not dot or not user or not service_token:
        return None
    return user if hmac.compare_digest(token.encode(), user_token(service_token, user).encode()) else None
