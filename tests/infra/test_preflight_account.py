"""Preflight finds wrong tokens and keys, and names the missing permission."""

import datetime
from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.config import Settings, judge
from infra.preflight.account import PRODUCTS, check_account
from infra.preflight.storage import check_storage, sign
from infra.preflight.supabase import check_supabase
from tests.support.cloudflare_account import ACCOUNT, LISTS, ZONE, CloudflareAccount, Token, refuse
from tests.support.permanent import PermanentDatabases
from tests.support.postgrest import JWT_KEY, SERVICE_KEY, Fault, PostgRest

PLAIN = {
    "mode": "cloudflare",
    "environment": "prod",
    "accountId": ACCOUNT,
    "workersSubdomain": "example",
    "fetcherHost": "unix:///var/run/docker.sock",
}
SECRETS = {
    "fetcherApiToken": "good",
    "r2AccessKeyId": "key",
    "r2SecretAccessKey": "secret",
    "supabaseServiceKey": SERVICE_KEY,
}


@pytest.fixture
def account() -> Iterator[CloudflareAccount]:
    """Yield an account with one token that has every permission."""
    with CloudflareAccount({"good": Token()}) as started:
        yield started


def settings(**changed: str) -> Settings:
    plain = {name: value for name, value in (PLAIN | changed).items() if name not in SECRETS}
    return judge("production", plain, SECRETS | {n: v for n, v in changed.items() if n in SECRETS}, {})[0]


def environment(account: CloudflareAccount, token: str = "good") -> dict[str, str]:
    return {"CLOUDFLARE_BASE_URL": f"{account.url}/client/v4", "CLOUDFLARE_API_TOKEN": token}


def findings(account: CloudflareAccount, token: str = "good", **changed: str) -> list[tuple[str, str]]:
    found = check_account(settings(**changed), environment(account, token))
    return [(each.problem, each.fix) for each in found]


def test_a_good_token_is_enough(account: CloudflareAccount) -> None:
    """A valid token has no findings, whether it is a user's or the account's own."""
    account.tokens["own"] = Token(of_account=True)

    assert findings(account) == []
    assert findings(account, "own") == []


def test_a_missing_token_names_all_that_it_needs(account: CloudflareAccount) -> None:
    """A missing token is reported with all permissions it needs, before any request."""
    ((problem, fix),) = findings(account, "")

    assert problem == "CLOUDFLARE_API_TOKEN is not set."
    assert all(permission in fix for permission in PRODUCTS.values())
    assert account.seen == []


@pytest.mark.parametrize("status", [None, "expired", "disabled"])
def test_a_token_that_is_no_good_is_all_that_is_said(account: CloudflareAccount, status: str | None) -> None:
    """For an unknown, expired or disabled token, nothing else is checked."""
    if status:
        account.tokens["bad"] = Token(status)

    assert [problem for problem, _ in findings(account, "bad")] == ["CLOUDFLARE_API_TOKEN is not valid."]


@pytest.mark.parametrize("product", LISTS)
def test_a_missing_permission_is_named(account: CloudflareAccount, product: str) -> None:
    """A missing permission is reported by its name in the dashboard."""
    account.tokens["less"] = Token(may=tuple(each for each in LISTS if each != product))

    ((problem, fix),) = findings(account, "less", fetcherApiToken="less" if product != "queues" else "good")

    assert problem == f"CLOUDFLARE_API_TOKEN cannot access {product}."
    assert f"Give it the permission {PRODUCTS[product]}," in fix


def test_all_that_is_missing_is_said_at_once(account: CloudflareAccount) -> None:
    """All missing permissions are reported at once."""
    account.tokens["nothing"] = Token(may=())

    assert len(findings(account, "nothing")) == len(PRODUCTS)


def test_an_account_that_is_not_there_is_said_once(account: CloudflareAccount) -> None:
    """A wrong account id is reported once, not once per product."""
    ((problem, _),) = findings(account, accountId="9" * 32)

    assert problem == f"CLOUDFLARE_API_TOKEN cannot find the account {'9' * 32}."


def test_r2_that_is_switched_off_is_no_missing_permission(account: CloudflareAccount) -> None:
    """An account without R2 is told to enable it, not to change the token."""
    account.answers[f"accounts/{ACCOUNT}/r2/buckets"] = refuse(403, 10042)

    ((problem, _),) = findings(account)

    assert problem == "R2 is not enabled in this account."


def test_the_fetchers_token_has_to_reach_the_queues(account: CloudflareAccount) -> None:
    """The fetcher's token needs the queues permission, and no other."""
    account.tokens |= {"queues": Token(may=("queues",)), "none": Token(may=())}

    assert findings(account, fetcherApiToken="queues") == []
    ((problem, _),) = findings(account, fetcherApiToken="none")
    assert problem == "fetcherApiToken cannot access queues."


def test_a_wrong_subdomain_is_corrected(account: CloudflareAccount) -> None:
    """A wrong workersSubdomain is reported with the account's real one."""
    ((problem, fix),) = findings(account, workersSubdomain="other")

    assert problem == "leadminer:workersSubdomain is other, but the account's subdomain is example."
    assert fix == "pulumi config set leadminer:workersSubdomain example"


