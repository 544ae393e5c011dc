#!/bin/sh
# Makes the checkout's .venv, with everything that is locked and the `leadminer` command; does nothing if all is there.
# PYTHON may name the interpreter to use. Needs no root, and works in a folder whose path has spaces.
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
        new_enough "$PYTHON" || fail "PYTHON is '$PYTHON', which is no Python $OLDEST or newer."
        echo "$PYTHON"
        return
    fi
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no python3 at all")
    fail "Python $OLDEST or newer is needed, and there is $found. Install one, or name it: make setup PYTHON=/path/to/python3"
}

make_venv() {
    if ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "this Python cannot make virtual environments; on Debian and Ubuntu, install the missing package: apt-get install python3-venv (for this Python: python$version-venv)"
    fi
    rm -rf .venv
    "$1" -m venv .venv || fail "the virtual environment .venv could not be made; the reason stands above."
}

# What .venv was made from: the locks, this script, the place, since a virtual environment cannot be moved.
wanted() {
    { pwd -P && cat requirements/tools.lock requirements/dev.lock requirements/setup.sh pyproject.toml; } | cksum
}

if command -v flock >/dev/null 2>&1 && [ -z "${SETUP_LOCKED:-}" ]; then
    SETUP_LOCKED=1 exec flock requirements requirements/setup.sh # two runs in one checkout take turns
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
    echo "Making .venv with $("$python" --version)"
    make_venv "$python"
    printf '%s\n%s\n' "$(pwd -P)" "${PYTHON:-}" >.venv/place
fi
echo "Installing what is locked"
# Bytecode is made here once, as pip does: where Python may not write any, each start would compile all that it imports.
export UV_COMPILE_BYTECODE=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE="${UV_LINK_MODE:-copy}" UV_NO_PROGRESS=1
python=.venv/bin/python
"$python" -m pip install -q --require-hashes -r requirements/tools.lock || fail "pip could not install uv; the reason stands above."
"$python" -m uv pip sync -q --python "$python" --require-hashes requirements/dev.lock || fail "uv could not install what is locked; the reason stands above."
"$python" -m uv pip install -q --python "$python" --no-deps --no-build-isolation -e . || fail "leadminer itself could not be installed; the reason stands above."
wanted >.venv/made-from
