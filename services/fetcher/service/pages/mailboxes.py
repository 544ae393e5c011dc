"""The pages from an address to a mining: connect a mailbox, and choose its folders."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form
from pydantic import SecretStr, ValidationError
from starlette.responses import Response

from fetcher.exits import Misuse
from fetcher.imap.providers import Provider, provider_of_address, providers
from fetcher.imap.source import Source
from fetcher.service.folders import list_folders
from fetcher.service.orders import Login, MiningOrder
from fetcher.service.pages.logins import HeldLogin
from fetcher.service.pages.rendering import PageRoute, go, one_of, show
from fetcher.service.pages.visitors import Held, Visitor
from fetcher.service.problems import Problem, sentences
from fetcher.service.room import Here

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PORT = "993"
SCHEMES = {"tls": "imaps", "starttls": "imap"}
PRESETS = (
    "Gmail",
    "Microsoft",
    "iCloud",
    "Yahoo",
    "GMX",
    "WEB.DE",
    "Fastmail",
    "Proton Mail",
    "Zoho Mail",
    "Yandex",
    "Orange",
    "T-Online",
)
"""The providers whose wants a person can look up before they name their address; others follow from the address."""


@router.get("/connect")
def connect(user: Visitor, address: str = "", provider: str = "") -> Response:
    """Ask for an address, then for what its provider wants."""
    address = address.strip()
    if address and "@" not in address.strip("@"):
        return _ask(
            user,
            address,
            problem=Problem(400, "request", f"{address!r} is no email address: write it like jane@example.org."),
        )
    return _ask_secret(user, address) if address else _ask(user, "", provider=provider)


@router.post("/connect")
async def sign_in_to_mailbox(
    user: Visitor,
    held: Held,
    here: Here,
    address: Annotated[str, Form()],
    host: Annotated[str, Form()],
    login: Annotated[str, Form()],
    port: Annotated[str, Form()] = PORT,
    security: Annotated[str, Form()] = "tls",
    password: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
) -> Response:
    """Sign in to a mailbox, keep the login for ten minutes, and go on to its folders."""
    server = {"host": host.strip(), "port": port.strip(), "login": login.strip(), "security": security}
    try:
        entered = _login(server, password=password, token=token)
        folders = await list_folders(here, user, entered)
    except Exception as error:
        problem = Problem.of(error)
        return _ask_secret(user, address, server=server, problem=problem)
    return go(f"/folders/{held.hold(HeldLogin(user, address, entered, folders))}")


@router.get("/folders/{handle}")
def choose_folders(user: Visitor, handle: str, held: Held) -> Response:
    """Show the folders of a mailbox."""
    return _show_folders(user, held.look_up(handle, user=user))


@router.post("/folders/{handle}")
async def start(
    user: Visitor,
    handle: str,
    held: Held,
    here: Here,
    folder: Annotated[list[str] | None, Form()] = None,
    since: Annotated[str, Form()] = "",
    me: Annotated[str, Form()] = "",
) -> Response:
    """Start the mining and go to its page; the login is then the mining's alone."""
    found = held.look_up(handle, user=user)
    if not folder:
        return _show_folders(user, found, problem=Problem(400, "request", "No folder is chosen: choose at least one."))
    defaults = [each["name"] for each in found.folders if each["mined"]]
    order = _order(
        found.login,
        me=sorted({found.address, *me.split()}),
        since=since or None,
        folders=None if sorted(folder) == sorted(defaults) else folder,
    )
    begun = await here.minings.start(user, order)
    if isinstance(begun, Problem):
        return _show_folders(user, found, problem=begun)
    held.drop(handle)
    return go(f"/minings/{begun['id']}")


def _login(server: dict[str, str], *, password: str, token: str) -> Login:
    """Return how to log in; raise Misuse or BadSource, which never repeat a secret."""
    scheme = SCHEMES.get(server["security"], "imaps")
    host = f"[{server['host']}]" if ":" in server["host"] else server["host"]
    source = f"{scheme}://{quote(server['login'], safe='@')}@{host}:{server['port']}"
    Source.parse(source)
    secret: dict[str, Any] = {"token": SecretStr(token)} if token else {"password": SecretStr(password)}
    try:
        return Login(source=source, **secret)
    except ValidationError:
        raise Misuse("The password is empty: type the one that your provider wants.") from None


def _order(login: Login, **asked: Any) -> MiningOrder:
    try:
        return MiningOrder(**dict(login), **{name: value for name, value in asked.items() if value is not None})
    except ValidationError as error:
        raise Misuse(sentences(error.errors(include_input=False, include_url=False))) from None


def _ask(user: str, address: str, *, provider: str = "", problem: Problem | None = None) -> Response:
    chosen = next((each for each in providers() if each.name == provider), None)
    presets = [next(each for each in providers() if each.name == name) for name in PRESETS]
    return show(
        "connect.html",
        status=problem.status if problem else 200,
        here="mailboxes",
        user=user,
        asked=False,
        address=address,
        presets=presets,
        provider=chosen,
        problem=problem,
    )


def _ask_secret(
    user: str, address: str, *, server: dict[str, str] | None = None, problem: Problem | None = None
) -> Response:
    provider = provider_of_address(address)
    return show(
        "connect.html",
        status=problem.status if problem else 200,
        here="mailboxes",
        user=user,
        asked=True,
        address=address,
        provider=provider,
        secret_label=_secret_label(provider),
        server=server or _server(address, provider),
        known=provider is not None,
        problem=problem,
    )


def _server(address: str, provider: Provider | None) -> dict[str, str]:
    """Return the server that an address of this provider is at; for an unknown one, the usual name."""
    if provider is None:
        return {"host": f"imap.{address.rpartition('@')[2]}", "port": PORT, "login": address, "security": "tls"}
    source = provider.source(address)
    security = "tls" if source.implicit_tls else "starttls"
    return {"host": source.host, "port": str(source.port), "login": source.login, "security": security}


def _secret_label(provider: Provider | None) -> str:
    if provider is None or provider.accepts == "passwords":
        return "Password"
    return one_of(provider.accepts).partition(" ")[2].capitalize()


def _show_folders(user: str, held: HeldLogin, *, problem: Problem | None = None) -> Response:
    return show(
        "folders.html",
        status=problem.status if problem else 200,
        here="mailboxes",
        user=user,
        address=held.address,
        folders=sorted(held.folders, key=lambda each: (not each["mined"], each["name"].casefold())),
        messages=sum(each["messages"] or 0 for each in held.folders),
        problem=problem,
    )
