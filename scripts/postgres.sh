#!/usr/bin/env bash
# A private PostgreSQL server for tests: in a folder of its own, on a socket only, as a user who is not root.
#   scripts/postgres.sh run COMMAND...   starts one, runs the command with ATTENDANT_POSTGRES_URL, removes it
#   scripts/postgres.sh start FOLDER     starts one in a new folder, prints its URL
#   scripts/postgres.sh crash FOLDER     ends it at once, as a power cut would
#   scripts/postgres.sh restart FOLDER   starts it again
#   scripts/postgres.sh stop FOLDER      ends it and removes the folder
set -euo pipefail

fail() {
    echo "==> cannot go on: $*" >&2
    exit 1
}

# Debian keeps the server's programs outside the search path.
find_programs() {
    local folder
    for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) \
        "$(pg_config --bindir 2>/dev/null || true)" "$(dirname "$(command -v initdb || echo /)")"; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
            echo "$folder"
            return
        fi
    done
    fail "PostgreSQL is missing; run 'bash scripts/setup.sh postgres'"
}

# The server refuses to run as root.
unprivileged() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        runuser -u "$server_user" -- "$@"
    fi
}

control() {
    # From a folder that the server's user may enter.
    (cd / && unprivileged "$programs/pg_ctl" --silent --wait --pgdata "$1/data" "${@:2}") >&2
}

launch() {
    control "$1" --log "$1/log" --options "-k '$1' -c listen_addresses='' -c unix_socket_permissions=0700" start ||
        { tail -n 20 "$1/log" >&2; fail "PostgreSQL does not start"; }
}

start() {
    [ ! -e "$1/data" ] || fail "$1 holds a server already"
    mkdir -p "$1"
    [ "$(id -u)" -ne 0 ] || chown "$server_user" "$1"
    (cd / && unprivileged "$programs/initdb" --pgdata "$1/data" --username attendant --auth trust \
        --encoding UTF8 --no-locale >"$1/initdb.log" 2>&1) || { cat "$1/initdb.log" >&2; fail "initdb failed"; }
    launch "$1"
    echo "postgres://attendant@localhost/postgres?host=$1"
}

stop() {
    control "$1" --mode fast stop || true
    rm -rf "$1"
}

[ $# -ge 2 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
programs=$(find_programs)
server_user=postgres
id "$server_user" >/dev/null 2>&1 || server_user=nobody

case "$1" in
run)
    # Short: the path of a socket has to fit into 107 bytes.
    folder=$(mktemp -d /tmp/attendant-pg.XXXXXX)
    trap 'stop "$folder"' EXIT
    ATTENDANT_POSTGRES_URL=$(start "$folder")
    export ATTENDANT_POSTGRES_URL
    "${@:2}"
    ;;
start) start "$2" ;;
crash) control "$2" --mode immediate stop ;;
restart) launch "$2" ;;
stop) stop "$2" ;;
*) fail "unknown: $1" ;;
esac
