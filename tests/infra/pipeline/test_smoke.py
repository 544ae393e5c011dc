"""A smoke mining gets its settings from the stack's outputs, and its credentials from the environment."""

import pytest

from infra.pipeline.failure import StepFailed
from infra.pipeline.smoke import CREDENTIALS, settings
from tests.support.stacks import declared

OUTPUTS = {"fetcherSettings": {"STORAGE_MODE": "cloudflare", "CLOUDFLARE_R2_ENDPOINT": "https://r2.example.org"}}
ENVIRON = {name: f"value of {name}" for name in CREDENTIALS}


def test_a_fetcher_is_told_what_the_stack_says() -> None:
    """From the environment, a fetcher gets only the credentials and Cloudflare's addresses."""
    environ = {**ENVIRON, "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1", "PROCESSOR_URL": "https://other.example.org"}

    assert settings(OUTPUTS, environ) == {
        "STORAGE_MODE": "cloudflare",
        "CLOUDFLARE_R2_ENDPOINT": "https://r2.example.org",
        "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1",
        **ENVIRON,
    }


@pytest.mark.parametrize("missing", CREDENTIALS)
def test_a_missing_credential_is_named(missing: str) -> None:
    """A missing credential is named before anything starts."""
    with pytest.raises(StepFailed, match=missing):
        settings(OUTPUTS, {**ENVIRON, missing: ""})


def test_a_stack_on_one_server_is_not_mined_so() -> None:
    """A stack on one server has no output for a smoke mining, and the error says so."""
    with pytest.raises(StepFailed, match="needs a Cloudflare stack"):
        settings({"url": "http://127.0.0.1:8090"}, ENVIRON)


def test_a_stack_tells_all_that_a_fetcher_needs() -> None:
    """The output and the credentials are all settings of the deployed fetcher, except those of its HTTP service."""
    stack = declared("staging")
    container = stack.graph["cloudflare/fetcher-host/fetcher/server"]["inputs"]["envs"]
    of_service = {"SERVE_TOKEN", "SERVE_LISTEN", "SERVE_MININGS", "SERVE_URL", "SUPABASE_URL", "LEADMINER_HOME"}

    told = stack.outputs["fetcherSettings"]

    assert len({*told, *CREDENTIALS} | of_service) == len(container)
    assert told["PROCESSOR_TOKEN"] == "[secret]"
    assert {value.partition("=")[0] for value in container if value != "[secret]"} <= {*told} | of_service
