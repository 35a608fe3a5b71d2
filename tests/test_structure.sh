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

library='tensor autograd capture nn optim data io cuda'
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
    grep -nE '^ *# *include *("|<(reel|tensor|autograd|capture|nn|optim|data|io|cuda|apps|tests)[./])' $(c_files "$@") /dev/null |
        sed -E 's/^([^:]*:[0-9]*):[^"<]*["<]([^">]*).*/\1: \2/; s,: \.\./,: ,; s,^([a-z]+)(/[^ ]*: )([^/]*)$,\1\2\1/\3,'
}

points_up() { # points_up FOLDER 'FOLDER BELOW|...'
    includes "$1" | grep -vE ": ($1|$2)/" || true
}

asks_for_nvcc() { # which compiler it is, cuda/ alone asks
    # shellcheck disable=SC2046  # as above
    grep -nE '__CUDACC__|__CUDA_ARCH__|__CUDACC_RTC__' $(c_files tensor autograd capture nn optim data io apps) /dev/null || true
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
#include "cuda/cuda.h"' | $cc -I. -MM -x c - | tr ' ' '\n' | grep '\.h$' | sed 's,[a-z]*/\.\./,,' | sort -u; }

parses() { # parses COMPILER FLAG...: each public header by itself
    for header in $(public_headers); do
        echo "#include \"$header\"" | "$@" -I. -fsyntax-only -Wall -Wextra -Wpedantic -Werror -
    done
}

stray_headers() { # a header that reel.h does not lead to is private, and says so; a backend's author needs two more
    public_headers >"$temp/public"
    # shellcheck disable=SC2086
    find $library -name '*.h' ! -name '*_internal.h' ! -path tensor/backend.h ! -path tensor/formulas/scalar.h |
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

# A public function takes a call site, has a macro of its own name that says one (tensor/error.h), or is one of
# these.
siteless='
    reel_failed reel_error_status reel_error reel_clear_error reel_report reel_fail reel_site_of_thread
        what failures are kept, asked for and given by
    reel_dtype_name reel_dtype_size reel_device_count reel_ndim reel_dim reel_stride reel_shape_of reel_numel
    reel_dtype_of reel_device_of reel_is_contiguous reel_shape_equal reel_name reel_threads
    reel_tensors_alive reel_is_tracked reel_grad reel_generator_state
    reel_state_left_out_count reel_state_left_out_name reel_state_left_out_why
    reel_state_count reel_state_name reel_state_at reel_state_get reel_state_get_in reel_state_text
    reel_state_text_count reel_state_text_key reel_state_text_value reel_state_int reel_state_double
    reel_loader_epoch reel_loader_position reel_history_rows reel_history_get reel_optim_group_count
    reel_file_exists reel_philox reel_version reel_context_user reel_context_needs
    reel_ema_get reel_ema_updates reel_plan_programs reel_profile_events
        only look, and give 0, NULL, NaN or false where there is nothing
    reel_retain reel_scope_close reel_scope_return reel_leak_report
    reel_grad_mode_enter reel_grad_mode_leave reel_set_anomaly reel_untrack reel_zero_grad reel_remove_hook
    reel_manual_seed reel_next_seed reel_train reel_eval reel_module_freeze reel_optim_zero_grad reel_history_truncate
    reel_profile_clear reel_profile_range_close
        do what is always possible
    reel_state_free reel_generator_free reel_module_free reel_dataset_free reel_sampler_free
    reel_batch_sampler_free reel_loader_free reel_mnist_free reel_history_free reel_meter_reset reel_optim_free
    reel_schedule_free reel_ema_free reel_plan_free
        free
    reel_context_save reel_context_saved reel_into_begin reel_into_end reel_into_leave
        name the call that applied the function
'
functions_without_a_site() {
    # shellcheck disable=SC2046
    sed -nE 's/^#define (reel_[a-z0-9_]+)\(\.\.\.\).*/\1/p' $(public_headers) | sort >"$temp/macros"
    echo "$siteless" | tr ' ' '\n' | grep '^reel_' | sort >"$temp/siteless"
    echo '#include "reel.h"
#include "cuda/cuda.h"' | $cc -I. -E -P -x c - | tr '\n' ' ' | tr ';' '\n' | grep 'visibility("default")' |
        grep -vE '\( *const char \*at *[,)]' |
        sed -nE 's/.*visibility\("default"\)\)\) *([^(]*[ *])?([A-Za-z0-9_]+)\(.*/\2/p' | sort >"$temp/without"
    [ -s "$temp/macros" ] && [ -s "$temp/without" ] || echo 'nothing found to compare'
    sort -u "$temp/macros" "$temp/siteless" | comm -23 "$temp/without" -
    comm -23 "$temp/siteless" "$temp/without" | sed 's/$/: is no such function, or takes a site/'
    comm -12 "$temp/siteless" "$temp/macros" | sed 's/$/: has a macro/'
}

# ---- files ----------------------------------------------------------------------------------------------

# Files that call each other in a circle can't be read, tested or taken out one by one. For each step of a circle:
# whose file uses whose, and a name. A backend's kernels may use any op, and are found by these tables, which are
# therefore no step of a circle.
tables='reel__ops reel__cpu_backend reel__cuda_backend'
in_circles() { # in_circles OBJECT|ARCHIVE...
    nm -A "$@" 2>/dev/null | awk -v tables="$tables" '
        function leads_back(from, to,    i) { # the steps from `from` lead to `to`
            if (from == to) return 1
            seen[from] = 1
            for (i = 1; i <= steps[from]; i++)
                if (!(step[from, i] in seen) && leads_back(step[from, i], to)) return 1
            return 0
        }
        BEGIN { split(tables, t, " "); for (i in t) table[t[i]] = table["_" t[i]] = 1 }
        {
            n = split($0, part, ":")
            file = part[n - 1]
            sub(/.*\//, "", file); sub(/\.o$/, "", file)
            n = split(part[n], word, " ")
            if (word[n - 1] == "U") uses[file, word[n]] = 1
            else if (word[n - 1] ~ /^[TDBRSC]$/) home[word[n]] = file
        }
        END {
            for (pair in uses) {
                split(pair, p, SUBSEP)
                if (p[2] in table || !(p[2] in home) || home[p[2]] == p[1]) continue
                if (!((p[1], home[p[2]]) in name)) step[p[1], ++steps[p[1]]] = home[p[2]]
                name[p[1], home[p[2]]] = p[2]
            }
            for (pair in name) {
                split(pair, p, SUBSEP)
                split("", seen)
                if (leads_back(p[2], p[1])) print p[1] " uses " p[2] ": " name[pair]
            }
        }' | sort
}

circles() {
    [ -f "$build/libreel.a" ] || echo 'no libreel.a to look into'
    in_circles "$build/libreel.a"
    for program in "$build"/apps/*/*.p "$build"/apps/*.p; do
        [ -d "$program" ] && in_circles "$program"/*.o
    done
    return 0
}

same_names() {
    find . \( -path './build*' -o -path ./runs -o -path ./.git \) -prune -o -type f \
        ! -name meson.build ! -name '.*' -print | sed 's|.*/||' | grep -E '\.(c|h|cu|cuh|def|py|sh)$' | sort | uniq -d
}

long_files() {
    # shellcheck disable=SC2046,SC2086
    wc -l $(c_files $library apps tests) reel.h | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }'
}

rule 'tensor includes tensor alone' points_up tensor tensor
# Guards stood before braces once; what is left of that must not become something else.
guards_take_no_braces() {
    for guard in REEL_SCOPE REEL_NO_GRAD REEL_ENABLE_GRAD; do
        echo "#include <reel.h>
            void f(void) { $guard; reel_tensors_alive(); }" | $cc -x c -I. -fsyntax-only - || echo "$guard;"
        for form in "$guard { }" "$guard reel_tensors_alive();" "if (1) $guard;"; do
            echo "#include <reel.h>
                void f(void) { $form }" | $cc -x c -std=c11 -I. -fsyntax-only - 2>/dev/null && echo "compiles: $form"
        done
    done
    return 0
}

undeclared_names() { # what doc/coming-from-pytorch.md calls Reel's
    # shellcheck disable=SC2046
    cat $(public_headers) >"$temp/headers"
    grep -oE 'reel_[a-z0-9_]+' doc/coming-from-pytorch.md | sort -u | while read -r name; do
        grep -qE "\\b$name(_at)?\\b" "$temp/headers" || echo "$name"
    done
}

missing_files() { # what documents call files of Reel's; two are of others
    find . -name 'build*' -prune -o -name .git -prune -o -type f -print >"$temp/files"
    # shellcheck disable=SC2016  # no command, but Markdown
    grep -ohE '`[a-z0-9][a-z0-9_/]*\.(c|h|cu|cuh|def|sh|py|md)`' ./*.md doc/*.md | tr -d '`' | sort -u |
        grep -vxE 'cudnn\.h|nvrtc\.h' | while read -r name; do
        grep -q "/$name\$" "$temp/files" || echo "$name"
    done
}

rule 'autograd includes tensor' points_up autograd tensor
rule 'capture includes autograd, tensor' points_up capture 'autograd|tensor'
rule 'nn includes autograd, tensor' points_up nn 'autograd|tensor'
rule 'optim includes autograd, tensor' points_up optim 'autograd|tensor'
rule 'io includes tensor' points_up io tensor
rule 'data includes io, tensor' points_up data 'io|tensor'
rule 'cuda includes tensor' points_up cuda tensor
rule 'CUDA is known to cuda alone' asks_for_nvcc
rule 'apps use public headers alone' apps_look_inside
rule 'public headers parse as C11' parses "$cc" -x c -std=c11
if echo | $cc -x c++ -fsyntax-only - 2>/dev/null; then
    rule 'public headers parse as C++17' parses "$cc" -x c++ -std=c++17
fi
rule 'a guard with braces behind it does not compile' guards_take_no_braces
rule 'headers that are not public end in _internal.h' stray_headers
rule 'the library exports what its headers declare, all named reel_' exports_are_declarations
rule 'the library never ends the process, never prints' forbidden_calls
rule 'functions that may fail name the call' functions_without_a_site
rule 'the names in doc/coming-from-pytorch.md are declared' undeclared_names
rule 'the files that documents name are there' missing_files
rule 'file names are unique' same_names
rule 'no circles among files' circles
rule 'no file has more than 800 lines' long_files

echo "Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
