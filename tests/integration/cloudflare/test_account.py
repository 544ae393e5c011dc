"""The stand-ins for a Cloudflare account and its provider are as strict as the real ones and run what is declared."""

import base64
import hashlib
import json
import ssl
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pulumi.runtime.rpc import UNKNOWN

from infra.config import judge
from infra.preflight.account import check_account
from tests.infra.golden import FOLDER
from tests.support.cloudflare.account import CloudflareAccount
from tests.support.cloudflare.packages import Pieces
from tests.support.pulumi.cloudflare_provider import CloudflareProvider
from tests.support.pulumi.provider import Kind, Properties, Refused

ACCOUNT = "0123456789abcdef0123456789abcdef"
WORKER = "a-worker"
MAIN = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(self.env.GREETING)
"""


def text(name: str, value: str) -> dict[str, str]:
    return {"name": name, "type": "plain_text", "text": value}


@pytest.fixture(scope="module")
def account(pieces: Pieces) -> Iterator[CloudflareAccount]:
    """Yield an account."""
    with CloudflareAccount(pieces, WORKER) as account:
        yield account


@pytest.fixture
def kinds(account: CloudflareAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Kind]]:
    """Yield the provider's kinds of resources by name."""
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    provider = CloudflareProvider()
    yield {name.rpartition(":")[2]: kind for name, kind in provider.kinds({}).items()}
    provider.close()


@pytest.fixture
def script(sdk: Path) -> Properties:
    """Return a small Worker's inputs."""
    files = {}
    for path in sorted(each for each in sdk.rglob("*") if each.is_file() and each.suffix != ".pyc"):
        data = path.read_bytes()
        code = path.suffix in (".js", ".mjs") and "workers" in path.parts
        files[f"python_modules/{path.relative_to(sdk).as_posix()}"] = {
            "contentType": "application/javascript+module" if code else "application/octet-stream",
            "contentBase64": base64.b64encode(data).decode(),
            "contentSha256": hashlib.sha256(data).hexdigest(),
        }
    declared = inputs_of("processor/script")
    own = {"scriptName": WORKER, "mainModule": "main.py", "content": MAIN, "files": files}
    return declared | own | {"bindings": [text("GREETING", "hello")]}


def inputs_of(path: str) -> Properties:
    golden = json.loads((FOLDER / "staging.json").read_text("utf-8"))
    inputs: Properties = golden[f"cloudflare/{path}"]["inputs"]
    return inputs


RESOURCES = {
    "D1Database": "mining-database/database",
    "Queue": "job-queue/queue",
    "QueueConsumer": "consumers/jobs",
    "R2Bucket": "raw-bucket/bucket",
    "R2BucketLifecycle": "raw-bucket/lifecycle",
    "WorkersCronTrigger": "processor/cron",
    "WorkersScriptSubdomain": "processor/subdomain",
}


@pytest.mark.parametrize(("kind", "path"), RESOURCES.items())
def test_what_the_stack_declares_is_taken(kinds: Mapping[str, Kind], kind: str, path: str) -> None:
    """The golden graph's inputs have no faults."""
    assert kinds[kind].check(inputs_of(path)) == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("D1Database", {"readReplication": None}),
        ("D1Database", {"readReplication": {"mode": "auto"}}),
        ("D1Database", {"primaryLocationHint": "weur"}),
        ("Queue", {"queueName": "Mining_Queue"}),
        ("Queue", {"settings.messageRetentionPeriod": 30}),
        ("Queue", {"settings.deliveryDelay": None}),
        ("QueueConsumer", {"settings.batchSize": 101}),
        ("QueueConsumer", {"settings.batchSize": "10"}),
        ("QueueConsumer", {"settings.maxWaitTimeMs": 60_001}),
        ("QueueConsumer", {"settings.maxRetries": 101}),
        ("QueueConsumer", {"settings.visibilityTimeoutMs": 1000}),
        ("QueueConsumer", {"type": "http_pull"}),
        ("R2Bucket", {"name": "a_bucket"}),
        ("R2Bucket", {"location": "mars"}),
        ("R2Bucket", {"publicAccess": True}),
        ("R2BucketLifecycle", {"rules": [{"id": "all", "enabled": True}]}),
        ("WorkersCronTrigger", {"schedules": [{"cron": "now"}]}),
        ("WorkersScriptSubdomain", {"enabled": "true"}),
    ],
)
def test_what_the_api_refuses_is_refused(kinds: Mapping[str, Kind], kind: str, change: Mapping[str, Any]) -> None:
    """Inputs with a wrong type, value or name are refused, and none is ignored."""
    inputs = deepcopy(inputs_of(RESOURCES[kind]))
    for path, value in change.items():
        *places, name = path.split(".")
        part = inputs[places[0]] if places else inputs
        part |= {name: value}
        if value is None:
            del part[name]

    faults = kinds[kind].check(inputs)

    [path] = change
    assert faults
    assert all(path.partition(".")[0] in fault for fault in faults)


