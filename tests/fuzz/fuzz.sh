#!/bin/sh
# Every fuzzer for a short time and from one seed, so that a commit is judged the same way twice;
# `make fuzz FUZZ_SECONDS=600` is the long way, and hunts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
targets=$(find tests/fuzz -name '*.c' -printf '.out/fuzz/%f\n' | sed 's/\.c$//' | sort)
# shellcheck disable=SC2086 # the list is words
make -s -j"$(nproc)" $targets >&2
FUZZ_SECONDS=${FUZZ_SECONDS:-$([ -n "${QUICK-}" ] && echo 2 || echo 10)}
export FUZZ_SECONDS FUZZ_SEED=1
# shellcheck disable=SC2086
exec tests/fuzz/run $targets
