#!/bin/sh
# test_structure.sh BUILD: the rules of ARCHITECTURE.md that a compiler does not check. Prints a line for
# each broken one, and then counts as Check does.
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
cc=${CC:-cc}
have() { command -v "$1" >/dev/null; }
have "${cc%% *}" || cc=gcc
have "$cc" || cc=clang

library='tensor autograd nn optim data io cuda'
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
checks=0 failures=0

# rule WHAT COMMAND...: COMMAND prints what breaks the rule, nothing if all is well, and succeeds.
rule() {
    what=$1
    shift
    checks=$((checks + 1))
    if "$@" >"$temp/broken" 2>&1 && ! [ -s "$temp/broken" ]; then return; fi
    failures=$((failures + 1))
    echo "broken: $what"
    head -n 40 "$temp/broken" | sed 's/^/    /'
}

c_files() { find "$@" -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.def'; }

# ---- includes point down ----------------------------------------------------------------------------

includes() { # includes FOLDER...: "file: header" for each header of Reel's own, in quotes or brackets
    # shellcheck disable=SC2046  # file names here have no spaces
    grep -nE '^ *# *include *("|<(reel|tensor|autograd|nn|optim|data|io|cuda|apps|tests)[./])' $(c_files "$@") /dev/null |
        sed -E 's/^([^:]*:[0-9]*):[^"<]*["<]([^">]*).*/\1: \2/'
}

points_up() { # points_up FOLDER 'FOLDER BELOW|...'
    includes "$1" | grep -vE ": ($1|$2)/" || true
}

apps_look_inside() { # an app may use reel.h, public headers, cuda/cuda.h and what lies in its own folder
    public_headers >"$temp/public"
    includes apps | grep ': .*/' | grep -vE ': (apps/|cuda/cuda\.h$)' |
        while IFS= read -r line; do
            grep -qxF "${line##*: }" "$temp/public" || echo "$line"
        done
}

# ---- public headers: cuda/cuda.h, and what reel.h leads to -------------------------------------------------------------

public_headers() { echo '#include "reel.h"
#include "cuda/cuda.h"' | $cc -I. -MM -x c - | tr ' ' '\n' | grep '\.h$'; }

parses() { # parses COMPILER FLAG...: each public header by itself
    for header in $(public_headers); do
        echo "#include \"$header\"" | "$@" -I. -fsyntax-only -Wall -Wextra -Wpedantic -Werror -
    done
}

stray_headers() { # a header that reel.h does not lead to is private, and says so; a backend's author needs two more
    public_headers >"$temp/public"
    # shellcheck disable=SC2086
    find $library -name '*.h' ! -name '*_internal.h' ! -path tensor/backend.h ! -path tensor/scalar.h |
        grep -vxF -f "$temp/public" || true
}

# ---- the library --------------------------------------------------------------------------------------

shared_library() { find "$build" -maxdepth 1 -name 'libreel.so*' -type f -o -maxdepth 1 -name 'libreel*.dylib' -type f; }

exports_are_declarations() { # "<": exported and not declared; ">": declared and not there
    nm -D --defined-only "$(shared_library)" |
        awk '{ sub(/@.*/, "", $NF); print $NF }' | grep -vxE '_init|_fini|_end|_edata|__bss_start' | sort -u >"$temp/exported"
    echo '#include "reel.h"
#include "cuda/cuda.h"' | $cc -I. -E -P -x c - | tr '\n' ' ' | tr ';' '\n' |
        sed -nE 's/.*visibility\("default"\)\)\) *([^(]*[ *])?([A-Za-z0-9_]+)\(.*/\2/p' | sort -u >"$temp/declared"
    [ -s "$temp/exported" ] && [ -s "$temp/declared" ] || echo 'nothing found to compare'
    diff "$temp/exported" "$temp/declared" | grep '^[<>]' || true
    grep -v '^reel_' "$temp/exported" || true
}

# Who ends the process or writes to a stream that the caller did not name. _exit is what a child process
# that could not become another program calls.
forbidden_calls() {
    nm -A -u "$build/libreel.a" >"$temp/undefined" 2>/dev/null || echo 'no libreel.a to look into'
    <"$temp/undefined" grep -E ' (abort|exit|_Exit|quick_exit|v?printf|__v?printf_chk|puts|putchar|perror|errx?|warnx?|stdout|stderr)$' || true
}

# ---- files ----------------------------------------------------------------------------------------------

same_names() {
    find . \( -path './build*' -o -path ./runs -o -path ./.git \) -prune -o -type f \
        ! -name meson.build ! -name '.*' -print | sed 's|.*/||' | grep -E '\.(c|h|cu|cuh|def|py|sh)$' | sort | uniq -d
}

long_files() {
    # shellcheck disable=SC2046,SC2086
    wc -l $(c_files $library apps tests) reel.h | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }'
}

rule 'tensor includes tensor alone' points_up tensor tensor
rule 'autograd includes tensor' points_up autograd tensor
rule 'nn includes autograd, tensor' points_up nn 'autograd|tensor'
rule 'optim includes autograd, tensor' points_up optim 'autograd|tensor'
rule 'io includes tensor' points_up io tensor
rule 'data includes io, tensor' points_up data 'io|tensor'
rule 'cuda includes tensor' points_up cuda tensor
rule 'apps use public headers alone' apps_look_inside
rule 'public headers parse as C11' parses "$cc" -x c -std=c11
if echo | $cc -x c++ -fsyntax-only - 2>/dev/null; then
    rule 'public headers parse as C++17' parses "$cc" -x c++ -std=c++17
fi
rule 'headers that are not public end in _internal.h' stray_headers
rule 'the library exports what its headers declare, all named reel_' exports_are_declarations
rule 'the library never ends the process, never prints' forbidden_calls
rule 'file names are unique' same_names
rule 'no file has more than 800 lines' long_files

echo "Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
