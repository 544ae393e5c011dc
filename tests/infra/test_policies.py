"""The policies report what the predicates find, and nothing in our stacks."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import unknown_checking_proxy

from infra.policies import make_policies
from infra.predicates import PREDICATES, Resource
from tests.support.stacks import CHECKOUT, STACKS, declared

STAGING = json.loads((CHECKOUT / "infra" / "policy_pack" / "staging.json").read_text("utf-8"))


def given(resource: Resource) -> PolicyResource:
    options = PolicyResourceOptions(resource.protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    return PolicyResource(resource.type, resource.properties, "", resource.name, options, None, None, [], {})


def wrapped(resources: list[Resource]) -> list[Resource]:
    return [replace(each, properties=unknown_checking_proxy(dict(each.properties))) for each in resources]


def note(into: list[str], message: str, _urn: str | None = None) -> None:
    into.append(message)


def report(resources: list[Resource], config: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return what each policy reports, by name."""
    found: dict[str, list[str]] = {}
    for policy in make_policies():
        assert isinstance(policy, StackValidationPolicy)
        sentences = found.setdefault(policy.name, [])
        args = StackValidationArgs([given(each) for each in resources], config.get(policy.name, {}))
        policy.validate(args, partial(note, sentences))
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_our_stacks_pass(stack: str) -> None:
    """Our stacks pass every policy; staging has its own policy settings."""
    found = report(declared(stack).resources, STAGING if stack == "staging" else {})

    assert found == {name: [] for name in PREDICATES}


@pytest.mark.parametrize("stack", STACKS)
def test_our_stacks_pass_before_they_are_up(stack: str) -> None:
    """Our stacks also pass in a preview, where Pulumi wraps the properties."""
    found = report(wrapped(declared(stack).resources), STAGING if stack == "staging" else {})

    assert found == {name: [] for name in PREDICATES}


def test_staging_would_fail_as_production() -> None:
    """Staging's unprotected data violates the default policies."""
    found = report(declared("staging").resources, {})

    assert len(found["data-is-kept"]) == 2


def test_a_soft_container_is_reported_under_its_policy() -> None:
    """A policy reports the predicate's sentence."""
    resources = declared("selfhost").resources
    soft = [
        replace(each, properties={**each.properties, "readOnly": False}) if each.name.endswith("redis/server") else each
        for each in resources
    ]

    found = report(soft, {})

    assert found["containers-are-hardened"] == ["selfhost/redis/server has a writable root file system."]


def test_a_secret_in_a_command_is_reported_before_it_is_there() -> None:
    """A secret is found in a preview's wrapped properties."""
    resources = declared("selfhost").resources
    telling = [
        replace(each, properties={**each.properties, "command": ["serve", "redis://:pass@redis"]})
        if each.name.endswith("redis/server")
        else each
        for each in resources
    ]

    found = report(wrapped(telling), {})

    assert found["secrets-are-hidden"] == [
        "selfhost/redis/server has a secret in its command, label or name, where everyone can read it."
    ]


def test_every_policy_is_mandatory() -> None:
    """Every policy is mandatory, none is advisory."""
    assert {policy.enforcement_level for policy in make_policies()} == {EnforcementLevel.MANDATORY}


def test_the_pack_starts_as_pulumi_starts_it() -> None:
    """The policy pack starts and prints the port on which the engine reaches it."""
    command = [sys.executable, "-W", "ignore", "-u", str(CHECKOUT / "infra" / "policy_pack"), "127.0.0.1:9", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pack:
        assert pack.stdout is not None
        printed = pack.stdout.readline()
        pack.kill()

    assert printed.strip().isdigit()
