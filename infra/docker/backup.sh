#!/usr/bin/env bash
# Dumps both databases at the same moment, every night. Proves each dump by restoring it, and keeps the newest ones.
#
#     backup.sh nightly          dump every night, and at once if a night was missed; the container's main process
#     backup.sh dump             dump now and print the dump's name
#     backup.sh list             print the names of the dumps, newest first
#     backup.sh verify NAME      check that a dump is complete and readable
#     backup.sh restore NAME     replace the databases with a dump; dumps them first, unless --discard follows
#     backup.sh healthy          succeed if the newest dump is recent, or one is being made
#     backup.sh serve-new PATH   create an empty server in a folder and run it, for an upgrade to restore into
#
# Environment: the superuser's connection to the server for libpq (PGHOST …), the names of both databases
# (PERMANENT_DATABASE, MINING_DATABASE), the folder for dumps (BACKUPS), the SQL file that creates databases and roles
# (SETUP_SQL, and its passwords), the number of dumps to keep (BACKUPS_KEPT), and the hour to dump, in UTC (BACKUP_HOUR).
set -euo pipefail
umask 077
export PGCONNECT_TIMEOUT=10

readonly databases=("$PERMANENT_DATABASE" "$MINING_DATABASE")
readonly day=86400
readonly retry_seconds=300              # after a failed dump
readonly healthy_seconds=$((26 * 3600)) # a day, plus two hours to make the dump
readonly lock_tries=300                 # to find the temporary database without a writer: over a minute
readonly in_use_seconds=5               # a session ends shortly after its container
readonly query=(psql -X -q -A -t -v ON_ERROR_STOP=1)

# Writes one statement per table that counts its rows; \gexec runs them.
readonly counts_sql="SELECT format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname, tablename)
    FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY schemaname COLLATE \"C\", tablename COLLATE \"C\" \\gexec"

say() { printf '%s\n' "$*" >&2; }

fail() { say "$*"; exit 1; }

stamp() { date -u -d "@$1" +%Y-%m-%dT%H-%M-%SZ; }

dumps() { find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '2???-??-??T??-??-??Z' -printf '%f\n' | sort -r; }

# Prints the name of the newest dump, if any. Ignores names from the future: the clock was wrong when they were made.
newest() {
    local name now
    now=$(stamp "$(date +%s)")
    for name in $(dumps); do
        [[ $name > $now ]] || { echo "$name" && return; }
    done
}

