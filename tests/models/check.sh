#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tests/models/check.sh            the trainer's beliefs against Weir (check.py), with pinned packages in the cache
# tests/models/check.sh --torch    also gets PyTorch (5 GB, the trainer's environment) and trains a toy
#
# Without --torch the trainer's environment is used if it is there; else a small one (NumPy, gguf, tokenizers, 60 MB).
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/lib.sh"
here=$WEIR_ROOT/tests/models
export WEIR_BIN=${WEIR_BIN:-$WEIR_ROOT/build/weir}

# get FOLDER REQUIREMENTS
get() {
    ! cmp -s "$2" "$1/requirements.txt" || return 0
    rm -rf "$1" && python3 -m venv "$1" && "$1/bin/pip" install --disable-pip-version-check -q -r "$2" &&
        cp "$2" "$1/requirements.txt"
}

venv=$WEIR_CACHE/train-venv
wants=$WEIR_ROOT/tools/train/requirements.txt
if [ "${1:-}" != --torch ] && ! cmp -s "$wants" "$venv/requirements.txt"; then
    venv=$WEIR_CACHE/models-venv
    wants=$here/requirements.txt
fi
if ! with_lock "${venv##*/}" get "$venv" "$wants" >"$WEIR_CACHE/${venv##*/}.log" 2>&1; then
    tail -n 3 "$WEIR_CACHE/${venv##*/}.log" >&2
    echo "skip models - the Python packages of $(basename "$(dirname "$wants")")/requirements.txt could not be installed"
    exit 0
fi
GOMP_SPINCOUNT=0 OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 \
    exec "$venv/bin/python" "$here/check.py"
