"""What all our containers have in common: no root, a read-only file system, and limits on every resource."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, environment
from infra.docker.sizes import Limits
from infra.protection import replaced_in_place

LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}
WAIT_SECONDS = 120
"""How long `up` waits for a container to become healthy before it fails."""


@dataclass(frozen=True, slots=True)
class Service:
    """What differs between containers."""

    name: str
    """The container's name on its host."""
    image: pulumi.Input[str]
    """The image's id, never its name."""
    user: str
    limits: Limits
    bindings: Sequence[Binding] = ()
    command: Sequence[pulumi.Input[str]] | None = None
    entrypoint: Sequence[str] | None = None
    health: Sequence[str] = ()
    """The health check, starting with `CMD` or `CMD-SHELL`; empty for a container that runs once."""
    alias: str = ""
    """The container's name in the network."""
    volumes: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Volumes, by mount path."""
    shown: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Volumes that the container can only read, by mount path."""
    writable: Mapping[str, str] = field(default_factory=dict)
    """Folders in memory: their mount options, by path."""
    ports: Sequence[docker.ContainerPortArgs] = ()
    stop_seconds: int = 30
    shared_memory: int | None = None


def folder_in_memory(size: int, *, user: str = "") -> str:
    """Return the mount options of a folder in memory of `size` MiB, for everyone or for one account (`uid:gid`)."""
    if not user:
        return f"rw,noexec,nosuid,nodev,size={size}m,mode=1777"
    uid, gid = user.split(":")
    return f"rw,noexec,nosuid,nodev,size={size}m,mode=0700,uid={uid},gid={gid}"


def declare_container(
    logical: str,
    service: Service,
    network: docker.Network,
    *,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> docker.Container:
    """Declare a container. One without a health check runs once, and must end before its dependents start."""
    lasting = bool(service.health)
    limits = service.limits
    return docker.Container(
        logical,
        name=service.name,
        image=service.image,
        command=list(service.command) if service.command is not None else None,
        entrypoints=list(service.entrypoint) if service.entrypoint is not None else None,
        envs=environment(service.bindings),
        user=service.user,
        read_only=True,
        privileged=False,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        memory=limits.memory,
        memory_swap=limits.memory,
        cpus=limits.cpus,
        shm_size=service.shared_memory,
        ulimits=[docker.ContainerUlimitArgs(name="nproc", soft=limits.processes, hard=limits.processes)],
        tmpfs=dict(service.writable),
        volumes=[
            docker.ContainerVolumeArgs(container_path=path, volume_name=volume)
            for path, volume in service.volumes.items()
        ]
        + [
            docker.ContainerVolumeArgs(container_path=path, volume_name=volume, read_only=True)
            for path, volume in service.shown.items()
        ],
        networks_advanced=[
            docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=[service.alias] if service.alias else [])
        ],
        ports=list(service.ports),
        healthcheck=_health_check(service.health),
        log_driver="json-file",
        log_opts=LOG_OPTIONS,
        restart="unless-stopped" if lasting else "no",
        must_run=lasting,
        attach=not lasting,
        logs=not lasting,
        wait=lasting,
        wait_timeout=WAIT_SECONDS,
        stop_timeout=service.stop_seconds,
        destroy_grace_seconds=service.stop_seconds,
        opts=replaced_in_place(parent, after=after),
    )


def _health_check(command: Sequence[str]) -> docker.ContainerHealthcheckArgs:
    """Return the check, its durations as Docker's provider reads them back: `60s` would replace the container."""
    return docker.ContainerHealthcheckArgs(
        tests=list(command) or ["NONE"], interval="5s", timeout="5s", start_period="1m0s", retries=3
    )
