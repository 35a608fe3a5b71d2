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

compile_cpp() { # c++17
    # shellcheck disable=SC2046
    ${CXX:-c++} -std=c++17 -Wall -Wextra -Wpedantic -Werror installed_model.cpp -o "$temp/model_cpp" \
        $(pkg-config --cflags --libs reel)
}

# Nothing of its own stands beside reel/, and one include path is enough.
one_folder() {
    [ "$(ls "$(pkg-config --variable=includedir reel)")" = reel ] &&
        ! pkg-config --cflags reel | grep -o '\S*/reel\b'
}

needs_little() { # no stack of TLS for the sake of a download
    found=$(find "$temp" -name 'libreel.so*' | head -n 1)
    [ -n "$found" ] && ! readelf -d "$found" | grep NEEDED | grep -E 'curl|ssl|crypto|tls'
}

compile_readme() { # the first C program that README.md shows
    awk '/^```/ { inside = $0 == "```c" && !seen++; next } inside' ../../README.md >"$temp/readme.c"
    grep -q main "$temp/readme.c" && compile "$temp/readme.c"
}

configures() { # configures KIND: static, shared
    meson setup "$temp/$1" ../.. -Ddefault_library="$1" -Dcuda=disabled >"$temp/log" 2>&1 || { tail -n 4 "$temp/log" && false; }
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
if command -v "${CXX:-c++}" >/dev/null; then
    check 'a C++ program compiles and links' compile_cpp
    check 'the C++ program runs' "$temp/model_cpp"
fi
check 'the headers lie in one folder' one_folder
check 'the library needs no TLS' needs_little
check "README.md's program compiles and links" compile_readme
check 'a static library alone is configured' configures static
check 'a shared library alone is configured' configures shared

echo "Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
