"""The base of the stand-ins for Pulumi's providers: the engine's protocol, in terms of kinds of resources.

The stand-ins are strict: an unknown input or type is an error.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from concurrent import futures
from importlib.metadata import version
from typing import Any, ClassVar

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict, ParseDict  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi.runtime.rpc import UNKNOWN

from tests.support.pulumi.language_host import MAX_MESSAGE_BYTES

Properties = dict[str, Any]


class Refused(Exception):
    """The provider refuses a call; the text says why."""


class Kind:
    """One type of resource: its inputs, which of them can change without a replacement, and its operations."""

    inputs: ClassVar[frozenset[str]]
    updatable: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    outputs: ClassVar[frozenset[str]] = frozenset()
    """The properties that it adds to its inputs; in a preview they are not known yet."""

    def check(self, inputs: Properties) -> list[str]:
        """Return the faults of inputs; values that are not known yet are UNKNOWN."""
        unknown = [f"{name} is not a known input" for name in sorted(inputs.keys() - self.inputs)]
        return unknown + [f"{name} is missing" for name in sorted(self.required - inputs.keys())]

    def complete(self, inputs: Properties) -> Properties:
        """Return the inputs, with anything that the provider adds to them from elsewhere."""
        return inputs

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Create the resource; return its id and outputs."""
        raise NotImplementedError

    def read_back(self, properties: Properties) -> Properties:
        """Return properties as the provider reads them from what was made: the same values, in its own spelling."""
        return properties

    def read(self, identity: str, state: Properties) -> bool:
        """Return whether the resource still exists."""
        return True

    def update(self, identity: str, inputs: Properties, state: Properties) -> Properties:
        """Update the resource; return its outputs."""
        raise Refused(f"{type(self).__name__} cannot be changed")

    def delete(self, identity: str, state: Properties) -> None:
        """Remove the resource; do nothing if it is already gone."""


def plain(properties: struct_pb2.Struct) -> Properties:
    """Return properties as Python values; whole numbers become ints, and nulls are left out."""
    return {name: _plain(value) for name, value in MessageToDict(properties).items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def is_known(value: Any) -> bool:
    """Return whether every part of a value is known before the update."""
    return UNKNOWN not in json.dumps(value)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """A stand-in for one provider; it reports the version of the Python package `package`."""

    package: ClassVar[str]
    deletes_first: ClassVar[bool]
    """Whether a resource that has to be replaced is deleted before its successor is created."""

    def kinds(self, settings: Properties) -> Mapping[str, Kind]:
        """Return the kinds by type, for a provider with these settings."""
        raise NotImplementedError

    def __init__(self) -> None:
        self._kinds: Mapping[str, Kind] = {}

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Announce no support for secrets and outputs, so that the engine unwraps and wraps them."""
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Return the version."""
        return plugin_pb2.PluginInfo(version=version(self.package))

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Accept the provider's settings unchanged."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Report that changed settings of the provider replace no resources."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Apply the provider's settings."""
        with _told(context):
            self._kinds = self.kinds(plain(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Refuse unknown and missing inputs."""
        kind, inputs = self._kind(request, context), plain(request.news)
        failures = [provider_pb2.CheckFailure(reason=fault) for fault in kind.check(inputs)]
        with _told(context):
            completed = inputs if failures else kind.complete(inputs)
        return provider_pb2.CheckResponse(inputs=_struct(completed), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Compare the inputs with those read back; replace what cannot change."""
        kind = self._kind(request, context)
        old, new = kind.read_back(plain(request.old_inputs)), plain(request.news)
        changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            diffs=changed,
            replaces=[name for name in changed if name not in kind.updatable],
            deleteBeforeReplace=self.deletes_first,
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Create a resource, and return its inputs and outputs."""
        inputs = plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=self._foreseen(request, context, inputs))
        with _told(context):
            identity, outputs = self._kind(request, context).create(inputs)
        properties = self._kind(request, context).read_back(inputs | outputs)
        return provider_pb2.CreateResponse(id=identity, properties=_struct(properties))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Return what is known of the resource, or nothing if it is gone."""
        kind, state = self._kind(request, context), plain(request.properties)
        with _told(context):
            there = kind.read(request.id, state)
        if not there:
            return provider_pb2.ReadResponse()
        inputs = kind.read_back(plain(request.inputs))
        return provider_pb2.ReadResponse(
            id=request.id, properties=_struct(kind.read_back(state)), inputs=_struct(inputs)
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Update a resource."""
        inputs, state = plain(request.news), plain(request.olds)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=self._foreseen(request, context, inputs))
        with _told(context):
            outputs = self._kind(request, context).update(request.id, inputs, state)
        return provider_pb2.UpdateResponse(properties=_struct(inputs | outputs))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Remove a resource."""
        with _told(context):
            self._kind(request, context).delete(request.id, plain(request.properties))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Ignore the request: running operations are short enough to finish."""
        return empty_pb2.Empty()

    def _foreseen(self, request: Any, context: Any, inputs: Properties) -> Any:
        return _struct(inputs | dict.fromkeys(self._kind(request, context).outputs, UNKNOWN))

    def _kind(self, request: Any, context: Any) -> Kind:
        kind = self._kinds.get(request.type)
        if kind is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.type} is not a known type")
        assert kind is not None
        return kind


class _told:  # noqa: N801 (used as a function)
    """Sends the text of an exception to the engine."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception):
            self._context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")


def _struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    return ParseDict(dict(properties), struct_pb2.Struct())


def serve(provider: Provider) -> None:
    """Print a port, and serve on it until the engine ends this process."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(32), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
