"""An error becomes a status, a code and a sentence, and nothing else of it is kept."""

import ast
import re
from pathlib import Path

import pytest

from fetcher import exits, ports
from fetcher.imap import connection, source
from fetcher.service.problems import Problem, answer, refuse


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exits.Misuse("x"), 400, "request"),
        (source.BadSource("x"), 400, "request"),
        (connection.PlainRefused("x"), 400, "request"),
        (connection.LoginRefused("x"), 403, "login"),
        (ports.NotFound("x"), 404, "unknown"),
        (connection.FolderMissing("x"), 404, "unknown"),
        (ports.Conflict("x"), 409, "held"),
        (ports.Conflict("x", "fixed"), 409, "fixed"),
        (ports.LeaseLost("x", "lease"), 409, "lease"),
        (exits.Busy("x"), 429, "busy"),
        (connection.HostUnreachable("x"), 502, "unreachable"),
        (connection.CertificateRefused("x"), 502, "certificate"),
        (ports.Unavailable("x"), 503, "unavailable"),
        (exits.Stopping("x"), 503, "stopping"),
        (ports.LimitExceeded("x"), 507, "storage"),
        (exits.Misconfigured("x"), 500, "error"),
    ],
)
def test_a_trouble_has_its_status_and_word(error: Exception, status: int, code: str) -> None:
    """Each trouble has its HTTP status and code, and its own text as the sentence."""
    problem = Problem.of(error)

    assert (problem.status, problem.code, problem.sentence, problem.way) == (status, code, "x", ())


def test_who_must_wait_learns_for_how_long() -> None:
    """A 429 says when to ask again, in Retry-After; other problems do not know."""
    busy, away = refuse(Problem.of(exits.Busy("x"))), refuse(Problem.of(ports.Unavailable("x")))

    assert (busy.headers["retry-after"], away.headers.get("retry-after")) == ("30", None)


def test_a_refusal_of_our_own_rights_is_not_the_callers() -> None:
    """A processor that refuses the service's token is not reported as a wrong password."""
    assert Problem.of(ports.Denied("x")) == Problem(503, "denied", "x")


def test_an_error_of_our_own_is_told_without_its_text() -> None:
    """An internal error hides its text, which may be mail; the places that led to it are only for the log."""
    try:
        raise KeyError("mail text")
    except KeyError as error:
        problem = Problem.of(error)

    assert (problem.status, problem.code) == (500, "error")
    assert "KeyError" in problem.sentence
    assert "test_problems.py" in problem.way[-1]
    assert "mail text" not in str(problem)
    assert problem.fields() == {"error": problem.sentence, "code": "error"}


def test_several_sentences_are_one_line() -> None:
    """Several sentences become one line, so that a caller can show them in a table."""
    assert Problem.of(exits.Misuse("One.\nTwo.")).sentence == "One. Two."


def test_answers_are_not_to_be_kept() -> None:
    """Answers are not cached, and a lone surrogate in a name does not break the body."""
    response = answer({"name": "\ud800é"})

    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    assert bytes(response.body) == b'{"name":"\\ud800\\u00e9"}'


@pytest.mark.parametrize(("status", "asked"), [(401, "Bearer"), (404, None)])
def test_a_refusal_for_want_of_a_token_says_which_scheme(status: int, asked: str | None) -> None:
    """A 401 names the authentication scheme, as RFC 9110, section 15.5.2, requires."""
    assert refuse(Problem(status, "x", "x")).headers.get("www-authenticate") == asked


def test_sentences_name_no_option_of_the_command_line() -> None:
    """The service tells callers the same sentences, so none of them names an option; the command line adds those."""
    package = Path(ports.__file__).parent
    folders = ("imap", "mining", "service", "adapters", "contacts")
    files = [path for folder in folders for path in (package / folder).glob("*.py")]

    told = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r" --[a-z]{3}", node.value)
    }

    assert told == set()
