"""The stack's settings: read once and checked together, so that all faults are reported at once, each with its fix."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

import pulumi

from infra.settings import BY_MODE, NAMESPACE, SECRETS, Setting


class WrongSettings(Exception):
    """Some settings are wrong; the text has one line per fault, and `faults` has the lines."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(["The stack's settings are wrong:", *(f"- {fault}" for fault in faults)]))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Settings:
    """A stack's settings: plain values by name (empty if absent), and secrets to bind with `bindings.secret`."""

    stack: str
    mode: str
    plain: Mapping[str, str]
    secrets: Mapping[str, pulumi.Input[str]] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        return self.plain[name]

    def number(self, name: str) -> float:
        """Return a setting as a number, 0 if it is not set."""
        return float(self.plain[name] or 0)

    def is_true(self, name: str) -> bool:
        """Return whether a setting is `true`."""
        return self.plain[name] == "true"

    @property
    def protected(self) -> bool:
        """Whether resources that hold data are protected and retained."""
        return self.is_true("protectData")


def read_config(environ: Mapping[str, str]) -> Settings:
    """Read the stack's configuration, and the environment for settings that are not in it; raise WrongSettings."""
    config = pulumi.Config(NAMESPACE)
    prefix = f"{NAMESPACE}:"
    given = {key.removeprefix(prefix) for key in pulumi.runtime.config.CONFIG.get() if key.startswith(prefix)}
    given |= {key.removeprefix(prefix) for key in pulumi.runtime.get_config_env() if key.startswith(prefix)}
    plain = {name: config.get(name) or "" for name in given if name not in SECRETS}
    secrets = {name: config.require_secret(name) for name in given & SECRETS}
    clear = {name for name in secrets if not pulumi.runtime.is_config_secret(f"{NAMESPACE}:{name}")}
    return check(pulumi.get_stack(), plain, secrets, environ, clear=clear)


def check(
    stack: str,
    plain: Mapping[str, str],
    secrets: Mapping[str, pulumi.Input[str]],
    environ: Mapping[str, str],
    *,
    clear: Set[str] = frozenset(),
) -> Settings:
    """Return the settings, completed from the environment and the defaults; raise WrongSettings with every fault."""
    settings, faults = judge(stack, plain, secrets, environ, clear=clear)
    if faults:
        raise WrongSettings(faults)
    return settings


def judge(
    stack: str,
    plain: Mapping[str, str],
    secrets: Mapping[str, pulumi.Input[str]],
    environ: Mapping[str, str],
    *,
    clear: Set[str] = frozenset(),
) -> tuple[Settings, list[str]]:
    """Return the settings and every fault; a wrong setting is treated as if it were not set.

    Raises WrongSettings if the mode is unknown: nothing else can be checked then.
    """
    mode = plain.get("mode", "")
    table = BY_MODE.get(mode)
    if table is None:
        fix = f"pulumi config set {NAMESPACE}:mode {next(iter(BY_MODE))}"
        raise WrongSettings([f"{NAMESPACE}:mode is {mode!r}, not one of {', '.join(BY_MODE)}: {fix}"])
    values = {each.name: plain.get(each.name) or _stand_in(each, environ) for each in table if not each.secret}
    hidden = dict(secrets)
    for each in table:
        if each.secret and each.name not in hidden and (found := _stand_in(each, environ)):
            hidden[each.name] = found
    faults = [*_unknown({*plain, *secrets} - {"mode"}, table), *_wrong(values, table)]
    faults += _missing(values, hidden.keys(), table)
    faults += [
        f"{NAMESPACE}:{each.name} is in plain text in the stack file: {each.fix}"
        for each in table
        if each.name in clear
    ]
    sound = {
        each.name: values[each.name] if each.allows(values[each.name]) else each.default
        for each in table
        if not each.secret
    }
    return Settings(stack, mode, sound, hidden), faults


def _stand_in(setting: Setting, environ: Mapping[str, str]) -> str:
    return (environ.get(setting.variable) if setting.variable else None) or setting.default


def _unknown(given: Set[str], table: tuple[Setting, ...]) -> Iterator[str]:
    known = {setting.name for setting in table}
    for name in sorted(given - known):
        yield f"{NAMESPACE}:{name} is not a setting of this kind of stack: pulumi config rm {NAMESPACE}:{name}"


def _wrong(values: Mapping[str, str], table: tuple[Setting, ...]) -> Iterator[str]:
    for setting in table:
        value = values.get(setting.name, "")
        if value and not setting.allows(value):
            yield f"{NAMESPACE}:{setting.name} is {value!r}, not {setting.means}: {setting.fix}"


def _missing(values: Mapping[str, str], hidden: Set[str], table: tuple[Setting, ...]) -> Iterator[str]:
    present = {name for name, value in values.items() if value} | hidden
    for setting in table:
        reason = setting.needed(values)
        if reason and setting.name not in present:
            or_variable = f", or set {setting.variable} in the environment" if setting.variable else ""
            yield f"{NAMESPACE}:{setting.name} is missing ({reason}): {setting.fix}{or_variable}"
