#!/bin/bash
# Does what the official image's entry point does with the variables that we set: create the cluster once, then serve.
set -euo pipefail
umask 0077
major=$(postgres --version | sed -E 's/.* ([0-9]+)\..*/\1/')
export PGDATA="${PGDATA:-/var/lib/postgresql/$major/docker}"
if [[ $1 == postgres && ! -s $PGDATA/PG_VERSION ]]; then
    : "${POSTGRES_PASSWORD:?must be set}"
    mkdir -p "$PGDATA"
    # shellcheck disable=SC2086 # the words are separate arguments, as in the official image
    initdb --username=postgres --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
