#!/bin/sh
# test_installed.sh BUILD: a program built against an installed copy, with pkg-config alone, runs.
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")"
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
checks=0 failures=0

check() { # check WHAT COMMAND...
    what=$1
    shift
    checks=$((checks + 1))
    if ! "$@"; then
        failures=$((failures + 1))
        echo "failed: $what"
    fi
}

compile() { # compile FILE.c: what pkg-config prints is split into words
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror "$1" -o "$temp/model" $(pkg-config --cflags --libs reel)
}

compile_readme() { # the first C program that README.md shows
    awk '/^```/ { inside = $0 == "```c" && !seen++; next } inside' ../../README.md >"$temp/readme.c"
    grep -q main "$temp/readme.c" && compile "$temp/readme.c"
}

installed_files() { # the umbrella and the public headers, nothing private
    (cd "$temp" && find . -name reel.h | grep -q . && ! find . -name '*_internal.h' | grep .)
}

check 'meson install' meson install -C "$build" --destdir "$temp" --no-rebuild --quiet
pc=$(find "$temp" -name reel.pc)
PKG_CONFIG_PATH=${pc%/*}
PKG_CONFIG_SYSROOT_DIR=$temp
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
LD_LIBRARY_PATH=$(pkg-config --variable=libdir reel)
case $LD_LIBRARY_PATH in "$temp"*) ;; *) LD_LIBRARY_PATH=$temp$LD_LIBRARY_PATH ;; esac
export LD_LIBRARY_PATH
check 'public headers are installed, and they alone' installed_files
check 'a program compiles and links' compile installed_model.c
check 'the program runs' "$temp/model"
check "README.md's program compiles and links" compile_readme

echo "Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
