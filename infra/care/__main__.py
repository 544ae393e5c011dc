"""`python -m infra.care`: dumps, restores and PostgreSQL upgrades of a stack on one server."""

import argparse
import sys

from infra.care.deployment import Deployment, Refused
from infra.care.dumps import back_up, list_dumps, restore
from infra.care.upgrade import drop_unused, upgrade
from infra.commands import CommandFailed


def main(arguments: list[str]) -> int:
    """Run one command; return 1 if it was refused or failed, and exit with 2 for a wrong command line."""
    given = _parser().parse_args(arguments)

    def ask(what: str) -> bool:
        return given.yes or _asks(what)

    try:
        stack = Deployment.of(given.stack)
        if given.command == "backup":
            _tell(back_up(stack))
        elif given.command == "dumps":
            _tell("\n".join(list_dumps(stack)))
        elif given.command == "restore":
            restore(stack, given.dump, ask, discard=given.discard)
            _tell(f"Restored {given.dump}. The services are running again.")
        elif given.command == "upgrade-postgres":
            upgrade(stack, ask, _tell)
        else:
            _tell(drop_unused(stack, ask) or "There is nothing to delete.")
    except (CommandFailed, Refused) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--stack", default="selfhost", help="the name of a stack on one server")
    common.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser = argparse.ArgumentParser(prog="python -m infra.care", description="Maintain a stack on one server.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("backup", parents=[common], help="dump both databases now and print the dump's name")
    commands.add_parser("dumps", parents=[common], help="print the names of the dumps, newest first")
    restoring = commands.add_parser("restore", parents=[common], help="replace both databases with a dump")
    restoring.add_argument("dump", help="the name of a dump")
    restoring.add_argument("--discard", action="store_true", help="do not dump the current databases first")
    commands.add_parser(
        "upgrade-postgres", parents=[common], help="move to the major version that the settings ask for"
    )
    commands.add_parser("drop-unused-postgres", parents=[common], help="delete the files of older major versions")
    return parser


def _asks(what: str) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{what} Type yes to continue: ")
    return sys.stdin.readline().strip() == "yes"


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
