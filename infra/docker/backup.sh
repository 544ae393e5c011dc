#!/usr/bin/env bash
# Dumps of both databases from one moment: made at night, proven by restoring them, kept by number.
#
#     backup.sh nightly          dump every night, and at once where a night was missed; the container's own process
#     backup.sh dump             dump now; prints the dump's name
#     backup.sh list             print the names of the dumps, newest first
#     backup.sh verify NAME      say whether a dump is whole
#     backup.sh restore NAME     put a dump in the place of what is there, of which a dump is made first
#     backup.sh healthy          say whether the newest dump is young enough, or one is being made
#     backup.sh serve-new PATH   make an empty server in a folder, and run it: what an upgrade restores into
#
# Of the environment: how libpq reaches the server as its superuser (PGHOST …), both databases' names
# (PERMANENT_DATABASE, MINING_DATABASE), the folder of dumps (BACKUPS), the SQL that makes databases and roles (SETUP_SQL,
# with its passwords), how many dumps are kept (BACKUPS_KEPT), and the hour of the night, in UTC (BACKUP_HOUR).
set -euo pipefail
umask 077
export PGCONNECT_TIMEOUT=10

readonly databases=("$PERMANENT_DATABASE" "$MINING_DATABASE")
readonly day=86400
readonly retry_seconds=300          # after a dump that failed
readonly healthy_seconds=$((26 * 3600)) # a night, and two hours for the dump
readonly lock_tries=300             # a minute or more of trying to find the temporary database without a writer
readonly in_use_seconds=5           # a session ends a moment after its container
readonly query=(psql -X -q -A -t -v ON_ERROR_STOP=1)

# The rows of each table, as statements; \gexec runs them.
readonly counts_sql="SELECT format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname, tablename)
    FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY schemaname COLLATE \"C\", tablename COLLATE \"C\" \\gexec"

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

stamp() { date -u -d "@$1" +%Y-%m-%dT%H-%M-%SZ; }

dumps() { find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '2???-??-??T??-??-??Z' -printf '%f\n' | sort -r; }

# Prints the newest dump's name, or nothing. One of a clock that was wrong counts for nothing.
newest() {
    local name now
    now=$(stamp "$(date +%s)")
    while read -r name; do
        if [[ ! $name > $now ]]; then
            printf '%s\n' "$name"
            return
        fi
    done < <(dumps)
}

