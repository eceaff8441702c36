#!/usr/bin/env bash
# Instructions for each piece of work, h1-core's beside the rivals': what N times cost more than none, counted by
# valgrind's callgrind. Does not depend on what else the machine does.
#
#   callgrind.sh [WORK...]    all work, or the work whose name contains one of these
set -euo pipefail
cd "$(dirname "$0")/.."

N=${N:-50}

if ! command -v valgrind >/dev/null; then
    echo "SKIPPED: callgrind.sh needs valgrind" >&2
    exit 0
fi

program=$(cargo build --quiet --profile bench -p benches --bin benches --message-format json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')

# count WORK WHO TIMES
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# each WORK WHO: twice as often, less once as often, so that start and warm-up do not count.
each() {
    echo $((($(count "$1" "$2" $((2 * N))) - $(count "$1" "$2" "$N")) / N))
}

chosen() {
    local pattern
    for pattern in "$@"; do
        case $work in *"$pattern"*) return 0 ;; esac
    done
    [ $# = 0 ]
}

echo "| work | h1-core | rival | | ratio |"
echo "|---|---|---|---|---|"
"$program" | while IFS=$'\t' read -r work who; do
    chosen "$@" || continue
    if [ "$who" = h1-core ]; then
        ours=$(each "$work" "$who")
    else
        theirs=$(each "$work" "$who")
        ratio=$(awk "BEGIN { printf \"%.3f\", $ours / $theirs }")
        echo "| $work | $ours | $who | $theirs | $ratio |"
    fi
done
