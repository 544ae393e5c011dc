"""A Cloudflare account on this machine that holds and runs what is declared, and nothing else."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import trustme

from infra.worker import COMPATIBILITY_DATE
from tests.support.cloudflare.node import LocalError, NodeScript
from tests.support.cloudflare.packages import Pieces

ASK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account's names and secrets; they belong to no real account."""

    account: str = "0123456789abcdef0123456789abcdef"
    subdomain: str = "an-account-of-tests"
    """The account's subdomain of workers.dev."""
    token: str = field(default="a-token-of-tests-that-deploys", repr=False)
    queue_token: str = field(default="a-token-of-tests-for-queues", repr=False)
    """A token for Queues only, as a fetcher has."""
    access_key: str = field(default="an-access-key-of-tests", repr=False)
    secret: str = field(default="a-secret-of-tests", repr=False)


class CloudflareAccount:
    """One account, initially empty; use it as a context manager.

    Its API and the tests' own calls use HTTP on loopback. The host names that the outside world calls (`hosts`) are
    served over TLS on `port`, with a certificate from `authority`.
    """

    def __init__(self, pieces: Pieces, *workers: str) -> None:
        self.credentials = Credentials()
        account, subdomain = self.credentials.account, self.credentials.subdomain
        self.hosts = [
            "api.cloudflare.com",
            *(f"{account}.{place}r2.cloudflarestorage.com" for place in ("", "eu.")),
            *(f"{worker}.{subdomain}.workers.dev" for worker in workers),
        ]
        self.authority = trustme.CA()
        self.port = 0
        self._pieces = pieces
        self._script = NodeScript(pieces.node, "account.mjs")
        self._client = httpx.Client(headers={"authorization": f"Bearer {self.credentials.token}"}, timeout=ASK_SECONDS)

    def __enter__(self) -> Self:
        with tempfile.TemporaryDirectory(prefix="lm-cf-") as folder:
            ports = self._script.start(self._settings(Path(folder)))
        self.url = f"http://127.0.0.1:{ports['inside']}"
        self.port = ports["outside"]
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._script.close()

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables that Pulumi needs."""
        return {"CLOUDFLARE_API_TOKEN": self.credentials.token, "CLOUDFLARE_BASE_URL": f"{self.url}/client/v4"}

    @property
    def log(self) -> str:
        """Return the Workers' output."""
        return self._script.log

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the declared resources of a kind by id."""
        found: dict[str, dict[str, Any]] = self._ask(f"/resources/{kind}")
        return found

    def objects(self, bucket: str) -> list[str]:
        """Return the keys of a bucket's objects."""
        keys: list[str] = self._ask(f"/objects/{bucket}")
        return keys

    def deployments(self) -> int:
        """Return how often workerd was restarted."""
        return int(self._ask("/deployments"))

    def run_crons(self) -> None:
        """Run each declared cron once; raise LocalError if one fails or if there is none."""
        ran = self._ask("/crons")
        if not ran or any(each["outcome"] != "ok" for each in ran):
            raise LocalError(f"a cron failed, or there is none: {ran}")

    def query(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Run one statement on the account's only database through Cloudflare's API, and return the rows."""
        [database] = self.resources("databases")
        path = f"/client/v4/accounts/{self.credentials.account}/d1/database/{database}/query"
        answer = self._client.post(f"{self.url}{path}", json={"sql": sql, "params": list(params)})
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["result"][0]["results"]
        return rows

    def _ask(self, path: str) -> Any:
        answer = self._client.get(f"{self.url}{path}").json()
        if "error" in answer:
            raise LocalError(answer["error"])
        return answer["result"]

    def _settings(self, folder: Path) -> Mapping[str, Any]:
        certificate = self.authority.issue_cert(*self.hosts)
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(folder / "certificate.pem", append=True)
        own = self.credentials
        return {
            "packages": str(self._pieces.packages),
            "runtime": str(self._pieces.runtime),
            "date": COMPATIBILITY_DATE,
            "token": own.token,
            "subdomain": own.subdomain,
            "account": {
                "account": own.account,
                "tokens": {own.token: ["d1", "queues", "r2", "workers"], own.queue_token: ["queues"]},
                "accessKey": own.access_key,
                "secret": own.secret,
            },
            "key": str(folder / "key.pem"),
            "certificate": str(folder / "certificate.pem"),
        }
