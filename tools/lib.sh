# SPDX-License-Identifier: Apache-2.0
# What ./run, ./test, tools/* and bench/run share. Sourced, never run. Needs bash and coreutils only: on a fresh
# machine nothing else is there yet.

set -euo pipefail

WEIR_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WEIR_CACHE=${WEIR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/weir}
WEIR_STATE=${XDG_STATE_HOME:-${HOME:-/root}/.local/state}/weir
export WEIR_CACHE

# Everything that is said goes to stderr: stdout belongs to the command that runs in the end.
say() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The home folder as people write it.
tilde() {
    case "$1" in
    "${HOME:-/nonexistent}"/*) printf '~/%s' "${1#"$HOME"/}" ;;
    "$WEIR_ROOT"/*) printf '%s' "${1#"$WEIR_ROOT"/}" ;;
    *) printf '%s' "$1" ;;
    esac
}

cores() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

# with_progress WHAT LOG COMMAND... runs COMMAND with its output in LOG and says now and then how far it is: the
# last "[12/345]" of ninja or cmake where there is one, else the seconds. On failure the end of LOG is shown.
with_progress() {
    local what=$1 log=$2 began=$SECONDS pid status=0 every=15 at tty=0
    shift 2
    mkdir -p "$(dirname "$log")"
    : >"$log"
    [ -t 2 ] && [ "${TERM:-dumb}" != dumb ] && tty=1 every=1
    set -m # a process group of its own, so that Ctrl-C ends compilers too
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    # shellcheck disable=SC2064
    trap "kill -TERM -- -$pid 2>/dev/null || true; trap - INT TERM; kill -INT $BASHPID" INT TERM
    local next=$((SECONDS + every))
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        [ "$SECONDS" -ge "$next" ] || continue
        next=$((SECONDS + every))
        at=$(tail -c 2000 "$log" | tr '\r' '\n' | grep -oE '^\[ *[0-9]+/[0-9]+' | tail -n 1 | tr -d '[ ' || true)
        if [ $tty = 1 ]; then
            printf '\r\033[K  %s ... %s%d s' "$what" "${at:+$at, }" "$((SECONDS - began))" >&2
        else
            printf '  %s ... %s%d s\n' "$what" "${at:+$at, }" "$((SECONDS - began))" >&2
        fi
    done
    wait "$pid" || status=$?
    trap - INT TERM
    [ $tty = 1 ] && printf '\r\033[K' >&2
    if [ $status != 0 ]; then
        [ -z "${quiet_failure:-}" ] || return $status # the caller shows it in its own way
        say "  $what: failed (exit $status). The end of $log:"
        tail -n 25 "$log" >&2
        return $status
    fi
    [ $((SECONDS - began)) -lt 2 ] || say "  $what: done in $((SECONDS - began)) s"
}

# with_lock NAME COMMAND... : one at a time among all checkouts that share the cache.
with_lock() {
    local name=$1
    shift
    mkdir -p "$WEIR_CACHE"
    exec 9>"$WEIR_CACHE/.lock-$name"
    if command -v flock >/dev/null && ! flock -n 9; then
        say "  waiting for another run that is preparing $name in $(tilde "$WEIR_CACHE") ..."
        flock 9
    fi
    "$@" 9>&- # not in a condition: `set -e` stays in force inside
    exec 9>&-
}

# HOST:PORT → two words; IPv6 in brackets is understood.
split_address() {
    local host=${1%:*} port=${1##*:}
    case "$port" in '' | *[!0-9]*) die "'$1' is not HOST:PORT" ;; esac
    host=${host#[}
    host=${host%]}
    printf '%s %s' "${host:-127.0.0.1}" "$port"
}

port_open() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# Who listens on a TCP port of this machine, as "PID 12 (name)"; empty where it cannot be seen.
port_holder() {
    local hex inodes inode link pid name
    hex=$(printf '%04X' "$1")
    inodes=$(awk -v p=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == p { print $10 }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null) || return 0
    for inode in $inodes; do
        for link in /proc/[0-9]*/fd/*; do
            [ "$(readlink "$link" 2>/dev/null)" = "socket:[$inode]" ] || continue
            pid=${link#/proc/}
            pid=${pid%%/*}
            name=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true)
            printf 'PID %s (%.60s)' "$pid" "${name% }"
            return 0
        done
    done
    return 0
}

# http_get HOST PORT PATH : status line and body on stdout, without curl. Fails when nothing answers in 3 s.
http_get() {
    local line
    exec 3<>"/dev/tcp/$1/$2" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3
    while IFS= read -rt 3 line <&3 || [ -n "$line" ]; do
        printf '%s\n' "${line%$'\r'}"
        line=
    done
    exec 3<&- 3>&-
}

http_status() {
    (http_get "$@" 2>/dev/null || true) 2>/dev/null | awk 'NR == 1 { print $2; exit }'
}
