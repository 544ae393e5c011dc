"""Stands in for Pulumi's Python language host, which no package has: runs programs, and plug-ins like policy packs.

The server around a program is the one that the SDK uses for its Automation API.
"""

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit; a stack's inputs and outputs are one message."""


class LanguageHost(LanguageServer):
    """Answers the engine's calls to a language host."""

    def __init__(self) -> None:
        super().__init__(self._run_program)
        self._program = Path()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Accept the handshake."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Return the version."""
        return plugin_pb2.PluginInfo(version="0.0.0")

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Return no prompts."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802 (the name of the protocol)
        """Install nothing: this host's interpreter has every dependency."""
        yield language_pb2.InstallDependenciesResponse()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802 (the name of the protocol)
        """Run a program in its folder."""
        info = request.info
        self._program = Path(info.program_directory) / info.entry_point / "__main__.py"
        os.chdir(request.pwd or info.program_directory)
        request.args[:] = sys.argv[-1:]
        return super().Run(request, context)  # type: ignore[no-untyped-call]

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802 (the name of the protocol)
        """Run a plug-in until it ends, and pass on what it prints."""
        environment = dict(pair.split("=", 1) for pair in request.env)
        command = [sys.executable, "-u", request.info.program_directory, *request.args]
        with subprocess.Popen(
            command, cwd=request.pwd, env=os.environ | environment, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=process.returncode)

    async def _run_program(self) -> None:
        runpy.run_path(str(self._program), run_name="__main__")


def main() -> None:
    """Serve until the engine ends this process."""
    # Waiting for the threads would add 14 seconds to every command.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