def test_what_is_not_known_yet_has_no_fault(kinds: Mapping[str, Kind]) -> None:
    """In a preview, an id that is not known yet is not a fault."""
    assert kinds["QueueConsumer"].check(inputs_of("consumers/jobs") | {"queueId": UNKNOWN}) == []


def test_a_script_is_checked_to_its_modules(kinds: Mapping[str, Kind], script: Properties) -> None:
    """Files must match their digests, and bindings need distinct names and known types."""
    wrong = deepcopy(script)
    next(iter(wrong["files"].values()))["contentSha256"] = "0" * 64

    digests = kinds["WorkersScript"].check(wrong)
    doubles = kinds["WorkersScript"].check(script | {"bindings": [text("A", "1"), text("A", "2")]})
    unknown = kinds["WorkersScript"].check(script | {"bindings": [{"name": "A", "type": "kv_namespace", "id": "1"}]})

    assert kinds["WorkersScript"].check(script) == []
    assert "digest" in digests[0]
    assert "same name" in doubles[0]
    assert "kv_namespace" in unknown[0]


def test_what_is_bound_or_consumed_has_to_be_there(kinds: Mapping[str, Kind], script: Properties) -> None:
    """References to missing resources and duplicate names are refused."""
    queue = inputs_of("job-queue/queue") | {"queueName": "some-jobs"}
    identity, _ = kinds["Queue"].create(queue)
    consumer = inputs_of("consumers/jobs") | {"queueId": identity, "scriptName": WORKER}
    bound = script | {"bindings": [{"name": "JOBS", "type": "queue", "queueName": "other-jobs"}]}

    with pytest.raises(Refused, match="other-jobs"):
        kinds["WorkersScript"].create(bound)
    with pytest.raises(Refused, match="mining-queue-staging-dead"):
        kinds["QueueConsumer"].create(consumer)
    with pytest.raises(Refused, match=WORKER):
        kinds["WorkersCronTrigger"].create(inputs_of("processor/cron") | {"scriptName": WORKER})
    with pytest.raises(Refused, match="two queues"):
        kinds["Queue"].create(queue)
    kinds["Queue"].delete(identity, {})
    assert not kinds["Queue"].read(identity, {})


def test_a_bucket_is_seen_in_its_jurisdiction_and_goes_when_it_is_empty(
    kinds: Mapping[str, Kind], account: CloudflareAccount
) -> None:
    """Another jurisdiction's endpoint does not see the bucket, and only an empty bucket can be deleted."""
    bucket = inputs_of("raw-bucket/bucket") | {"name": "some-mail"}
    kinds["R2Bucket"].create(bucket)

    with pytest.raises(Refused, match="in default"):
        kinds["R2BucketLifecycle"].create(
            inputs_of("raw-bucket/lifecycle") | {"bucketName": "some-mail", "jurisdiction": "default"}
        )
    there, elsewhere = put(account, "eu.", "/some-mail/an-object"), put(account, "", "/some-mail/an-object")
    with pytest.raises(Refused, match="not empty"):
        kinds["R2Bucket"].delete("some-mail", {})

    assert there.status_code == 200
    assert (elsewhere.status_code, "NoSuchBucket" in elsewhere.text) == (404, True)
    assert account.objects("some-mail") == ["an-object"]


