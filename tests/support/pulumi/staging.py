"""The stack `staging` as its operators have it: `pulumi up` to an account on this machine, and a fetcher in Docker."""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]
from docker.types import EndpointConfig  # type: ignore[import-untyped]

from infra.naming import CloudflareNames
from tests.support import forwarder
from tests.support.cloudflare.account import CloudflareAccount
from tests.support.docker.engine import PYTHON_IMAGE, DockerEngine
from tests.support.dovecot import free_ports
from tests.support.forwarder import Forwarder
from tests.support.postgrest import SERVICE_KEY
from tests.support.pulumi.engine import CHECKOUT, Pulumi
from tests.support.pulumi.project import copy_project
from tests.support.pulumi.selfhost import MAIL_SERVERS

STACK = "staging"
NAMES = CloudflareNames("staging")
HTTPS = 443
TRUST = """FROM {image}
USER 0
COPY authority.pem /tmp/authority.pem
RUN python -c "import certifi; open(certifi.where(), 'a').write(open('/tmp/authority.pem').read())"
USER {user}
"""


class Staging:
    """One stack in the tests' account and Docker engine."""

    def __init__(
        self, folder: Path, account: CloudflareAccount, engine: DockerEngine, settings: Mapping[str, str]
    ) -> None:
        self.account = account
        self.engine = engine
        self.project = copy_project(folder / "project")
        self.pulumi = Pulumi(folder / "pulumi", self.project, account.variables)
        self.pulumi.run("stack", "init", STACK, "--secrets-provider", "passphrase")
        own = account.credentials
        self._set("--secret", supabaseServiceKey=SERVICE_KEY, fetcherApiToken=own.queue_token)
        self._set("--secret", r2AccessKeyId=own.access_key, r2SecretAccessKey=own.secret)
        self._set("--plaintext", accountId=own.account, workersSubdomain=own.subdomain, fetcherHost=engine.host)
        self._set("--plaintext", publishPort=str(free_ports(1)[0]), serveAllowHosts=MAIL_SERVERS, **settings)

    def _set(self, kind: str, **settings: str) -> None:
        pairs = [part for name, value in settings.items() for part in (kind, f"leadminer:{name}={value}")]
        self.pulumi.run("config", "set-all", "--stack", STACK, *pairs)

    def up(self, *options: str) -> float:
        """Deploy the stack, and return the seconds that took."""
        began = time.monotonic()
        self.pulumi.run("up", "--stack", STACK, "--yes", *options)
        return time.monotonic() - began

    @contextmanager
    def edited(self, name: str, old: str, new: str) -> Iterator[None]:
        """Replace a text in a project file inside the `with` block, for the next `up`, and restore it afterwards."""
        file = self.project / name
        text = file.read_text("utf-8")
        assert old in text, f"{name} does not contain {old}"
        file.write_text(text.replace(old, new), "utf-8")
        try:
            yield
        finally:
            file.write_text(text, "utf-8")

    def expect_no_changes(self) -> float:
        """Fail if another `up` would change anything; return the seconds that took."""
        began = time.monotonic()
        self.pulumi.run("preview", "--stack", STACK, "--expect-no-changes")
        return time.monotonic() - began

    def destroy(self) -> None:
        """Remove the stack."""
        self.pulumi.run("destroy", "--stack", STACK, "--yes")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, with secrets in the clear."""
        return self.pulumi.outputs(STACK)

    def secrets(self) -> dict[str, str]:
        """Return everything that must stay secret, by name: supplied secrets and those that the stack generated."""
        own = self.account.credentials
        exported = json.loads(self.pulumi.run("stack", "export", "--stack", STACK, "--show-secrets"))
        made = {
            each["urn"].rpartition("::")[2]: json.loads(each["outputs"]["result"]["plaintext"])
            for each in exported["deployment"]["resources"]
            if "result" in each.get("outputs", {})
        }
        given = {"queue token": own.queue_token, "access key": own.access_key, "R2's secret": own.secret}
        return {**made, **given, "token": own.token, "service key": SERVICE_KEY}

    def sweep(self) -> None:
        """Run the cron as if enough time had passed for jobs to count as lost."""
        for table, column in (("segments", "at"), ("chunks", "at"), ("minings", "sent_at"), ("echo", "sent_at")):
            self.account.query(f"UPDATE {table} SET {column} = {column} - 3600")
        self.account.run_crons()

    def fetchers(self) -> list[docker.models.containers.Container]:
        """Return the fetcher's container, if there is one, as a list."""
        found: list[Any] = self.engine.client.containers.list(all=True, filters={"name": f"^/{NAMES.fetcher}$"})
        return found

    @property
    def gateway(self) -> str:
        """Return this machine's address in the fetcher's network."""
        network = self.engine.client.networks.get(NAMES.fetcher)
        return str(network.attrs["IPAM"]["Config"][0]["Gateway"])

    @contextmanager
    def world(self) -> Iterator[None]:
        """Let the fetcher reach the account under the real host names inside the `with` block."""
        gateway, script = self.gateway, Path(forwarder.__file__)
        with Forwarder(gateway, self.account.port) as entrance:
            container = self.engine.client.containers.run(
                PYTHON_IMAGE,
                ["python3", "/forwarder.py", str(HTTPS), gateway, str(entrance.port)],
                volumes={str(script): {"bind": "/forwarder.py", "mode": "ro"}},
                network=NAMES.fetcher,
                networking_config={NAMES.fetcher: EndpointConfig("1.40", aliases=self.account.hosts)},
                detach=True,
            )
            try:
                yield
            finally:
                container.remove(force=True)


def build_fetcher(engine: DockerEngine, account: CloudflareAccount, python_image: str) -> str:
    """Build the fetcher's image from the checkout, make it also trust the account's certificate, and return its id."""
    image, _ = engine.client.images.build(
        path=str(CHECKOUT),
        dockerfile="services/Dockerfile",
        target="fetcher",
        buildargs={"PYTHON_IMAGE": python_image},
        network_mode="host",
        rm=True,
    )
    with tempfile.TemporaryDirectory(prefix="lm-image-") as folder:
        account.authority.cert_pem.write_to_path(Path(folder) / "authority.pem")
        text = TRUST.format(image=image.id, user=image.attrs["Config"]["User"])
        (Path(folder) / "Dockerfile").write_text(text)
        trusting, _ = engine.client.images.build(path=folder, network_mode="none", rm=True)
    return str(trusting.id)
