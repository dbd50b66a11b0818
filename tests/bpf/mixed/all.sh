#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs in many languages side by side, as in a real suite.
# all.sh FOLDER: of the compiled programs. HOLD: seconds that their sockets stay open.
cd "$(dirname "$0")" || exit 9
python3 sockets.py &
node sockets.js &
perl sockets.pl &
ruby sockets.rb &
php sockets.php &
"$1/bpf/oracle-static" frozen "$((${HOLD:-0} * 1000 + 1))" &
"$1/bpf/oracle-static" clean_retry &
[ ! -x "$1/isolate/web" ] || "$1/isolate/web" tcp &
(: >/dev/tcp/127.0.0.1/9) 2>/dev/null
wait
