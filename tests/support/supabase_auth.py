"""Supabase Auth as its tokens and keys show it: users with JWTs, and a JWK set at its address."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PROJECT = "https://abc.supabase.example.org"
ISSUER = f"{PROJECT}/auth/v1"
SECRET = "the-old-secret-of-the-project-" + 40 * "x"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_set(**keys: Any) -> list[dict[str, Any]]:
    """Return the public keys as a JWK set has them, by their id."""
    return [jwk(key) | {"kid": kid, "use": "sig"} for kid, key in keys.items()]


def jwk(key: Any) -> dict[str, Any]:
    """Return the public half of a key as a JWK."""
    kind = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return dict(json.loads(kind.to_jwk(key.public_key())))


KEYS = key_set(one=EC_KEY, two=RSA_KEY)


def claims(user: str = "jo", **changes: Any) -> dict[str, Any]:
    """Return the claims of a user that has signed in; a change to None leaves a claim out."""
    found = {"sub": user, "iss": ISSUER, "aud": "authenticated", "exp": time.time() + 3600, "role": "authenticated"}
    return {name: value for name, value in (found | changes).items() if value is not None}


def signed(user: str = "jo", *, key: Any = EC_KEY, algorithm: str = "ES256", kid: str = "one", **changes: Any) -> str:
    """Return a user's token."""
    return jwt.encode(claims(user, **changes), key, algorithm, headers={"kid": kid})


def signed_with_the_public_key(user: str = "jo") -> str:
    """Return a token whose HS256 signature has the public key for a secret: PyJWT refuses to make it."""

    def encoded(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    header = {"alg": "HS256", "typ": "JWT", "kid": "two"}
    message = encoded(json.dumps(header).encode()) + b"." + encoded(json.dumps(claims(user)).encode())
    return (message + b"." + encoded(hmac.digest(PUBLIC_PEM, message, hashlib.sha256))).decode()


def forged(user: str = "jo") -> dict[str, str]:
    """Return tokens that must open nothing, each by what is wrong with it."""
    return {
        "unsigned": jwt.encode(claims(user), None, "none", headers={"kid": "one"}),  # type: ignore[arg-type]
        "signed with the public key": signed_with_the_public_key(user),
        "signed with another key": signed(user, key=OTHER_KEY),
        "signed with another algorithm": signed(user, key=RSA_KEY, algorithm="RS256", kid="one"),
        "PS256": signed(user, key=RSA_KEY, algorithm="PS256", kid="two"),
        "HS256 without a secret": signed(user, key=SECRET, algorithm="HS256"),
        "no such key": signed(user, kid="three"),
        "expired": signed(user, exp=time.time() - 60),
        "without an expiry": signed(user, exp=None),
        "of another issuer": signed(user, iss="https://other.supabase.example.org/auth/v1"),
        "without an issuer": signed(user, iss=None),
        "for another audience": signed(user, aud="anon"),
        "without an audience": signed(user, aud=None),
        "of nobody": signed(user, sub=None),
        "of an empty user": signed(user, sub=""),
        "not yet valid": signed(user, nbf=time.time() + 600),
        "the anonymous key of the project": jwt.encode({"iss": "supabase", "role": "anon"}, SECRET, "HS256"),
    }