# Says whether no dump is as new as the last hour of the night that has passed.
is_due() {
    local hour=$((10#$BACKUP_HOUR * 3600)) now
    now=$(date +%s)
    [[ $(newest) < $(stamp $(((now - hour) / day * day + hour))) ]]
}

healthy() {
    [[ $(newest) > $(stamp $(($(date +%s) - healthy_seconds))) ]] && return
    [[ -n $(find "$BACKUPS" -maxdepth 1 -name '.2*.part' -newermt "-$healthy_seconds seconds") ]] && return
    fail "The newest dump is $(newest): too old."
}

# Two that work on dumps or databases at once would spoil each other's: the second one is refused.
take_turn() {
    exec 9>"$BACKUPS/.lock"
    flock -n 9 || fail "Another dump or restore is under way: try again when it has ended."
    rm -rf "$BACKUPS"/.2*.part
}

# Waits until a file has something in it; fails where the process that writes it has ended without.
wait_for() {
    until [[ -s $1 ]]; do
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.02
    done
}

# Keeps every writer out of the temporary database until both snapshots are taken, ten seconds at most. Its own wait is
# shorter than the server's deadlock_timeout: where it and a writer wait for each other, it is the one that gives up.
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

# Holds a snapshot of a database for pg_dump to use, and counts in it what there is.
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

# Takes both snapshots at a moment when nothing can be written to the temporary database: what is read of it is what it
# held when the permanent one was read. Together they are what a crash at that moment would have left, and that is what
# every step of a mining goes on from.
take_snapshots() {
    local tries locker database
    for ((tries = 1; ; tries++)); do
        lock_mining 2>"$work/log" &
        locker=$!
        if wait_for "$work/locked" "$locker"; then break; fi
        wait "$locker" || true
        if ((tries == lock_tries)) || ! grep -q "lock timeout" "$work/log"; then
            fail "No snapshot could be taken: $(<"$work/log")"
        fi
        sleep 0.2
    done
    for database in "${databases[@]}"; do
        hold_snapshot "$database" &
        holders+=($!)
        wait_for "$work/$database.snapshot" $! || fail "$database lets nobody read it."
    done
    [[ ! -e $work/late ]] || fail "The server is too slow: the snapshots took more than ten seconds."
    touch "$work/taken"
    wait "$locker"
}

# Ends what the dump at hand has started, and removes what it leaves behind.
clean_up() {
    touch "$work/dumped" "$work/taken"
    wait
    rm -rf "$work" "$part"
}

# Makes a dump, and proves it: it has its name only once it is whole.
make_dump() {
    local database holder
    holders=()
    name=$(stamp "$(date +%s)")
    while [[ -e $BACKUPS/$name ]]; do
        sleep 0.2
        name=$(stamp "$(date +%s)")
    done
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

# Fails unless a dump's files are there, as they were written, and can be read to the end.
check() {
    local database
    for database in "${databases[@]}"; do
        [[ -s $1/$database.dump && -e $1/$database.counts ]] || fail "$1 has no dump of $database: it is not whole."
    done
    (cd "$1" && sha256sum --check --quiet --strict SHA256SUMS >&2) || fail "$1 is damaged: take another dump."
    for database in "${databases[@]}"; do
        pg_restore --list "$1/$database.dump" >/dev/null
        pg_restore --file=/dev/null "$1/$database.dump"
    done
}

# Restores one database of a dump under a name, and fails unless it has as many rows as when it was dumped.
load() {
    dropdb --if-exists --force "$3" 2>/dev/null
    createdb --template=template0 --encoding=UTF8 --owner="$2" "$3"
    pg_restore --exit-on-error --dbname="$3" "$1/$2.dump"
    "${query[@]}" -d "$3" <<<"$counts_sql" | diff "$1/$2.counts" - >&2 || fail "$2 was not restored as it was dumped."
}

# Restores a dump beside the databases, and drops it again. That takes as much room as they do: where there is too little
# of it, a dump that can be read has to do.
prove() {
    local need free database
    need=$("${query[@]}" -d postgres -c "SELECT sum(pg_database_size(datname)) FROM pg_database")
    free=$(df --output=avail -B1 "$BACKUPS" | tail -n 1)
    if ((free < 2 * need)); then
        say "The dump was read, but not restored to prove it: that needs $((2 * need)) free bytes, and $free are left."
        return
    fi
    for database in "${databases[@]}"; do
        load "$1" "$database" "${database}_proof"
        dropdb --force "${database}_proof"
    done
}

# Removes the oldest dumps beyond those that are kept.
prune() {
    local old
    while read -r old; do rm -rf "${BACKUPS:?}/$old"; done < <(dumps | tail -n "+$((BACKUPS_KEPT + 1))")
}

dump() {
    take_turn
    make_dump
    prune
    printf '%s\n' "$name"
}

folder_of() {
    [[ $1 == 2???-??-??T??-??-??Z && -d $BACKUPS/$1 ]] || fail "There is no dump $1; there are: $(dumps | tr '\n' ' ')"
    printf '%s\n' "$BACKUPS/$1"
}

verify() {
    local folder
    folder=$(folder_of "$1")
    check "$folder"
}

set_up() { "${query[@]}" -d postgres -f "$SETUP_SQL"; }

refuse_while_used() {
    local sessions until=$((SECONDS + in_use_seconds))
    while :; do
        sessions=$("${query[@]}" -d postgres -c "SELECT count(*) FROM pg_stat_activity
            WHERE datname IN ('$PERMANENT_DATABASE', '$MINING_DATABASE') AND backend_type = 'client backend'")
        ((sessions)) || return 0
        ((SECONDS < until)) || fail "The databases are in use by $sessions sessions: stop what uses them first."
        sleep 0.5
    done
}

# Exchanges both databases for those restored beside them, in one transaction.
exchange() {
    local database
    {
        echo "BEGIN;"
        for database in "${databases[@]}"; do
            echo "ALTER DATABASE $database RENAME TO ${database}_replaced;"
            echo "ALTER DATABASE ${database}_restored RENAME TO $database;"
        done
        echo "COMMIT;"
    } | "${query[@]}" -d postgres
}

# A dump of what is there comes first, so that a restore can be taken back; --discard does without, for what cannot be
# dumped any more. Up to the exchange nothing that is there is touched, and running it again begins anew.
restore() {
    local folder database
    folder=$(folder_of "$1")
    take_turn
    check "$folder"
    set_up
    refuse_while_used
    if [[ ${2:-} != --discard ]]; then
        make_dump
        say "What was there is kept as $name."
    fi
    for database in "${databases[@]}"; do
        load "$folder" "$database" "${database}_restored"
        vacuumdb --quiet --analyze-only "${database}_restored"
        dropdb --if-exists --force "${database}_replaced" 2>/dev/null
    done
    exchange
    set_up
    for database in "${databases[@]}"; do dropdb --force "${database}_replaced"; done
}

# Each dump has a process group of its own, so that a stop reaches what it has started.
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
