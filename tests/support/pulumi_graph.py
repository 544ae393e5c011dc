"""Runs the Pulumi program against mocks, and prints what it declared as JSON.

usage: python -W ignore -m tests.support.pulumi_graph STACK < {"config": {…}, "secrets": {…}, "environment": {…}}

It runs in a separate process because the SDK keeps state in globals and its providers warn on import.
"""

import asyncio
import base64
import hashlib
import json
import logging
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import mocks, stack

from infra.predicates import SCRIPT, SECRET

CHECKOUT = Path(__file__).resolve().parents[2]
CANARY = "CANARY"
"""Every secret that the mocks generate contains this word."""
_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_MASKED = {"content": "[content]", "files": "[files]", "__provider": "[provider]"}


def plain(value: struct_pb2.Value) -> Any:
    """Return a property as a Python value; secrets become SECRET."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _SIGNATURE in fields:
            return SECRET if fields[_SIGNATURE].string_value == _SECRET else "[special]"
        return {name: plain(fields[name]) for name in sorted(fields)}
    if kind == "list_value":
        return [plain(each) for each in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return None if kind == "null_value" else getattr(value, str(kind))


class Providers(mocks.Mocks):
    """Answers as providers would: the inputs, plus outputs derived from the name."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return a resource's id and state."""
        digest = hashlib.sha256(f"{args.typ}{args.name}".encode()).hexdigest()
        made: dict[str, Any] = {}
        if args.typ == "random:index/randomPassword:RandomPassword":
            made = {"result": pulumi.Output.secret(f"{CANARY}-{args.name}")}
        elif args.typ in ("docker:index/remoteImage:RemoteImage", "docker:index/image:Image"):
            made = {"imageId": f"sha256:{digest}", "repoDigest": f"sha256:{digest}"}
        elif args.typ == "cloudflare:index/queue:Queue":
            made = {"queueId": digest[:32]}
        elif args.typ == "cloudflare:index/d1Database:D1Database":
            made = {"uuid": f"{digest[:8]}-0000-4000-8000-{digest[:12]}"}
        return f"{args.name}-id", {**args.inputs, **made}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Refuse the call: the program makes no lookups."""
        raise NotImplementedError(args.token)


class Recorder(mocks.MockMonitor):
    """Records what was declared, as it came over the wire."""

    def __init__(self) -> None:
        super().__init__(Providers())
        self.paths: dict[str, str] = {}
        self.graph: dict[str, Any] = {}
        self.modules: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Record a resource and its options."""
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type == "pulumi:pulumi:Stack":
            return answer
        parent = self.paths.get(request.parent, "")
        path = f"{parent}/{request.name}" if parent else request.name
        assert path not in self.graph, path
        self.paths[answer.urn] = path
        inputs = {name: plain(value) for name, value in sorted(request.object.fields.items())}
        if request.type == SCRIPT:
            self.modules = read_modules(inputs)
        if "migrations" in inputs:
            inputs["migrations"] = sorted(inputs["migrations"])[:1]
        self.graph[path] = {
            "type": request.type,
            "inputs": {name: _MASKED.get(name, value) for name, value in inputs.items()},
            "outputs": {name: plain(value) for name, value in sorted(answer.object.fields.items())}
            if request.custom
            else {},
            "options": self._options(request),
        }
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Record the stack's outputs."""
        if "pulumi:pulumi:Stack" in request.urn:
            self.outputs = {name: plain(value) for name, value in sorted(request.outputs.fields.items())}
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def _options(self, request: Any) -> dict[str, Any]:
        options = {
            "protect": request.protect,
            "retainOnDelete": request.retainOnDelete,
            "deleteBeforeReplace": request.deleteBeforeReplace,
            "dependsOn": sorted(self.paths[urn] for urn in request.dependencies if urn in self.paths),
            "deletedWith": self.paths.get(request.deletedWith, ""),
            "provider": request.provider.rpartition("::")[0].rpartition("::")[2],
        }
        return {name: value for name, value in options.items() if value}


def read_modules(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a script's uploads by name: content type, declared SHA-256 and actual SHA-256."""
    main = hashlib.sha256(inputs["content"].encode()).hexdigest()
    modules = {inputs["mainModule"]: [inputs["contentType"], main, main]}
    for name, module in inputs["files"].items():
        actual = hashlib.sha256(base64.b64decode(module["contentBase64"])).hexdigest()
        modules[name] = [module["contentType"], module["contentSha256"], actual]
    return modules


def main() -> None:
    """Run the program as Pulumi does, and print the graph, outputs and modules, or the error."""
    name, given = sys.argv[1], json.load(sys.stdin)
    os.environ.update(given["environment"])
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # the SDK uses the thread's event loop
    recorder = Recorder()
    mocks.set_mocks(recorder.mocks, project="leadminer", stack=name, preview=False, monitor=recorder)
    pulumi.runtime.set_all_config(given["config"] | given["secrets"], list(given["secrets"]))
    error = ""
    try:
        loop.run_until_complete(stack.run_pulumi_func(run_program))
    except pulumi.RunError as refused:
        error = str(refused)
    json.dump(
        {"error": error, "graph": recorder.graph, "outputs": recorder.outputs, "modules": recorder.modules}, sys.stdout
    )


def run_program() -> None:
    """Run the program's folder as Pulumi's language host does."""
    runpy.run_path(str(CHECKOUT / "infra"), run_name="__main__")
    root = pulumi.runtime.get_root_resource()
    assert isinstance(root, stack.Stack)
    root.register_outputs(root.outputs)


if __name__ == "__main__":
    main()
