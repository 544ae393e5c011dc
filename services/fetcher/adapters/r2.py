"""The raw store in Cloudflare R2, over its S3 API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fetcher.ports import Denied, Invalid, LimitExceeded, NotFound, RawStore, Unavailable
from schemas.limits import R2_KEY_BYTES

TIMEOUT_SECONDS: Final = 30
ATTEMPTS: Final = 4
"""How often a request is sent before the store counts as unavailable; repeating a put stores the same object."""
CONNECTIONS: Final = 16
"""More than the number of threads in a fetcher's pool."""
PAGE_KEYS: Final = 1000
"""Keys per page of a listing: the maximum of the S3 API."""
_DENIED: Final = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Unauthorized"})
_FULL: Final = frozenset({"EntityTooLarge", "QuotaExceeded"})


class R2RawStore(RawStore):
    """Objects in one bucket. Safe to share between threads. R2 guarantees that an object is complete or absent."""

    def __init__(self, *, endpoint_url: str, bucket: str, access_key_id: str, secret_access_key: str) -> None:
        """Use the bucket at the account's `endpoint_url`, `https://<account>.r2.cloudflarestorage.com`."""
        self._bucket = bucket
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            region_name="auto",
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            config=Config(
                signature_version="s3v4",
                connect_timeout=TIMEOUT_SECONDS,
                read_timeout=TIMEOUT_SECONDS,
                max_pool_connections=CONNECTIONS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                # R2 supports only some of the checksums that boto3 adds by default
                # (developers.cloudflare.com/r2, boto3).
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
            ),
        )

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        """Store an object durably. With `if_absent`, return False and change nothing if the object exists."""
        _check(key)
        condition = {"IfNoneMatch": "*"} if if_absent else {}
        try:
            with self._translated(key):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=data, **condition)
        except _Precondition:
            return False
        return True

    def get(self, key: str) -> bytes:
        """Return an object; raise NotFound."""
        _check(key)
        with self._translated(key):
            return bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def head(self, key: str, *, length: int) -> bytes:
        """Return the first `length` bytes of an object, or all of it if it is shorter; raise NotFound."""
        _check(key)
        try:
            with self._translated(key):
                found = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=0-{length - 1}")
                return bytes(found["Body"].read())
        except _EmptyRange:
            return b""

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with `prefix`, page by page, in byte order."""
        more: dict[str, str] = {}
        while True:
            with self._translated(prefix):
                page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=PAGE_KEYS, **more)
            for found in page.get("Contents", ()):
                yield str(found["Key"])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._trouble(error, key) from None
        except (BotoCoreError, OSError):
            raise Unavailable(
                f"R2 does not answer for the bucket {self._bucket}: check the network, then start again."
            ) from None

    def _trouble(self, error: ClientError, key: str) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "PreconditionFailed" or status == 412:
            return _Precondition()
        if code == "InvalidRange" or status == 416:
            return _EmptyRange()
        if code == "NoSuchBucket":
            return Denied(f"The account has no R2 bucket {self._bucket}: correct CLOUDFLARE_R2_BUCKET.")
        if status == 404:
            return NotFound(f"The bucket {self._bucket} has no object {key}.")
        if code in _DENIED or status in (401, 403):
            return Denied(
                f"R2 denies access to the bucket {self._bucket}: correct CLOUDFLARE_R2_ACCESS_KEY_ID and "
                "CLOUDFLARE_R2_SECRET_ACCESS_KEY, and give that key permission to read and write objects."
            )
        if code in _FULL:
            return LimitExceeded(f"The R2 bucket {self._bucket} accepts no more data: check the account's limits.")
        return Unavailable(f"R2 answers {status} for the bucket {self._bucket}: try again later.")


class _Precondition(Exception):
    """The object already exists."""


class _EmptyRange(Exception):
    """There is nothing in the range: the object is empty."""


def _check(key: str) -> None:
    pieces = key.split("/")
    if not all(pieces) or any(piece.startswith(".") or "\0" in piece for piece in pieces):
        raise Invalid("A raw store key must consist of parts joined by /, and no part may start with a dot.")
    if len(key.encode()) > R2_KEY_BYTES:
        raise Invalid(f"An R2 key must be at most {R2_KEY_BYTES} bytes long.")
