"""The real Pulumi engine on this machine, with stand-ins for the hosts and providers that it would download."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.vendored import cache_folder

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
VERSION = "v3.259.0"
"""The version in this folder's go.mod."""
COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
PLUGINS = {
    "pulumi-language-python": "tests.support.pulumi.language_host",
    "pulumi-resource-cloudflare": "tests.support.pulumi.cloudflare_provider",
    "pulumi-resource-docker": "tests.support.pulumi.docker_provider",
    "pulumi-resource-pulumi-python": "pulumi.dynamic",
    "pulumi-resource-random": "tests.support.pulumi.random_provider",
}
"""The module to run, by the name of the command that the engine looks for."""
PASSPHRASE = "a passphrase of tests alone"
TIMEOUT_SECONDS = 600


class EngineMissing(RuntimeError):
    """The engine is missing and cannot be built; the text says what to do."""


class Failed(RuntimeError):
    """A Pulumi command failed; the text is what it printed."""


def build_engine() -> Path:
    """Return the path of the command `pulumi`; the first call builds it, which takes minutes; raise EngineMissing."""
    text = b"".join((HERE / name).read_bytes() for name in ("go.mod", "go.sum"))
    place = cache_folder() / f"pulumi-{VERSION}-{hashlib.sha256(text).hexdigest()[:8]}"
    command = place / "pulumi"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # concurrent runs on one machine take turns
        if not command.exists():
            _build(command)
    return command


def _build(command: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise EngineMissing("Go, which builds the Pulumi engine, is not installed. Install Go 1.26 or newer.")
    with tempfile.TemporaryDirectory(dir=command.parent) as folder:
        for name in ("go.mod", "go.sum"):
            shutil.copy(HERE / name, folder)
        made = Path(folder) / "made"
        flags = f"-s -w -X {VERSION_VARIABLE}={VERSION}"
        done = subprocess.run(
            [go, "build", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", made, COMMAND],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EngineMissing(f"The Pulumi engine could not be built: {done.stderr[-1000:]}")
        made.rename(command)


@dataclass
class Pulumi:
    """The command with its own folder of state, plug-ins and settings; it runs the program in `checkout`."""

    folder: Path
    checkout: Path = CHECKOUT
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay out the folder."""
        self.command = build_engine()
        for name in ("bin", "state", "home"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "bin" / "pulumi").unlink(missing_ok=True)
        (self.folder / "bin" / "pulumi").symlink_to(self.command)
        for name, module in PLUGINS.items():
            script = self.folder / "bin" / name
            script.write_text(
                f"#!/bin/sh\nPYTHONPATH={CHECKOUT}:{CHECKOUT}/services "
                f'exec {sys.executable} -W ignore -P -u -m {module} "$@"\n'
            )
            script.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that the command, and anything that calls it, needs."""
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **self.variables,
        }

    def try_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command, and return its result even if it fails."""
        return subprocess.run(
            [self.command, *arguments, "--non-interactive", "--color", "never"],
            cwd=self.checkout,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )

    def run(self, *arguments: str) -> str:
        """Run a command and return what it printed; raise Failed if it fails."""
        done = self.try_run(*arguments)
        if done.returncode:
            raise Failed(f"pulumi {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return a stack's outputs, with secrets in the clear."""
        shown: dict[str, Any] = json.loads(self.run("stack", "output", "--stack", stack, "--json", "--show-secrets"))
        return shown

    def state(self) -> str:
        """Return everything on disk about the stacks: states, their backups, and the history of updates."""
        files = [file for file in (self.folder / "state").rglob("*") if file.is_file()]
        return "\n".join(file.read_text(errors="replace") for file in sorted(files))
