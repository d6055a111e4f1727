#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up a Python venv under the cache and runs check.py in it.
# Exit 77: skipped, because Python or its packages are not to be had.
here=$(cd "$(dirname "$0")" && pwd)
cache=${WEIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weir}
venv=$cache/train-venv
wants=$here/../../tools/train/requirements.txt

skip() { echo "skipped: $1"; exit 77; }

command -v python3 >/dev/null || skip "no python3"
if ! cmp -s "$wants" "$venv/requirements.txt"; then
    [ -n "$WEIR_OFFLINE" ] && skip "no Python packages and WEIR_OFFLINE is set"
    echo "installing the trainer's Python packages into $venv (a few minutes, about 5 GB)"
    python3 -m venv "$venv" || skip "python3 -m venv failed"
    "$venv/bin/pip" install -q -r "$wants" || skip "pip could not install $wants"
    cp "$wants" "$venv/requirements.txt"
fi
GOMP_SPINCOUNT=0 OMP_WAIT_POLICY=PASSIVE exec "$venv/bin/python" "$here/check.py" "$@"
