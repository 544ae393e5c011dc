"""Checks the R2 keys against its S3 API, with a signed request that only lists a bucket."""

import datetime
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from infra.cloudflare.place import Place
from infra.config import Settings
from infra.naming import CloudflareNames
from infra.preflight.findings import Finding
from infra.preflight.web import Unreachable, ask

REGION, SERVICE = "auto", "s3"
QUERY = "list-type=2&max-keys=1"
ENDPOINT = "CLOUDFLARE_R2_ENDPOINT"
_NOTHING = hashlib.sha256(b"").hexdigest()


def check_storage(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is wrong with the keys. A missing bucket is fine: the deployment creates it."""
    key, secret = (settings.secrets.get(name) for name in ("r2AccessKeyId", "r2SecretAccessKey"))
    if settings["fetcher"] != "host" or not key or not secret or not settings["environment"]:
        return
    place = Place.of(settings)
    endpoint = environ.get(ENDPOINT) or place.r2_endpoint or f"https://{place.account_id}.r2.cloudflarestorage.com"
    url = f"{endpoint.rstrip('/')}/{CloudflareNames(settings['environment']).bucket}?{QUERY}"
    try:
        answer = ask(url, sign(url, str(key), str(secret), datetime.datetime.now(datetime.UTC)))
    except Unreachable as why:
        yield Finding(f"Cannot reach R2: {why}", "Make sure this machine can reach it over HTTPS.")
        return
    if answer.status not in (200, 404):
        yield Finding(
            f"R2 answered {answer.status} to r2AccessKeyId and r2SecretAccessKey.",
            "Create an R2 token that can read and write objects of this bucket, in the dashboard under R2, API Tokens, "
            "and set both of its values.",
        )


def sign(url: str, key: str, secret: str, at: datetime.datetime) -> dict[str, str]:
    """Return the headers that sign a GET (AWS Signature Version 4); the query must be sorted by name."""
    parts = urlsplit(url)
    moment = f"{at:%Y%m%dT%H%M%SZ}"
    scope = f"{at:%Y%m%d}/{REGION}/{SERVICE}/aws4_request"
    signed = {"host": parts.netloc, "x-amz-content-sha256": _NOTHING, "x-amz-date": moment}
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    names = ";".join(signed)
    request = "\n".join(["GET", parts.path, parts.query, lines, names, _NOTHING])
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    mac = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        mac = hmac.digest(mac, part.encode(), "sha256")
    credential = f"Credential={key}/{scope}, SignedHeaders={names}, Signature={mac.hex()}"
    return {name: value for name, value in signed.items() if name != "host"} | {
        "Authorization": f"AWS4-HMAC-SHA256 {credential}"
    }
