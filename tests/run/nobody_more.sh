#!/bin/sh
# SPDX-License-Identifier: MIT
# The second half of nobody.sh: all of it takes longer than one group may.
export GROUPS_OF_RUN='records terminal kill processes exec up'
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/../shim/alone" "$(dirname "$0")/nobody.sh"
exec "$(dirname "$0")/nobody.sh"
