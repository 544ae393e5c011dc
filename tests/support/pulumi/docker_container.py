"""Containers of the stand-in for the provider `docker`."""

import contextlib
import re
import time
from collections.abc import Mapping
from typing import Any

import docker  # type: ignore[import-untyped]
from docker.errors import NotFound  # type: ignore[import-untyped]
from docker.types import (  # type: ignore[import-untyped]
    EndpointConfig,
    Healthcheck,
    LogConfig,
    NetworkingConfig,
    Ulimit,
)
from pulumi.runtime.rpc import UNKNOWN

from tests.support.pulumi.provider import Kind, Properties, Refused

MIB = 1024 * 1024
LOOK_SECONDS = 0.1
NANOSECONDS = 1_000_000_000
UNIT_SECONDS = {"h": 3600, "m": 60, "s": 1}
DURATIONS = ("interval", "timeout", "startPeriod")
NESTED = {
    "capabilities": {"drops", "adds"},
    "healthcheck": {"tests", "interval", "timeout", "startPeriod", "retries"},
    "networksAdvanced": {"name", "aliases"},
    "ports": {"internal", "external", "ip", "protocol"},
    "ulimits": {"name", "soft", "hard"},
    "volumes": {"containerPath", "volumeName", "readOnly"},
}
"""The known parts of nested inputs."""


