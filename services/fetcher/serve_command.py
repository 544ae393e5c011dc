"""The command `serve`: the fetcher as an HTTP service, until it is told to stop."""

import typer

from fetcher.exits import Misconfigured
from fetcher.session import session


def serve(context: typer.Context) -> None:
    """Serve minings over HTTP, for those who have SERVE_TOKEN.

    Starts, shows, cancels, reports and exports minings; their passwords come with each request and are kept in memory
    alone. Ends on Ctrl-C or SIGTERM, once what is in flight is stored.
    """
    here = session(context)
    settings = here.settings()
    if settings.serve_token is None:
        raise Misconfigured(
            "SERVE_TOKEN is not set: give it a long random text, which opens the service to its callers."
        )

    from fetcher.listener import open_socket, serve_until_stopped  # the web server is slow to import
    from fetcher.runs import Runs
    from fetcher.serve import Service

    with open_socket(settings.serve_listen) as listening, here.stack() as stack:
        runs = Runs(stack, claims=settings.home / "claims", most=settings.serve_minings)
        service = Service(stack, runs, token=settings.serve_token.get_secret_value())
        serve_until_stopped(service.app(), runs, listening)