def test_a_domain_lies_in_its_zone(account: CloudflareAccount) -> None:
    """The token must have access to the zone, and the domain must be in it."""
    assert findings(account, domain="processor.example.org", zoneId=ZONE) == []
    assert findings(account, domain="example.org", zoneId=ZONE) == []
    assert "is the zone of example.org" in findings(account, domain="processor.badexample.org", zoneId=ZONE)[0][0]
    assert "cannot access the zone" in findings(account, domain="processor.example.org", zoneId="0" * 32)[0][0]


def test_a_clock_that_is_wrong_is_found(account: CloudflareAccount) -> None:
    """A wrong clock is found by comparison with Cloudflare's."""
    account.date = "Wed, 01 Jan 2020 00:00:00 GMT"

    assert "clock and Cloudflare's differ by" in findings(account)[0][0]


def test_an_api_that_does_not_answer_is_said() -> None:
    """An unreachable API is reported once, with the reason."""
    with CloudflareAccount() as gone:
        pass

    ((problem, _),) = findings(gone)

    assert problem.startswith("Cannot reach Cloudflare's API: ")


@pytest.mark.parametrize(("status", "count"), [(200, 0), (404, 0), (401, 1), (403, 1), (503, 1)])
def test_keys_that_r2_does_not_take_are_found(account: CloudflareAccount, status: int, count: int) -> None:
    """Keys that R2 refuses are found; a missing bucket is not a finding."""
    account.answers["/mining-emails-prod"] = (status, None)

    found = list(check_storage(settings(), {"CLOUDFLARE_R2_ENDPOINT": account.url}))

    assert len(found) == count
    ((path, headers),) = account.seen
    assert path == "/mining-emails-prod?list-type=2&max-keys=1"
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")


def test_requests_are_signed_as_the_library_signs_them() -> None:
    """The signature equals botocore's, byte for byte."""
    at = datetime.datetime(2026, 11, 25, 12, 30, 15, tzinfo=datetime.UTC)
    url = f"https://{ACCOUNT}.eu.r2.cloudflarestorage.com/mining-emails-prod?list-type=2&max-keys=1"
    request = AWSRequest("GET", url)
    request.context["timestamp"] = f"{at:%Y%m%dT%H%M%SZ}"
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    request.headers["X-Amz-Content-SHA256"] = sign(url, "k", "s", at)["x-amz-content-sha256"]
    library = S3SigV4Auth(Credentials("k", "s"), "s3", "auto")

    signature = library.signature(library.string_to_sign(request, library.canonical_request(request)), request)

    assert sign(url, "k", "s", at)["Authorization"].endswith(f"Signature={signature}")


@pytest.fixture
def rest(permanent_databases: PermanentDatabases) -> Iterator[PostgRest]:
    """Yield a stand-in for Supabase with our schema."""
    with PostgRest(permanent_databases.fresh()) as started:
        yield started


def supabase(url: str, **secrets: str) -> list[str]:
    return [finding.problem for finding in check_supabase(settings(supabaseUrl=url, **secrets))]


def test_a_supabase_with_our_schema_will_do(rest: PostgRest) -> None:
    """With a valid key, an exposed schema and all migrations, there are no findings."""
    assert supabase(rest.url) == []


def test_a_wrong_service_key_is_found(rest: PostgRest) -> None:
    """A wrong service key is found."""
    assert supabase(rest.url, supabaseServiceKey="other") == [f"{rest.url} answered 401 to supabaseServiceKey."]


def test_a_legacy_key_will_do_too(permanent_databases: PermanentDatabases) -> None:
    """Preflight shows a JWT in the headers that Supabase wants."""
    with PostgRest(permanent_databases.fresh(), key=JWT_KEY) as legacy:
        assert supabase(legacy.url, supabaseServiceKey=JWT_KEY) == []


def test_a_publishable_key_is_found(rest: PostgRest) -> None:
    """A key that everybody may know is refused by its kind."""
    problems = supabase(rest.url, supabaseServiceKey="sb_publishable_x")

    assert problems == ["supabaseServiceKey is a publishable key, which cannot write."]


def test_missing_migrations_are_found(permanent_databases: PermanentDatabases) -> None:
    """A Supabase project without our migrations is found."""
    database = permanent_databases.fresh()
    execute(database, "DROP SCHEMA leadminer CASCADE")

    with PostgRest(database) as empty:
        assert supabase(empty.url) == [f"{empty.url} lacks our functions."]


def test_an_older_schema_is_found(permanent_databases: PermanentDatabases) -> None:
    """An older schema is reported with both versions."""
    database = permanent_databases.fresh()
    execute(database, "DELETE FROM leadminer.migrations WHERE id > '0003'")

    with PostgRest(database) as older:
        (problem,) = supabase(older.url)

    assert problem.startswith("Supabase's schema is at 0002_refined_persons, but this checkout's Worker needs ")


def execute(database: str, statement: LiteralString) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (406, "does not expose the schema leadminer"),
        (403, "answered 403 to supabaseServiceKey"),
        (503, "answered 503."),
    ],
)
def test_other_refusals_say_what_they_mean(rest: PostgRest, status: int, said: str) -> None:
    """Each refusal is explained."""
    rest.fail(Fault(status))

    (problem,) = supabase(rest.url)

    assert said in problem


def test_a_supabase_that_does_not_answer_is_said() -> None:
    """An unreachable Supabase is reported with its address."""
    (problem,) = supabase("http://127.0.0.1:9")

    assert problem.startswith("Cannot reach Supabase at http://127.0.0.1:9: ")
