"""The commands of `docs/cloudflare.md` for Cloudflare work, from the secrets to a mining and the removal."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cloudflare.account import CloudflareAccount
from tests.support.docker.engine import DockerEngine
from tests.support.dovecot import free_ports
from tests.support.names import own_names
from tests.support.postgrest import SERVICE_KEY
from tests.support.pulumi.staging import NAMES
from tests.support.walk import Block, Reader, blocks_under


@pytest.fixture
def reader(
    tmp_path: Path,
    checkout: Path,
    variables: dict[str, str],
    docker_engine: DockerEngine,
    account: CloudflareAccount,
    supabase: str,
    fetcher: str,
    sdk: Path,
) -> Iterator[Reader]:
    """Yield a reader with an account, its tokens in files, a Docker host, and host names that lead to them."""
    own = account.credentials
    secrets = {
        "supabaseServiceKey": SERVICE_KEY,
        "fetcherApiToken": own.queue_token,
        "r2AccessKeyId": own.access_key,
        "r2SecretAccessKey": own.secret,
        "deploymentToken": own.token,
    }
    for name, secret in secrets.items():
        (checkout / f"{name}.txt").write_text(secret)
    with (checkout / "Pulumi.staging.yaml").open("a") as file:
        file.write(f'  leadminer:imageFetcher: "{fetcher}"\n  leadminer:publishPort: "{free_ports(1)[0]}"\n')
    examples = {
        "0123456789abcdef0123456789abcdef": own.account,
        "workersSubdomain example": f"workersSubdomain {own.subdomain}",
        "https://example.supabase.co": supabase,
        "ssh://miner@fetcher.example.org": docker_engine.host,
    }
    with own_names(tmp_path, account.hosts, account.port, account.authority) as names:
        # `leadminer` trusts only the certificate authorities of its own installation.
        examples["make setup"] = f"make setup\n{names.trust_by_certifi}"
        yield Reader(checkout, {**variables, **names.environment}, examples, prefix=names.prefix)


def test_cloudflare_from_nothing_to_its_end(
    reader: Reader, account: CloudflareAccount, docker_engine: DockerEngine
) -> None:
    """The documented commands configure, check, deploy, list and mine, rotate the tokens, and remove the stack."""
    state, *_ = blocks_under("docs/self-host.md", "One server")
    settings, up = blocks_under("docs/cloudflare.md", "Deploy")
    rotate, remove = blocks_under("docs/cloudflare.md", "Maintain the deployment")
    told = Block("", 'echo "token: $(pulumi stack output processorToken --show-secrets)"')

    shown = reader.type(state, settings, up, told, rotate, told, remove)

    assert "The stack staging is ready to deploy." in shown
    assert f"| D1 | `{NAMES.database}` |" in shown
    assert "the ledger balances." in shown
    first, second = re.findall(r"^token: (\w+)", shown, re.MULTILINE)
    assert first != second
    assert "Stack 'staging' has been removed" in shown
    assert (reader.folder / "Pulumi.staging.yaml").exists()
    assert account.resources("scripts") == account.resources("buckets") == {}
    assert docker_engine.client.containers.list(all=True, filters={"name": f"^/{NAMES.fetcher}$"}) == []