def test_a_worker_answers_where_it_is_declared_with_what_is_declared(
    kinds: Mapping[str, Kind], account: CloudflareAccount, script: Properties
) -> None:
    """The Worker is served at workers.dev while enabled; new code replaces the old, unless it fails to start."""
    host = f"{WORKER}.{account.credentials.subdomain}.workers.dev"
    at_workers_dev = inputs_of("processor/subdomain") | {"scriptName": WORKER}

    kinds["WorkersScript"].create(script)
    before = call(account, host)
    kinds["WorkersScriptSubdomain"].create(at_workers_dev)
    first = call(account, host)
    kinds["WorkersScript"].update(WORKER, script | {"bindings": [text("GREETING", "good day")]}, {})
    second = call(account, host)
    with pytest.raises(Refused):
        kinds["WorkersScript"].update(WORKER, script | {"content": "import what_is_not_there"}, {})
    third = call(account, host)
    with pytest.raises(Refused, match=f"no script {WORKER}"):
        kinds["WorkersScript"].delete(WORKER, {})
    kinds["WorkersScriptSubdomain"].delete(WORKER, {})
    kinds["WorkersScript"].delete(WORKER, {})

    assert before.status_code == 404
    assert [first.text, second.text, third.text] == ["hello", "good day", "good day"]
    assert call(account, host).status_code == 404


def test_a_token_is_good_for_what_it_is_for(account: CloudflareAccount) -> None:
    """A fetcher's token has access to queues, but not to databases or to the declared resources."""
    own = account.credentials
    api = f"{account.url}/client/v4/accounts/{own.account}"
    headers = {"authorization": f"Bearer {own.queue_token}"}

    queues = httpx.get(f"{api}/queues", headers=headers)
    database = httpx.post(f"{api}/d1/database/any/query", headers=headers, json={"sql": "SELECT 1"})
    resources = httpx.get(f"{account.url}/resources/scripts", headers=headers)

    assert [queues.status_code, database.status_code, resources.status_code] == [200, 403, 403]


def test_preflight_finds_what_a_token_may(account: CloudflareAccount) -> None:
    """Preflight accepts the deployment's token, and names what a fetcher's token or an unknown one cannot access."""
    own = account.credentials
    wrong = [preflight(account, token) for token in (own.token, own.queue_token, "another")]

    assert wrong[0] == []
    assert [each.split()[-1] for each in wrong[1]] == ["d1/database.", "r2/buckets.", "workers/scripts."]
    assert wrong[2] == ["CLOUDFLARE_API_TOKEN is not valid."]


def test_lists_have_what_is_declared(account: CloudflareAccount, kinds: Mapping[str, Kind]) -> None:
    """A bucket is listed only in its jurisdiction."""
    own = account.credentials
    kinds["R2Bucket"].create(inputs_of("raw-bucket/bucket") | {"name": "other-mail"})
    headers = {"authorization": f"Bearer {own.token}"}
    url = f"{account.url}/client/v4/accounts/{own.account}/r2/buckets"

    everywhere = httpx.get(url, headers=headers).json()["result"]["buckets"]
    in_europe = httpx.get(url, headers={**headers, "cf-r2-jurisdiction": "eu"}).json()["result"]["buckets"]
    kinds["R2Bucket"].delete("other-mail", {})

    assert {"name": "other-mail"} in in_europe
    assert {"name": "other-mail"} not in everywhere


def preflight(account: CloudflareAccount, token: str) -> list[str]:
    """Return preflight's problems with the account for a token."""
    own = account.credentials
    plain = {"mode": "cloudflare", "accountId": own.account, "workersSubdomain": own.subdomain}
    environ = {**account.variables, "CLOUDFLARE_API_TOKEN": token}
    return [each.problem for each in check_account(judge("staging", plain, {}, {})[0], environ)]


def call(account: CloudflareAccount, host: str, path: str = "/", method: str = "GET", **given: Any) -> httpx.Response:
    """Send a request to a public host name."""
    trust = ssl.create_default_context()
    account.authority.configure_trust(trust)
    headers = {**given.pop("headers", {}), "host": host}
    url = f"https://127.0.0.1:{account.port}{path}"
    with httpx.Client(verify=trust, timeout=60) as client:
        return client.request(method, url, headers=headers, extensions={"sni_hostname": host}, **given)


def put(account: CloudflareAccount, place: str, path: str) -> httpx.Response:
    """Put an object through the S3 API, signed as boto3 does."""
    host = f"{ACCOUNT}.{place}r2.cloudflarestorage.com"
    request = AWSRequest("PUT", f"https://{host}{path}", data=b"mail")
    own = account.credentials
    S3SigV4Auth(Credentials(own.access_key, own.secret), "s3", "auto").add_auth(request)
    return call(account, host, path, "PUT", headers=dict(request.headers), content=b"mail")
