"""The stacks as the checkout declares them, plus what a deployment adds: made-up names and secrets."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from infra.predicates import Resource

CHECKOUT = Path(__file__).resolve().parents[2]
STACKS = ("production", "staging", "selfhost")
CANARY = "CANARY"
"""Every secret, supplied or generated, contains this word."""
ACCOUNT = {
    "leadminer:accountId": "0123456789abcdef0123456789abcdef",
    "leadminer:fetcherHost": "ssh://root@fetcher.example.org",
    "leadminer:supabaseUrl": "https://example.supabase.co",
    "leadminer:workersSubdomain": "example",
}
"""The settings that everyone who deploys to Cloudflare has to provide."""
SECRETS = ("supabaseServiceKey", "fetcherApiToken", "r2AccessKeyId", "r2SecretAccessKey")


@dataclass(frozen=True, slots=True)
class Graph:
    """What a program declared: resources by path, the stack's outputs and the Worker's modules; or why it refused."""

    error: str
    graph: Mapping[str, Any]
    outputs: Mapping[str, Any]
    modules: Mapping[str, list[str]]
    printed: str
    logged: str

    @property
    def resources(self) -> list[Resource]:
        """Return the resources in the form that predicates take."""
        return [
            Resource(
                path,
                each["type"],
                {**each["outputs"], **each["inputs"]},
                each["options"].get("protect", False),
                each["options"].get("retainOnDelete", False),
            )
            for path, each in self.graph.items()
        ]

    @property
    def golden(self) -> dict[str, Any]:
        """Return what is declared: types, inputs and options by path."""
        keep = ("type", "inputs", "options")
        return {path: {name: self.graph[path][name] for name in keep} for path in sorted(self.graph)}


def read_stack(stack: str) -> dict[str, str]:
    """Return the settings of a stack's file, with the project's defaults."""
    project = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text("utf-8"))["config"]
    own = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text("utf-8"))["config"]
    defaults = {name: each["default"] for name, each in project.items() if "default" in each}
    return {name: json.dumps(each) if isinstance(each, bool) else str(each) for name, each in (defaults | own).items()}


@cache
def declared(stack: str) -> Graph:
    """Return what a stack of the checkout declares."""
    config = read_stack(stack)
    if config["leadminer:mode"] == "cloudflare":
        return run_program(stack, config | ACCOUNT, {f"leadminer:{name}": f"{CANARY}-{name}" for name in SECRETS})
    return run_program(stack, config, {})


def run_program(
    stack: str, config: Mapping[str, str], secrets: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> Graph:
    """Run the program against mocks in a separate process."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.pulumi_graph", stack]
    given = json.dumps({"config": config, "secrets": secrets, "environment": environment or {}})
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("CLOUDFLARE_", "SUPABASE_"))}
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, cwd=CHECKOUT, env=bare, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Graph(**json.loads(done.stdout), printed=done.stdout, logged=done.stderr)
