"""The table of the stacks' settings in `docs/settings.md` is what the Pulumi program reads."""

from infra.settings import BY_MODE, COMMON, Setting
from tests.unit.docs.pages import bare, read_page, table

OWNERS = {"cloudflare": "Cloudflare", "postgresql": "one server"}
Row = tuple[str, str, str, str]


def row(setting: Setting, owner: str) -> Row:
    """Return what the table says about a setting."""
    return setting.name, owner, "" if setting.default == "" else f"`{setting.default}`", setting.variable or ""


def test_each_setting_is_in_the_table() -> None:
    """Names, stacks, defaults and variables are those of the program, and secret settings are marked as secret."""
    expected = {row(setting, "both") for setting in COMMON} | {
        row(setting, OWNERS[mode])
        for mode, settings in BY_MODE.items()
        for setting in settings
        if setting not in COMMON
    }

    rows = table(read_page("docs/settings.md"), "setting of a stack")

    shown = {(bare(name), owner, default, bare(variable)) for name, owner, default, variable, _ in rows}
    assert shown - {("mode", "both", "", "")} == expected
    secret = {setting.name for settings in BY_MODE.values() for setting in settings if setting.secret}
    assert {bare(name) for name, *_, meaning in rows if meaning.endswith("; secret")} == secret
