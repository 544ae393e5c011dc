"""What a smoke mining is told of a stack, and what it is not mined without."""

import pytest

from infra.pipeline.failure import StepFailed
from infra.pipeline.smoke import CREDENTIALS, settings
from tests.support.stacks import declared

OUTPUTS = {"fetcherSettings": {"STORAGE_MODE": "cloudflare", "CLOUDFLARE_R2_ENDPOINT": "https://r2.example.org"}}
ENVIRON = {name: f"value of {name}" for name in CREDENTIALS}


def test_a_fetcher_is_told_what_the_stack_says() -> None:
    """Its outputs and the credentials of the environment; nothing else of it but where Cloudflare is."""
    environ = {**ENVIRON, "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1", "PROCESSOR_URL": "https://other.example.org"}

    assert settings(OUTPUTS, environ) == {
        "STORAGE_MODE": "cloudflare",
        "CLOUDFLARE_R2_ENDPOINT": "https://r2.example.org",
        "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1",
        **ENVIRON,
    }


@pytest.mark.parametrize("missing", CREDENTIALS)
def test_a_missing_credential_is_named(missing: str) -> None:
    """Before anything is started."""
    with pytest.raises(StepFailed, match=missing):
        settings(OUTPUTS, {**ENVIRON, missing: ""})


def test_a_stack_on_one_server_is_not_mined_so() -> None:
    """It has no such outputs."""
    with pytest.raises(StepFailed, match="for stacks in Cloudflare"):
        settings({"url": "http://127.0.0.1:8090"}, ENVIRON)


def test_a_stack_tells_all_that_a_fetcher_needs() -> None:
    """With the credentials it is what the deployed fetcher gets, but for the settings of its HTTP service."""
    stack = declared("staging")
    container = stack.graph["cloudflare/fetcher-host/fetcher/server"]["inputs"]["envs"]
    of_service = {"SERVE_TOKEN", "SERVE_LISTEN", "SERVE_MININGS", "LEADMINER_HOME"}

    told = stack.outputs["fetcherSettings"]

    assert len({*told, *CREDENTIALS} | of_service) == len(container)
    assert told["PROCESSOR_TOKEN"] == "[secret]"
    assert {value.partition("=")[0] for value in container if value != "[secret]"} <= {*told} | of_service
