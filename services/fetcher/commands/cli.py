"""The command line `leadminer`: its commands, and how errors become sentences and exit codes."""

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from fetcher.commands.contact import contact
from fetcher.commands.contacts import contacts, export
from fetcher.commands.erasing import allow, erase
from fetcher.commands.hardening import harden_process
from fetcher.commands.interruption import terminable
from fetcher.commands.mine import mine
from fetcher.commands.minings import cancel, report, retry, status
from fetcher.commands.services import doctor, serve, stop, token
from fetcher.commands.session import PASSWORD_VARIABLE, Session
from fetcher.commands.usage import Command
from fetcher.exits import Exit, Unforeseen, exit_of, translate
from fetcher.ports import Trouble

EPILOG = "\n".join(["\b", "Exit codes:", *(f"  {code.value:>3}  {code.meaning}" for code in Exit)])
OPTIONS = {
    "trust the certificate": " To trust it, add --ca-file FILE.",
    "or allow it": " To allow it, add --plain.",
    "log in with an OAuth token": " To get one, add --token-command COMMAND.",
    "use fewer connections": " For one, add --connections 1.",
}
"""The option that does what a sentence advises. The sentence names none, because the service tells it to callers."""
app = typer.Typer(
    name="leadminer",
    help="Mine a mailbox for contacts, on your own machine, with every message accounted for.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": str.lower},
)
for command in (
    mine,
    status,
    report,
    contacts,
    contact,
    export,
    cancel,
    retry,
    erase,
    allow,
    serve,
    stop,
    token,
    doctor,
):
    app.command(cls=Command)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        import platform  # both are slow to import, and nothing else needs them
        from importlib.metadata import version

        sys.stdout.write(f"leadminer {version('leadminer')} (Python {platform.python_version()})\n")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line as a hardened process. After Ctrl-C or SIGTERM, exit without waiting for any thread."""
    harden_process()
    _prepare_output()
    code = run(sys.argv[1:])
    if code in (Exit.STOPPED, Exit.INTERRUPTED):
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def _prepare_output() -> None:
    """Keep the program running if the terminal cannot show a character or an output stream is closed."""
    nowhere = open(os.devnull, "w")  # noqa: PTH123, SIM115 - it replaces a standard stream until the program ends
    sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. An error is printed to stderr as a sentence, without a traceback."""
    here = Session(arguments=tuple(arguments), password=os.environ.pop(PASSWORD_VARIABLE, None) or None)
    try:
        with terminable():
            app(list(arguments), prog_name="leadminer", obj=here)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.OK
    except KeyboardInterrupt:
        return Exit.STOPPED
    except Exception as error:
        return _explain(here, translate(error))
    return Exit.OK


def _explain(here: Session, trouble: Trouble) -> Exit:
    text = "".join((str(trouble), *(option for advice, option in OPTIONS.items() if advice in str(trouble))))
    if isinstance(trouble, Unforeseen):
        text += " LEADMINER_DEBUG=1 shows the call stack, without any mail."
        for place in trouble.way if os.environ.get("LEADMINER_DEBUG") == "1" else ():
            here.terminal.tell(f"  {place}")
    for sentence in text.split("\n"):
        _tell(here, sentence)
    return exit_of(trouble)


def _tell(here: Session, sentence: str) -> None:
    here.terminal.tell(f"leadminer: {sentence}", "bold red")


if __name__ == "__main__":
    main()
