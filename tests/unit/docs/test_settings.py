"""The tables of settings are what the programs read."""

import re

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from fetcher.commands.session import PASSWORD_VARIABLE
from fetcher.settings import Settings as FetcherSettings
from processor.settings import CLOUDFLARE_STORES
from processor.settings import Settings as ProcessorSettings
from tests.unit.docs.pages import CHECKOUT, bare, read_page, table


def documented(reader: str) -> dict[str, str]:
    """Return the settings that the table gives to a program, with their defaults."""
    rows = table(read_page("docs/settings.md"), "setting")
    return {bare(name): bare(default) for name, readers, default, _ in rows if reader in readers}


def shown_default(field: FieldInfo) -> str:
    """Return the default of a field as the table writes it; empty if there is none."""
    if field.is_required() or field.default is None or isinstance(field.default, SecretStr):
        return ""
    if isinstance(field.default, bool):
        return str(int(field.default))
    return f"{field.default:.0f}" if isinstance(field.default, float) else str(field.default)


def read_by(fields: dict[str, FieldInfo]) -> dict[str, str]:
    """Return the settings that a program reads, with their defaults."""
    return {name.upper(): shown_default(field) for name, field in fields.items()}


def test_settings_of_the_command_line() -> None:
    """The tables list exactly the settings that `leadminer` reads, with their defaults."""
    of_cloudflare = table(read_page("docs/settings.md"), "setting of Cloudflare")
    shown = documented("`leadminer`") | {bare(name): bare(default) for name, default, _ in of_cloudflare}

    assert shown == read_by(FetcherSettings.model_fields) | {PASSWORD_VARIABLE: ""}


def test_settings_of_the_processor() -> None:
    """The table lists exactly the settings that the processor reads, with their defaults."""
    read = read_by(ProcessorSettings.model_fields)
    only_refused = {store.upper() for store in CLOUDFLARE_STORES}

    assert documented("processor") == {name: default for name, default in read.items() if name not in only_refused}


def test_bindings_of_the_worker() -> None:
    """The table of bindings lists what the Worker takes from its environment."""
    source = (CHECKOUT / "services/processor/entry_worker.py").read_text("utf-8")
    taken = set(re.findall(r"\benv(?:\.|, \")([A-Z][A-Z0-9_]+)", source))

    rows = table(read_page("docs/cloudflare.md"), "binding")

    assert {bare(name) for name, _ in rows} == taken
