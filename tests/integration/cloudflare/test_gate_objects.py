"""The gate answers S3 requests, really signed by boto3, as R2 does."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.support.cloudflare.local import LocalCloudflare


@pytest.fixture
def local(probe: LocalCloudflare) -> LocalCloudflare:
    """Return the local Cloudflare without any objects."""
    probe.remove_objects(probe.objects())
    return probe


def open_s3(local: LocalCloudflare, **changed: str) -> Any:
    account = local.account
    credentials = {"aws_access_key_id": account.access_key, "aws_secret_access_key": account.secret} | changed
    config = Config(
        retries={"max_attempts": 0}, request_checksum_calculation="when_required", s3={"addressing_style": "path"}
    )
    return boto3.client("s3", endpoint_url=local.gate, region_name="auto", config=config, **credentials)


@pytest.fixture
def s3(local: LocalCloudflare) -> Iterator[Any]:
    """Yield a boto3 client with the account's credentials."""
    with contextlib.closing(open_s3(local)) as client:
        yield client


def status_of(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_objects_come_back_as_they_were_put(s3: Any, local: LocalCloudflare) -> None:
    """PUT, GET, HEAD and a range request round-trip an object."""
    body = bytes(range(256)) * 10
    place = {"Bucket": local.account.bucket, "Key": "a b/ü+1-2"}

    s3.put_object(**place, Body=body)

    assert s3.get_object(**place)["Body"].read() == body
    assert s3.get_object(**place, Range="bytes=10-19")["Body"].read() == body[10:20]
    assert s3.head_object(**place)["ContentLength"] == len(body)
    assert local.objects() == ["a b/ü+1-2"]


def test_an_object_is_put_only_if_absent(s3: Any, local: LocalCloudflare) -> None:
    """With `If-None-Match: *`, putting an existing object gets 412 and changes nothing."""
    place = {"Bucket": local.account.bucket, "Key": "plan"}
    s3.put_object(**place, Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError) as refused:
        s3.put_object(**place, Body=b"second", IfNoneMatch="*")

    assert status_of(refused) == 412
    assert s3.get_object(**place)["Body"].read() == b"first"


def test_listing_goes_on_where_it_stopped(s3: Any, local: LocalCloudflare) -> None:
    """LIST v2 returns pages of keys under a prefix, each with a token for the next page."""
    keys = [f"m/{number}&<" for number in range(5)]
    for key in [*keys, "other"]:
        s3.put_object(Bucket=local.account.bucket, Key=key, Body=b"")

    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=local.account.bucket, Prefix="m/", PaginationConfig={"PageSize": 2}
    )
    found = [[item["Key"] for item in page["Contents"]] for page in pages]

    assert found == [keys[:2], keys[2:4], keys[4:]]


def test_objects_are_deleted_one_by_one_and_many_at_once(s3: Any, local: LocalCloudflare) -> None:
    """DELETE and multi-delete remove objects, and a missing object is not an error."""
    for key in ("a&b", "b", "c"):
        s3.put_object(Bucket=local.account.bucket, Key=key, Body=b"")

    s3.delete_object(Bucket=local.account.bucket, Key="c")
    objects = [{"Key": key} for key in ("a&b", "b", "not there")]
    answer = s3.delete_objects(Bucket=local.account.bucket, Delete={"Objects": objects})

    assert [deleted["Key"] for deleted in answer["Deleted"]] == ["a&b", "b", "not there"]
    assert local.objects() == []


def test_a_missing_object_or_bucket_is_404(s3: Any, local: LocalCloudflare) -> None:
    """The error has S3's own code."""
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=local.account.bucket, Key="missing")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket="another", Key="missing")


def test_a_deletion_takes_a_thousand_keys(s3: Any, local: LocalCloudflare) -> None:
    """A deletion of 1,000 keys succeeds, and one of 1,001 is refused, as in S3."""
    objects = [{"Key": str(number)} for number in range(1001)]
    s3.delete_objects(Bucket=local.account.bucket, Delete={"Objects": objects[:1000]})

    with pytest.raises(ClientError) as refused:
        s3.delete_objects(Bucket=local.account.bucket, Delete={"Objects": objects})

    assert status_of(refused) == 400


def test_head_says_what_is_missing(s3: Any, local: LocalCloudflare) -> None:
    """HEAD of a missing object gets 404."""
    with pytest.raises(ClientError) as missing:
        s3.head_object(Bucket=local.account.bucket, Key="missing")

    assert status_of(missing) == 404


def signed(local: LocalCloudflare, *, body: bytes = b"body") -> AWSRequest:
    """Return a PUT request signed by boto3."""
    account = local.account
    request = AWSRequest("PUT", f"{local.gate}/{account.bucket}/x", data=body)
    request.headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    S3SigV4Auth(Credentials(account.access_key, account.secret), "s3", "auto").add_auth(request)
    return request


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"content": b"another"}, 400),
        ({"path": "y"}, 403),
        ({"path": "x?more=1"}, 403),
        ({"method": "DELETE"}, 403),
        ({"x-amz-date": "20200101T000000Z"}, 403),
        ({"authorization": ""}, 403),
    ],
    ids=["nothing", "body", "key", "query", "method", "date", "signature"],
)
def test_what_is_changed_after_signing_is_refused(local: LocalCloudflare, change: dict[str, Any], status: int) -> None:
    """The signature covers method, key, query, date and body; an unchanged request passes."""
    request = signed(local)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    changed = {name: value for name, value in change.items() if name in ("x-amz-date", "authorization")}

    answer = httpx.request(
        change.get("method", "PUT"),
        f"{local.gate}/{local.account.bucket}/{change.get('path', 'x')}",
        content=change.get("content", b"body"),
        headers=headers | changed,
    )

    assert answer.status_code == status
    assert local.objects() == (["x"] if status == 200 else [])


@pytest.mark.parametrize("wrong", ["aws_access_key_id", "aws_secret_access_key"])
def test_a_wrong_signature_is_refused(local: LocalCloudflare, wrong: str) -> None:
    """A signature with a wrong access key or secret is refused."""
    with contextlib.closing(open_s3(local, **{wrong: "another"})) as client, pytest.raises(ClientError) as refused:
        client.put_object(Bucket=local.account.bucket, Key="x", Body=b"")

    assert status_of(refused) == 403
    assert local.objects() == []