# Succeeds if no dump was made since BACKUP_HOUR last came.
is_due() {
    local hour=$((10#$BACKUP_HOUR * 3600)) now
    now=$(date +%s)
    [[ $(newest) < $(stamp $(((now - hour) / day * day + hour))) ]]
}

healthy() {
    local name
    name=$(newest)
    [[ $name > $(stamp $(($(date +%s) - healthy_seconds))) ]] && return
    [[ -n $(find "$BACKUPS" -maxdepth 1 -name '.2*.part' -newermt "-$healthy_seconds seconds") ]] && return
    fail "There is no recent dump. The newest is ${name:-missing}."
}

# Refuses to run beside another dump or restore: they would disturb each other.
take_turn() {
    exec 9>"$BACKUPS/.lock"
    flock -n 9 || fail "Another dump or restore is running: try again when it is done."
    rm -rf "$BACKUPS"/.2*.part
}

# Waits until a file has content. Fails if the process that writes it ends first.
wait_for() {
    until [[ -s $1 ]]; do
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.02
    done
}

# Keeps writers out of the temporary database until both snapshots are taken, for ten seconds at most. Its lock_timeout
# is below the server's deadlock_timeout, so that in a deadlock with a writer it gives up, not the writer.
lock_mining() {
    "${query[@]}" -d "$MINING_DATABASE" <<END
SET lock_timeout = '500ms';
BEGIN;
SELECT count(*) > 0 AS found, string_agg(format('%I.%I', schemaname, tablename), ', ') AS tables
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') \gset
\if :found
LOCK TABLE :tables IN SHARE MODE;
\endif
\! echo locked >'$work/locked'
\! n=0; until [ -e '$work/taken' ]; do sleep 0.02; n=\$((n + 1)); [ \$n -lt 500 ] || echo late >'$work/late'; [ ! -e '$work/late' ] || break; done
COMMIT;
END
}

# Holds a snapshot of a database open for pg_dump, and counts the rows in it.
hold_snapshot() {
    "${query[@]}" -d "$1" <<END
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() \g '$work/$1.snapshot'
\o '$part/$1.counts'
$counts_sql
\o
\! until [ -e '$work/dumped' ] || ! kill -0 $$ 2>/dev/null; do sleep 0.1; done
COMMIT;
END
}

# Takes both snapshots while nothing can write to the temporary database. Together they show what a crash at that moment
# would have left, and every step of a mining can resume from that.
take_snapshots() {
    local tries locker database
    for ((tries = 1; ; tries++)); do
        lock_mining 2>"$work/log" &
        locker=$!
        if wait_for "$work/locked" "$locker"; then break; fi
        wait "$locker" || true
        if ((tries == lock_tries)) || ! grep -q "lock timeout" "$work/log"; then
            fail "Could not take a snapshot: $(<"$work/log")"
        fi
        sleep 0.2
    done
    for database in "${databases[@]}"; do
        hold_snapshot "$database" &
        holders+=($!)
        wait_for "$work/$database.snapshot" $! || fail "Could not read the database $database."
    done
    [[ ! -e $work/late ]] || fail "The server is too slow: the snapshots took more than ten seconds."
    touch "$work/taken"
    wait "$locker"
}

# Ends what the current dump started, and removes its files.
clean_up() {
    touch "$work/dumped" "$work/taken"
    wait
    rm -rf "$work" "$part"
}

# Makes a dump. It gets its name only after it is complete and proven.
make_dump() {
    local database holder
    holders=()
    while name=$(stamp "$(date +%s)") && [[ -e $BACKUPS/$name ]]; do sleep 0.2; done
    part="$BACKUPS/.$name.part"
    work=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 143' TERM INT
    mkdir "$part"
    take_snapshots
    for database in "${databases[@]}"; do
        pg_dump --format=custom --snapshot="$(<"$work/$database.snapshot")" --file="$part/$database.dump" "$database"
    done
    touch "$work/dumped"
    for holder in "${holders[@]}"; do wait "$holder"; done
    (cd "$part" && sha256sum -- *.counts *.dump >SHA256SUMS)
    sync -- "$part"/* "$part"
    check "$part"
    prove "$part"
    mv -T "$part" "$BACKUPS/$name"
    sync -- "$BACKUPS"
    trap - EXIT
    rm -rf "$work"
}

# Fails unless all files of a dump are there, unchanged, and readable to the end.
check() {
    local database
    for database in "${databases[@]}"; do
        [[ -s $1/$database.dump && -e $1/$database.counts ]] || fail "$1 is incomplete: it has no dump of $database."
    done
    (cd "$1" && sha256sum --check --quiet --strict SHA256SUMS >&2) || fail "$1 is damaged: use another dump."
    for database in "${databases[@]}"; do
        pg_restore --list "$1/$database.dump" >/dev/null
        pg_restore --file=/dev/null "$1/$database.dump"
    done
}

# Restores one database of a dump under a name. Fails unless every table has as many rows as when it was dumped.
load() {
    dropdb --if-exists --force "$3" 2>/dev/null
    createdb --template=template0 --encoding=UTF8 --owner="$2" "$3"
    pg_restore --exit-on-error --dbname="$3" "$1/$2.dump"
    "${query[@]}" -d "$3" <<<"$counts_sql" | diff "$1/$2.counts" - >&2 || fail "The restored $2 has other row counts."
}

# Restores a dump beside the databases and drops it again, unless the disk is too full for that.
prove() {
    local need free database
    need=$("${query[@]}" -d postgres -c "SELECT sum(pg_database_size(datname)) FROM pg_database")
    free=$(df --output=avail -B1 "$BACKUPS" | tail -n 1)
    if ((free < 2 * need)); then
        say "The dump is readable, but no test restore was made: that needs $((2 * need)) free bytes, and $free are left."
        return
    fi
    for database in "${databases[@]}"; do
        load "$1" "$database" "${database}_proof"
        dropdb --force "${database}_proof"
    done
}

# Removes the oldest dumps, down to the number to keep.
prune() {
    local old
    for old in $(dumps | tail -n "+$((BACKUPS_KEPT + 1))"); do rm -rf "${BACKUPS:?}/$old"; done
}

dump() {
    take_turn
    make_dump
    prune
    printf '%s\n' "$name"
}

verify() {
    [[ $1 == 2???-??-??T??-??-??Z && -d $BACKUPS/$1 ]] || fail "There is no dump $1. Available: $(dumps | tr '\n' ' ')"
    check "$BACKUPS/$1"
}

set_up() { "${query[@]}" -d postgres -f "$SETUP_SQL"; }

refuse_while_used() {
    local sessions until=$((SECONDS + in_use_seconds))
    while :; do
        sessions=$("${query[@]}" -d postgres -c "SELECT count(*) FROM pg_stat_activity
            WHERE datname IN ('$PERMANENT_DATABASE', '$MINING_DATABASE') AND backend_type = 'client backend'")
        ((sessions)) || return 0
        ((SECONDS < until)) || fail "The databases are in use (open sessions: $sessions). Stop the services first."
        sleep 0.5
    done
}

# Swaps both databases for the restored ones, in one transaction.
exchange() {
    local database
    for database in "${databases[@]}"; do
        echo "ALTER DATABASE $database RENAME TO ${database}_replaced;"
        echo "ALTER DATABASE ${database}_restored RENAME TO $database;"
    done | "${query[@]}" -d postgres --single-transaction -f -
}

# Dumps the databases first, so that a restore can be undone. --discard skips that, for databases that can no longer be
# dumped. Until the exchange, nothing existing is touched, and a second run starts over.
restore() {
    local database
    take_turn
    verify "$1"
    set_up
    refuse_while_used
    if [[ ${2:-} != --discard ]]; then
        make_dump
        say "The databases as they were are in the dump $name."
    fi
    for database in "${databases[@]}"; do
        load "$BACKUPS/$1" "$database" "${database}_restored"
        vacuumdb --quiet --analyze-only "${database}_restored"
        dropdb --if-exists --force "${database}_replaced" 2>/dev/null
    done
    exchange
    set_up
    for database in "${databases[@]}"; do dropdb --force "${database}_replaced"; done
}

# Gives each dump its own process group, so that a stop reaches everything the dump has started.
nightly() {
    local child="" pause="" seconds
    trap '[[ -z $child ]] || kill -TERM -- "-$child" || true; [[ -z $pause ]] || kill "$pause" || true; wait; exit 0' TERM INT
    while :; do
        seconds=60
        if is_due; then
            setsid bash "$0" dump &
            child=$!
            wait "$child" || seconds=$retry_seconds
            child=""
        fi
        sleep "$seconds" &
        pause=$!
        wait "$pause"
        pause=""
    done
}

serve_new() {
    local arguments
    read -ra arguments <<<"${POSTGRES_INITDB_ARGS:-}"
    rm -rf "$1"
    initdb --pgdata="$1" --username="$PGUSER" --pwfile=<(printf '%s\n' "$PGPASSWORD") "${arguments[@]}" >&2
    echo "host all all all scram-sha-256" >>"$1/pg_hba.conf"
    exec postgres -D "$1" -c listen_addresses= -c unix_socket_directories="$PGHOST" -c password_encryption=scram-sha-256
}

case "${1:-}" in
    nightly | dump | healthy) "$1" ;;
    list) dumps ;;
    verify) verify "${2:?which dump?}" ;;
    restore) restore "${2:?which dump?}" "${3:-}" ;;
    serve-new) serve_new "${2:?in which folder?}" ;;
    *) fail "usage: backup.sh nightly | dump | list | verify NAME | restore NAME [--discard] | healthy | serve-new PATH" ;;
esac
