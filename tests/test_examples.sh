#!/bin/sh
# The small programs: a few steps, --resume, --help, mistakes. usage: test_examples.sh BUILD
set -eu
apps=$1/apps/examples
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
checks=0 failures=0
device=${REEL_TEST_DEVICE:-cpu}

check() { # check NAME COMMAND...: it succeeds
    name=$1
    shift
    checks=$((checks + 1))
    if ! "$@" >"$temp/log" 2>&1; then
        failures=$((failures + 1))
        echo "FAILED: $name"
        sed 's/^/    /' "$temp/log"
    fi
}
refuses() { # refuses STATUS TEXT COMMAND...: it ends so, and says so
    want=$1 text=$2 status=0
    shift 2
    "$@" >"$temp/out" 2>&1 || status=$?
    if [ "$status" = "$want" ] && grep -qF -- "$text" "$temp/out"; then return 0; fi
    cat "$temp/out"
    return 1
}
# The run in $1 again from the checkpoint before its last, into $2, and the last are the same bytes.
again() {
    from=$1 into=$2
    shift 2
    mkdir -p "$temp/$into"
    cp "$temp/$from/checkpoint.safetensors.1" "$temp/$into/checkpoint.safetensors"
    sed '$d' "$temp/$from/history.csv" >"$temp/$into/history.csv"
    "$@" "$into" --resume && same "$from" "$into" && cmp "$temp/$from/history.csv" "$temp/$into/history.csv"
}
same() { cmp "$temp/$1/checkpoint.safetensors" "$temp/$2/checkpoint.safetensors"; }
png() { head -c 8 "$1" | od -An -tx1 | grep -q '89 50 4e 47'; }

cnn() {
    out=$1
    shift
    "$apps/mnist_cnn" --data synthetic --limit 150 --batch 50 --device "$device" --out "$temp/$out" "$@"
}
check 'mnist_cnn trains' cnn whole --epochs 2
check 'mnist_cnn shows what it gets wrong' png "$temp/whole/wrong.png"
check 'mnist_cnn has a history' grep -q '^epoch,loss,accuracy' "$temp/whole/history.csv"
two_epochs() { cnn "$@" --epochs 2; }
check 'mnist_cnn goes on to the same bits' again whole half two_epochs
check 'mnist_cnn goes on from nothing' cnn new --epochs 1 --resume
check 'mnist_cnn --help' refuses 0 'usage: mnist_cnn' "$apps/mnist_cnn" --help
check 'mnist_cnn: unknown option' refuses 2 'unknown option: --nothing' "$apps/mnist_cnn" --nothing
check 'mnist_cnn: a bad number' refuses 2 "--epochs: not understood, or out of range: '0'" cnn bad --epochs 0
check 'mnist_cnn: no data' refuses 1 nowhere "$apps/mnist_cnn" --data "$temp/nowhere" --out "$temp/bad"

lm() {
    model=$1 out=$2
    shift 2
    "$apps/char_lm" --model "$model" --batch 4 --context 16 --width 16 --layers 2 --heads 2 --sample 20 \
        --device "$device" --out "$temp/$out" "$@"
}
for model in lstm gpt; do
    check "char_lm trains $model" lm $model $model --steps 3
    check "char_lm: $model has a history" grep -q '^step,loss,validation' "$temp/$model/history.csv"
    check "char_lm goes on with $model" lm $model $model --steps 3 --resume
done
long_lm() { lm gpt "$@" --steps 252; } # a checkpoint at 250 and one at the end
check 'char_lm trains 252 steps' long_lm long
check 'char_lm goes on to the same bits' again long part long_lm
check 'char_lm reads a text' lm gpt text --steps 1 --text "$0"
check 'char_lm: too short a text' refuses 1 'too few for --context 16' sh -c "echo abc >$temp/abc && $apps/char_lm --context 16 --text $temp/abc --out $temp/bad"
check 'char_lm: no such model' refuses 2 'lstm or gpt' "$apps/char_lm" --model rnn
check 'char_lm --help' refuses 0 'usage: char_lm' "$apps/char_lm" --help

echo "Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