class Container(Kind):
    """A container; any change replaces it, because its settings are fixed when it is created."""

    inputs = frozenset(
        {"attach", "capabilities", "command", "cpus", "destroyGraceSeconds", "entrypoints", "envs", "healthcheck"}
        | {"image", "logDriver", "logOpts", "logs", "memory", "memorySwap", "mustRun", "name", "networksAdvanced"}
        | {"ports", "privileged", "readOnly", "restart", "securityOpts", "shmSize", "stopTimeout", "tmpfs", "ulimits"}
        | {"user", "volumes", "wait", "waitTimeout"}
    )
    required = frozenset({"name", "image"})
    outputs = frozenset({"exitCode", "containerLogs"})

    def __init__(self, engine: docker.APIClient) -> None:
        self._engine = engine

    def check(self, inputs: Properties) -> list[str]:
        """Refuse unknown parts of inputs."""
        faults = super().check(inputs)
        for name, known in NESTED.items():
            given = inputs.get(name, [])
            for part in given if isinstance(given, list) else [given]:
                if part != UNKNOWN:
                    faults += [f"{name}.{each} is not a known input" for each in sorted(part.keys() - known)]
        return faults

    def read_back(self, properties: Properties) -> Properties:
        """Return processors and durations as Docker's provider spells them, which prints what Docker has in Go's way.

        Its read (kreuzwerker/terraform-provider-docker, resource_docker_container_funcs.go, 2026-11) has `1.0` for
        `1` processor and `1m0s` for `60s`. A difference replaces the container.
        """
        told = dict(properties)
        if "cpus" in told:
            told["cpus"] = str(float(told["cpus"]))
        if "healthcheck" in told:
            spelled = {
                name: _in_gos_way(told["healthcheck"][name]) for name in DURATIONS if name in told["healthcheck"]
            }
            told["healthcheck"] = told["healthcheck"] | spelled
        return told

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Create and start it; wait until it is healthy or has ended, as declared."""
        identity = self._make(inputs)
        try:
            self._engine.start(identity)
            if inputs.get("wait"):
                self._wait_for_health(identity, inputs["waitTimeout"])
        except Exception:
            self._engine.remove_container(identity, force=True)
            raise
        if inputs.get("attach"):
            # Like the provider, ignore the exit code of a container that may end.
            code = self._engine.wait(identity)["StatusCode"]
            logs = self._engine.logs(identity).decode(errors="replace") if inputs.get("logs") else ""
            return identity, {"exitCode": code, "containerLogs": logs}
        return identity, {}

    def read(self, identity: str, state: Properties) -> bool:
        """Return whether it exists; one that should run but does not counts as missing, so that it is replaced."""
        with contextlib.suppress(NotFound):
            running = self._engine.inspect_container(identity)["State"]["Running"]
            return bool(running or state.get("mustRun") is False)
        return False

    def delete(self, identity: str, state: Properties) -> None:
        """Stop it within its grace period, and remove it."""
        with contextlib.suppress(NotFound):
            self._engine.stop(identity, timeout=state.get("destroyGraceSeconds", 10))
            self._engine.remove_container(identity, force=True)

    def _make(self, inputs: Properties) -> str:
        aliases = {each["name"]: each.get("aliases", []) for each in inputs.get("networksAdvanced", [])}
        networks = {name: EndpointConfig("1.40", aliases=names) for name, names in aliases.items()}
        config = self._engine.create_container_config(
            inputs["image"],
            command=inputs.get("command"),
            entrypoint=inputs.get("entrypoints"),
            environment=inputs.get("envs"),
            user=inputs.get("user"),
            ports=[port["internal"] for port in inputs.get("ports", [])],
            host_config=self._engine.create_host_config(**_host(inputs)),
            networking_config=NetworkingConfig(networks) if networks else None,
            healthcheck=_health(inputs["healthcheck"]) if "healthcheck" in inputs else None,
        )
        if "stopTimeout" in inputs:
            config["StopTimeout"] = inputs["stopTimeout"]
        made = self._engine.create_container_from_config(config, inputs["name"])
        return str(made["Id"])

    def _wait_for_health(self, identity: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (health := self._state(identity).get("Health", {}).get("Status")) != "healthy":
            if health == "unhealthy" or time.monotonic() > until or not self._state(identity)["Running"]:
                tail = self._engine.logs(identity, tail=20).decode(errors="replace")
                raise Refused(f"the container did not become healthy: {self._state(identity)}\n{tail}")
            time.sleep(LOOK_SECONDS)

    def _state(self, identity: str) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self._engine.inspect_container(identity)["State"]
        return state


def _host(inputs: Properties) -> dict[str, Any]:
    """Return the arguments of `create_host_config`."""
    capabilities = inputs.get("capabilities", {})
    return {
        "binds": {
            each["volumeName"]: {"bind": each["containerPath"], "mode": "ro" if each.get("readOnly") else "rw"}
            for each in inputs.get("volumes", [])
        },
        "cap_add": capabilities.get("adds"),
        "cap_drop": capabilities.get("drops"),
        "log_config": LogConfig(type=inputs.get("logDriver", "json-file"), config=inputs.get("logOpts", {})),
        "mem_limit": inputs["memory"] * MIB if "memory" in inputs else None,
        "memswap_limit": inputs["memorySwap"] * MIB if "memorySwap" in inputs else None,
        "nano_cpus": int(float(inputs["cpus"]) * NANOSECONDS) if "cpus" in inputs else None,
        "network_mode": next((each["name"] for each in inputs.get("networksAdvanced", [])), None),
        "port_bindings": {
            each["internal"]: (each.get("ip", "0.0.0.0"), each.get("external")) for each in inputs.get("ports", [])
        },
        "privileged": inputs.get("privileged", False),
        "read_only": inputs.get("readOnly", False),
        "restart_policy": {"Name": inputs["restart"]} if "restart" in inputs else None,
        "security_opt": inputs.get("securityOpts"),
        "shm_size": inputs["shmSize"] * MIB if "shmSize" in inputs else None,
        "tmpfs": inputs.get("tmpfs"),
        "ulimits": [
            Ulimit(name=each["name"], soft=each["soft"], hard=each["hard"]) for each in inputs.get("ulimits", [])
        ],
    }


def _health(check: Mapping[str, Any]) -> Healthcheck:
    return Healthcheck(
        test=check["tests"],
        interval=_nanoseconds(check["interval"]),
        timeout=_nanoseconds(check["timeout"]),
        start_period=_nanoseconds(check["startPeriod"]),
        retries=check["retries"],
    )


def _nanoseconds(text: str) -> int:
    return int(_seconds(text) * NANOSECONDS)


def _seconds(text: str) -> float:
    """Return the seconds of a duration in hours, minutes and seconds, as Go reads it."""
    pieces = re.findall(r"([\d.]+)([hms])", text)
    if "".join(f"{count}{unit}" for count, unit in pieces) != text:
        raise Refused(f"{text!r} is not a duration such as 1m30s")
    return sum(float(count) * UNIT_SECONDS[unit] for count, unit in pieces)


def _in_gos_way(text: str) -> str:
    """Return a duration as Go prints it: `90s` is `1m30s`, `60s` is `1m0s`."""
    minutes, seconds = divmod(_seconds(text), 60)
    hours, minutes = divmod(int(minutes), 60)
    above = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{above}{seconds:g}s"
