#!/bin/sh
# Creates .venv with the locked packages and the `leadminer` command. Does nothing if it is up to date.
# PYTHON chooses the interpreter. Needs no root, and works in a folder whose path has spaces.
set -eu
cd "$(dirname "$0")/.."
OLDEST="3.11"

fail() {
    echo "make setup: $1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))' "$OLDEST" 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON is '$PYTHON', which is not Python $OLDEST or newer."
        echo "$PYTHON"
        return
    fi
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no python3")
    fail "Python $OLDEST or newer is required, but this machine has $found. Install it, or say where it is: make setup PYTHON=/path/to/python3"
}

make_venv() {
    if ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "this Python cannot create virtual environments. On Debian and Ubuntu, install the missing package: apt-get install python3-venv (for this Python: python$version-venv)"
    fi
    rm -rf .venv
    "$1" -m venv .venv || fail "could not create the virtual environment .venv; see the error above."
}

# Prints a checksum of what .venv is made from. It covers the path, because a virtual environment cannot be moved.
wanted() {
    { pwd -P && cat requirements/tools.lock requirements/dev.lock requirements/setup.sh pyproject.toml; } | cksum
}

if command -v flock >/dev/null 2>&1 && [ -z "${SETUP_LOCKED:-}" ]; then
    SETUP_LOCKED=1 exec flock requirements requirements/setup.sh # two runs in one checkout wait for each other
fi

usable() {
    [ "$(sed -n 1p .venv/place 2>/dev/null)" = "$(pwd -P)" ] &&
        { [ -z "${PYTHON:-}" ] || [ "$(sed -n 2p .venv/place)" = "$PYTHON" ]; } &&
        new_enough .venv/bin/python
}

if usable && [ "$(cat .venv/made-from 2>/dev/null)" = "$(wanted)" ]; then
    exit 0
fi

if ! usable || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Creating .venv with $("$python" --version)"
    make_venv "$python"
    printf '%s\n%s\n' "$(pwd -P)" "${PYTHON:-}" >.venv/place
fi
echo "Installing $(grep -c '^[a-z].*==' requirements/dev.lock) locked packages, about 600 MB on disk; those that are not in uv's cache are downloaded"
quiet="-q"
[ -t 2 ] && quiet="" # on a terminal, uv shows what it downloads and how far it is
# Compile bytecode once, as pip does. If Python cannot write it later, every start would compile every import.
export UV_COMPILE_BYTECODE=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE="${UV_LINK_MODE:-copy}"
python=.venv/bin/python
"$python" -m pip install -q --require-hashes -r requirements/tools.lock || fail "pip could not install uv; see the error above."
"$python" -m uv pip sync $quiet --python "$python" --require-hashes requirements/dev.lock || fail "uv could not install the locked packages; see the error above."
"$python" -m uv pip install -q --python "$python" --no-deps --no-build-isolation -e . || fail "uv could not install leadminer itself; see the error above."
wanted >.venv/made-from
