#!/bin/sh
# test_limits.sh BUILD: programs that may have little memory come to an end, and do their work or say why not. Prints
# each that does not, and then counts as Check does.
set -eu
build=$(cd "$1" && pwd)
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
checks=0 failures=0

# ends v|d KB COMMAND...: with so much to address (v) or to write to (d) it ends by itself, well or with a line on stderr.
ends() {
    which=$1 kb=$2 status=0
    shift 2
    checks=$((checks + 1))
    # shellcheck disable=SC3045  # dash, bash and busybox have these limits
    (ulimit "-$which" "$kb" && exec timeout -s KILL 20 "$@") >/dev/null 2>"$temp/err" || status=$?
    case $status in
    0) return ;;
    1 | 127) [ -s "$temp/err" ] && return ;; # 127: there is no room for the libraries
    esac
    failures=$((failures + 1))
    echo "failed: ulimit -$which $kb; $*: status $status"
    sed 's/^/    /' "$temp/err"
}

# Without a program's need of memory there would be nothing to see.
works() {
    checks=$((checks + 1))
    "$@" >/dev/null 2>"$temp/err" && return
    failures=$((failures + 1))
    echo "failed: $*"
    sed 's/^/    /' "$temp/err"
}

works "$build/tests/limits/limits"
for kb in 40000 60000 80000 90000 95000 100000 110000 120000 130000 140000 150000 160000 170000 180000 \
    190000 200000 220000 240000 260000 280000 300000 350000 400000 500000; do
    ends v "$kb" "$build/tests/limits/limits"
    ends d "$kb" "$build/tests/limits/limits"
    ends v "$kb" "$build/apps/mnist_ae/mnist_ae" --help
done

echo "Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
