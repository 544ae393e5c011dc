"""Who may ask: the service's token opens everything, a user's token that user alone."""

import hashlib
import hmac


def user_token(service_token: str, user: str) -> str:
    """Return the token that is good for one user: `USER.` and an HMAC-SHA256 under the service's token."""
    return f"{user}.{hmac.new(service_token.encode(), user.encode(), hashlib.sha256).hexdigest()}"


def is_service(token: str, service_token: str) -> bool:
    """Say whether this is the service's token, in constant time; a service without one opens to nobody."""
    return bool(service_token) and hmac.compare_digest(token.encode(), service_token.encode())


def user_of(token: str, service_token: str) -> str | None:
    """Return the user whose token this is, or None."""
    user, dot, _ = token.rpartition(".")
    if not dot or not user or not service_token:
        return None
    return user if hmac.compare_digest(token.encode(), user_token(service_token, user).encode()) else None
