#!/bin/sh
# The program mnist_ae as its users meet it: bad input, interrupted runs, results.
#
#     sh tests/test_app.sh path/to/mnist_ae          KILLS=50 kills that many runs, not 6
#                                                    REEL_TEST_DEVICE=cuda trains there, not on the CPU
#
# Prints each check that fails, and at the end "Checks: N, Failures: F, Errors: 0".
set -u

case ${1-} in
"") echo "usage: test_app.sh path/to/mnist_ae" >&2; exit 2 ;;
/*) app=$1 ;;
*) app=$PWD/$1 ;;
esac
kills=${KILLS:-6}
device=${REEL_TEST_DEVICE:-cpu}
work=$(mktemp -d "${TMPDIR:-/tmp}/reel-test-app-XXXXXX") || exit 1
full=$work/full
trap 'umount "$full" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1
unset REEL_DATA OMP_NUM_THREADS
LC_ALL=C
export LC_ALL

# ---- checking --------------------------------------------------------------------------------------

checks=0
failures=0

# verdict STATUS WORDS...: counts a check that held if STATUS is 0, else says that it did not.
verdict() {
    checks=$((checks + 1))
    [ "$1" -eq 0 ] && return 0
    failures=$((failures + 1))
    shift
    echo "FAILED: $*"
    [ ! -s err ] || sed 's/^/    stderr: /' err | head -5
    return 0
}

holds() { # holds WORDS -- COMMAND...
    words=$1
    shift 2
    "$@" >/dev/null 2>&1
    verdict $? "$words"
}

succeeds() { # succeeds ARGUMENTS...
    "$app" "$@" >out 2>err
    verdict $? "mnist_ae $*"
}

# fails STATUS PATTERN ARGUMENTS...: that status, and one line on stderr that matches.
fails() {
    wanted=$1 pattern=$2
    shift 2
    "$app" "$@" >out 2>err
    got=$?
    [ "$got" -eq "$wanted" ] && [ "$(wc -l <err)" -eq 1 ] && grep -q '^mnist_ae: ' err &&
        grep -q -e "$pattern" err
    verdict $? "mnist_ae $*: status $got, not $wanted, or not one line with '$pattern'"
}

# ---- a small data set: 400 images and 100 to test on ------------------------------------------------------

# pixels N SEED: N x 784 bytes of smooth noise
pixels() {
    awk -v n="$1" -v seed="$2" 'BEGIN {
        srand(seed)
        for (i = 0; i < n; i++) {
            a = rand(); b = rand(); c = 6 * rand()
            for (y = 0; y < 28; y++)
                for (x = 0; x < 28; x++) printf "%c", 65 + int(60 * sin(a * x + b * y + c))
        }
    }'
}

labels() { # labels TENS: that many times 0..9
    i=0
    while [ $i -lt "$1" ]; do
        printf '\000\001\002\003\004\005\006\007\010\011'
        i=$((i + 1))
    done
}

make_data() {
    mkdir "$1"
    { printf '\000\000\010\003\000\000\001\220\000\000\000\034\000\000\000\034' && pixels 400 1; } |
        gzip >"$1/train-images-idx3-ubyte.gz"
    { printf '\000\000\010\001\000\000\001\220' && labels 40; } | gzip >"$1/train-labels-idx1-ubyte.gz"
    { printf '\000\000\010\003\000\000\000\144\000\000\000\034\000\000\000\034' && pixels 100 2; } |
        gzip >"$1/t10k-images-idx3-ubyte.gz"
    { printf '\000\000\010\001\000\000\000\144' && labels 10; } | gzip >"$1/t10k-labels-idx1-ubyte.gz"
}

# tiny OUT MORE...: one quick run
tiny() {
    out=$1
    shift
    set -- train --model tied --latent 8 --epochs 2 --data data --threads 1 --device "$device" \
        --out "$out" "$@"
    "$app" "$@"
}

# ---- the tensors of a checkpoint, without its text ------------------------------------------------------

tensors() {
    length=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    tail -c +9 "$1" | head -c "$length" | sed 's/"__metadata__": *{[^}]*},*//; s/ *$//'
    tail -c +$((9 + length)) "$1"
}

same_tensors() {
    tensors "$1" >tensors.1 && tensors "$2" >tensors.2 && [ -s tensors.1 ] && cmp tensors.1 tensors.2
}

# Two run directories with the same parameters and, but for its seconds, the same history.
same_run() {
    same_tensors "$1/checkpoint.safetensors" "$2/checkpoint.safetensors" &&
        cut -d, -f1-5 "$1/history.csv" >history.1 && cut -d, -f1-5 "$2/history.csv" >history.2 &&
        cmp history.1 history.2
}

wait_for() { # wait_for FILE: up to 20 s
    tries=0
    until [ -e "$1" ] || [ $tries -ge 2000 ]; do
        sleep 0.01
        tries=$((tries + 1))
    done
}

make_data data

# ---- usage ------------------------------------------------------------------------------------------------

"$app" >out 2>err
status=$?
[ $status -eq 2 ] && grep -q '^usage' err && [ ! -s out ]
verdict $? "no argument: usage on stderr, status 2"
for arguments in --help "train --help" "campaign --help" "show --help"; do
    # shellcheck disable=SC2086
    "$app" $arguments >out 2>err && grep -q '^usage' out && [ ! -s err ]
    verdict $? "$arguments"
done
"$app" --version >out 2>err && grep -q '^mnist_ae [0-9]' out
verdict $? "--version"

fails 2 "unknown command 'fly'" fly
fails 2 'missing option --model' train
fails 2 'missing option --latent' train --model tied
fails 2 'missing option --out' campaign
fails 2 'missing option --checkpoint' show --out x
fails 2 'missing option --out' show --checkpoint x
fails 2 'unknown option --frobnicate.*--help' train --frobnicate
fails 2 'unknown option -x' train -x
fails 2 'unknown option --checkpoint' train --checkpoint x
fails 2 'no value after --latent' train --model tied --latent
fails 2 'takes no value: --resume=yes' train --resume=yes
fails 2 'not an option: ten' train --model tied --latent 10 ten
for value in 0 -3 1e12 ten 65537 99999999999999999999 '' ' ' 1.5 '10 ' ' 10'; do
    fails 2 "--latent: '$value' is not a whole number in 1..65536" \
        train --model tied --latent "$value" --data nowhere --out x
done
for value in nan 0 -1 inf '' fast 1e999 ' 1' '1 '; do
    fails 2 "--lr: '$value' is not a finite number above 0" train --model tied --latent 2 --data nowhere --lr "$value"
done
fails 2 "--model: 'tide' is not one of tied, classic" train --model tide --latent 2
fails 2 "--optimizer: 'adan'" train --optimizer adan
fails 2 "--schedule: 'linear'" train --schedule linear
fails 2 "--init: 'he'" train --init he
fails 2 "--epochs: '0'" train --epochs 0
fails 2 "--batch: '-1'" train --batch -1
fails 2 "--workers: '-1'" train --workers -1
fails 2 "--threads: '0'" train --threads 0
fails 2 "--threads: '257' is not a whole number in 1..256" train --threads 257
fails 2 "--seed: '-1'" train --seed -1
fails 2 "--limit: '0'" train --limit 0
fails 2 "--keep: '0'" train --keep 0
fails 2 "--save-every: '0'" train --save-every 0
for value in gpu CUDA cuda: cuda:x cuda:-1 cuda:1x cuda0 cpu:0 ''; do
    fails 2 "--device: '$value' is not cpu, cuda or cuda:N" train --model tied --latent 2 --device "$value"
done
fails 2 "--data: ''" train --data ''
fails 2 "--out: 'a?b' is not a path without control characters" campaign --out "a
b"
fails 2 "--latent: '1?2'" train --latent "1
2"
fails 2 "--latents: ''" campaign --latents 10,,20 --out x
fails 2 "--latents: '10' is not there only once" campaign --latents 10,20,10 --out x
fails 2 "--models: 'cubist'" campaign --models tied,cubist --out x
fails 2 "--seeds: 'one'" campaign --seeds one --out x
holds "bad usage leaves no directory" -- [ ! -e x ]

# loses PLACE|closed ARGUMENTS...: status 1 and one line, for nothing can be printed there
loses() {
    place=$1
    shift
    if [ "$place" = closed ]; then "$app" "$@" >&- 2>err; else "$app" "$@" >"$place" 2>err; fi
    got=$?
    [ $got -eq 1 ] && [ "$(grep -c '^mnist_ae: cannot write to standard output' err)" -eq 1 ]
    verdict $? "mnist_ae $*: status $got where stdout takes nothing"
}
if [ -c /dev/full ]; then
    for arguments in --help --version "train --help" "campaign --help" "show --help"; do
        # shellcheck disable=SC2086
        loses /dev/full $arguments
        # shellcheck disable=SC2086
        loses closed $arguments
    done
else
    echo "skipped: no /dev/full"
fi
"$app" fly >&- 2>&- <&-
[ $? -eq 2 ]
verdict $? "an unknown command, all descriptors closed"

# ---- data that is not there, or not whole -----------------------------------------------------------------

bad_data() { # bad_data PATTERN: the directory bad is refused, and nothing is left behind
    fails 1 "$1" train --model tied --latent 2 --data bad --out bad-out
    rm -rf bad
    cp -r data bad
}

fails 1 nowhere train --model tied --latent 2 --data nowhere --out bad-out
fails 1 'data/t10k-labels-idx1-ubyte.gz' train --model tied --latent 2 --out bad-out \
    --data data/t10k-labels-idx1-ubyte.gz
cp -r data bad
rm bad/t10k-images-idx3-ubyte.gz
bad_data 't10k-images-idx3-ubyte'
: >bad/train-images-idx3-ubyte.gz
bad_data 'train-images-idx3-ubyte'
head -c 2000 data/train-images-idx3-ubyte.gz >bad/train-images-idx3-ubyte.gz
bad_data 'train-images-idx3-ubyte'
gzip -d bad/train-images-idx3-ubyte.gz && head -c 5000 bad/train-images-idx3-ubyte >short &&
    mv short bad/train-images-idx3-ubyte
bad_data 'train-images-idx3-ubyte'
{ printf '\000\000\010\003\177\377\377\377\000\000\000\034\000\000\000\034' && pixels 4 1; } |
    gzip >bad/train-images-idx3-ubyte.gz
bad_data 'train-images-idx3-ubyte'
{ printf 'what is this, an IDX file?' && pixels 4 1; } | gzip >bad/train-images-idx3-ubyte.gz
bad_data 'train-images-idx3-ubyte'
{ printf '\037\213' && pixels 4 1; } >bad/train-images-idx3-ubyte.gz
bad_data 'train-images-idx3-ubyte'
rm bad/t10k-labels-idx1-ubyte.gz && mkdir bad/t10k-labels-idx1-ubyte.gz
bad_data 't10k-labels-idx1-ubyte'
cp data/t10k-labels-idx1-ubyte.gz bad/train-labels-idx1-ubyte.gz
bad_data '400.*100'
{ printf '\000\000\010\001\000\000\000\144' && labels 9 && printf '0123456789'; } |
    gzip >bad/t10k-labels-idx1-ubyte.gz
bad_data 't10k-labels-idx1-ubyte'

# ---- a run, and where it can't be written -------------------------------------------------------------------

tiny run >out 2>err
verdict $? "a run of two epochs"
for file in checkpoint.safetensors history.csv samples.png best.png worst.png; do
    holds "the run wrote $file" -- test -s "run/$file"
done
holds "history's columns" -- grep -qx 'epoch,iteration,lr,train_mse,test_mse,seconds' run/history.csv
holds "history's rows" -- [ "$(wc -l <run/history.csv)" -eq 3 ]
[ "$(wc -l <err)" -eq 2 ]
verdict $? "off a terminal, a line an epoch"
holds "no other file is left" -- [ "$(find run -type f | wc -l)" -eq 5 ]
(tiny closed) <&- >&- 2>&-
[ $? -eq 1 ]
verdict $? "a run without descriptors 0 to 2 says by its status that its line is lost"
holds "it is the same run" -- same_run run closed
holds "and nothing was printed into its files" -- cmp run/samples.png closed/samples.png
holds "a checkpoint has no text that grows by the epoch" -- \
    sh -c '! tr "," "\n" <run/checkpoint.safetensors | grep -aq "history\.[0-9]"'
tiny again >out 2>err
holds "the same settings, the same run" -- same_run run again
# On a GPU batches that workers make are uploaded, and captured steps of these are other kernels.
steps=
[ "$device" = cpu ] || steps=--eager
tiny alone $steps >out 2>err
tiny workers $steps --workers 2 >out 2>err
holds "the same with two workers" -- same_run alone workers
tiny kept --keep 2 --save-every 3 >out 2>err
holds "--keep 2 keeps two" -- [ -s kept/checkpoint.safetensors.1 -a ! -e kept/checkpoint.safetensors.2 ]
holds "saving changes nothing" -- same_run run kept

: >file
fails 1 file train --model tied --latent 2 --data data --out file
fails 1 ': file' train --model tied --latent 2 --data data --out file/below
fails 1 ': file' campaign --data data --out file/below
fails 1 ': file' show --checkpoint run/checkpoint.safetensors --data data --out file/below
mkdir asked && touch -t 200101010000 stamp && touch -r stamp asked
fails 1 nowhere show --checkpoint run/checkpoint.safetensors --data nowhere --out asked
holds "the check of --out makes no file, which a kill could leave" -- [ ! asked -nt stamp ]
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked && chmod 555 locked
    fails 1 locked train --model tied --latent 2 --data data --out locked
else
    echo "skipped: root can write into any directory"
fi
if ! "$app" train --model tied --latent 2 --epochs 1 --data data --out cuda --device cuda >out 2>err; then
    fails 1 CUDA train --model tied --latent 2 --data data --out cuda-2 --device cuda
    fails 1 CUDA campaign --data data --out cuda-2 --device cuda
    fails 1 CUDA show --checkpoint run/checkpoint.safetensors --data data --out cuda-2 --device cuda
    holds "a device that is not there leaves no directory" -- [ ! -e cuda-2 ]
else
    echo "skipped: there is a CUDA device here"
fi
fails 1 'cuda:99' train --model tied --latent 2 --data data --out cuda-2 --device cuda:99

# ---- checkpoints that can't be gone on with -------------------------------------------------------------------

# stays PATTERN MORE...: --resume is refused with a line that matches, and the checkpoint stays as it is
stays() {
    pattern=$1
    shift
    cp bad-run/checkpoint.safetensors before
    fails 1 "$pattern" train --model tied --latent 8 --epochs 2 --data data --device "$device" \
        --out bad-run --resume "$@"
    holds "the checkpoint is as it was ($pattern)" -- cmp before bad-run/checkpoint.safetensors
}

good=run/checkpoint.safetensors
mkdir bad-run
: >bad-run/checkpoint.safetensors
stays bad-run/checkpoint.safetensors
head -c 1000 $good >bad-run/checkpoint.safetensors
stays bad-run/checkpoint.safetensors
head -c 60000 $good >bad-run/checkpoint.safetensors
stays bad-run/checkpoint.safetensors
echo "this is a letter to my aunt, and not a checkpoint" >bad-run/checkpoint.safetensors
stays bad-run/checkpoint.safetensors
header='{"__metadata__":{"format":"reel-checkpoint","version":"1"}}'
{ printf %b "\\0$(printf %o ${#header})\\0\\0\\0\\0\\0\\0\\0" && printf %s "$header"; } \
    >bad-run/checkpoint.safetensors
stays 'not one of mnist_ae'
sed 's/reel-checkpoint/real-checkpoint/' $good >bad-run/checkpoint.safetensors
stays bad-run/checkpoint.safetensors
sed 's/loader\.progress/loader.progrezz/' $good >bad-run/checkpoint.safetensors
stays 'loader'
sed 's/"history"/"hystory"/' $good >bad-run/checkpoint.safetensors
stays 'history is missing'
sed 's/history\.seconds/history.secondz/' $good >bad-run/checkpoint.safetensors
stays 'history is missing'
sed 's/\("history\.seconds": *"[0-9.]* \)[0-9]/\1x/' $good >bad-run/checkpoint.safetensors
stays 'history.seconds'
sed 's/\("iteration": *\)"20"/\1"99"/' $good >bad-run/checkpoint.safetensors
stays 'iteration'
sed 's/\("threads": *\)"1"/\1"0"/' $good >bad-run/checkpoint.safetensors
stays 'not one of mnist_ae'
cp $good bad-run/checkpoint.safetensors
stays '--model is classic here, but tied' --model classic
stays '--latent is 9 here, but 8' --latent 9
stays '--epochs is 3 here, but 2' --epochs 3
stays '--lr is 0.01 here, but 0.002' --lr 0.01
stays '--lr is 0.0020000000000000005 here, but 0.002' --lr 0.0020000000000000005
stays '--seed is 2 here, but 1' --seed 2
stays '--batch is 20 here, but 40' --batch 20
stays '--optimizer is sgd here, but adam' --optimizer sgd
stays '--schedule is step here, but cosine' --schedule step
stays '--init is paper here, but scaled' --init paper
stays '--limit is 100 here, but 0' --limit 100
stays '--threads is 2 here, but 1' --threads 2
stays '--data is synthetic here, but MNIST' --data synthetic
for file in train-images-idx3 t10k-images-idx3 t10k-labels-idx1; do # one byte changed: no pixel is 4, and that label is 0
    rm -rf other && cp -r data other
    gzip -d other/$file-ubyte.gz
    { head -c -100 other/$file-ubyte && printf '\004' && tail -c 99 other/$file-ubyte; } >changed &&
        mv changed other/$file-ubyte
    stays '--data has other images or labels here' --data other
done
rm -rf other && cp -r data other && gzip -d other/*.gz
"$app" train --model tied --latent 8 --epochs 2 --data other --device "$device" --out bad-run --resume >out 2>err
verdict $? "the same images in other files are the same"
fails 1 nothing.safetensors show --checkpoint nothing.safetensors --data data --out shown
fails 1 'file' show --checkpoint file --data data --out shown
rm bad-run/checkpoint.safetensors && mkdir bad-run/checkpoint.safetensors
fails 1 bad-run/checkpoint.safetensors train --model tied --latent 8 --data data --out bad-run --resume

# ---- a run that diverges -----------------------------------------------------------------------------------------

cp -r run diverged
fails 1 'epoch 1, at iteration 10' train --model tied --latent 8 --epochs 2 --data data --out diverged \
    --device "$device" --lr 1e38
holds "a diverged run leaves the checkpoint before it" -- \
    cmp run/checkpoint.safetensors diverged/checkpoint.safetensors
fails 1 'epoch 1, at iteration 3' train --model tied --latent 8 --epochs 2 --data data --out diverged-2 \
    --device "$device" --lr 1e38 --save-every 3
holds "a diverged run writes no checkpoint" -- [ ! -e diverged-2/checkpoint.safetensors ]
for schedule in constant cosine step warmup-cosine; do
    fails 1 'epoch 1, at iteration 10' train --model tied --latent 8 --epochs 2 --data data --out diverged-3 \
        --device "$device" --lr 1.7e308 --schedule $schedule
done

# ---- the disk fills up ---------------------------------------------------------------------------------------------

# Room for one checkpoint, not for two at once: the second fails and the first stays.
fill_disk() {
    size=$(wc -c <run/checkpoint.safetensors)
    if ! { mkdir "$full" && mount -t tmpfs -o size=$((size * 3 / 2)) tmpfs "$full"; } 2>/dev/null; then
        echo "skipped: cannot mount a tmpfs"
        return
    fi
    tiny "$full" >out 2>err
    status=$?
    [ $status -eq 1 ] && tail -n 1 err | grep -q "^mnist_ae: .*$full"
    verdict $? "a full disk: status $status, not 1, or no line that names the place"
    succeeds show --checkpoint "$full/checkpoint.safetensors" --data data --device "$device" --out shown-full
    holds "the first epoch's checkpoint is there" -- grep -q '^epoch *1$' out
    umount "$full"
}
fill_disk

# Wherever a campaign runs out of room, it says so, and leaves no half file.
fill_disk_with_campaign() {
    for size in 40 120 200 300 400 600; do
        mkdir "$full" 2>/dev/null
        mount -t tmpfs -o size=${size}k tmpfs "$full" 2>/dev/null || return
        "$app" campaign --latents 4,8 --seeds 1 --epochs 2 --data data --threads 1 --device "$device" \
            --out "$full" >out 2>err
        status=$?
        [ $status -eq 1 ] && tail -n 1 err | grep -q "^mnist_ae: .*$full"
        verdict $? "a campaign in $size KiB: status $status, not 1, or no line that names the place"
        holds "$size KiB: no half file is left" -- [ -z "$(find "$full" -name '*.tmp')" ]
        umount "$full"
    done
}
fill_disk_with_campaign

(ulimit -f 100 && tiny limited) >out 2>err # of 512 bytes
status=$?
[ $status -eq 1 ] && tail -n 1 err | grep -q '^mnist_ae: .*File too large: limited/checkpoint.safetensors (.*)$'
verdict $? "a file past its limit: status $status, not 1, or no line that says it"
holds "no half file is left" -- [ -z "$(ls limited)" ]

# ---- runs that are stopped -------------------------------------------------------------------------------------------

# slow OUT MORE...: a run that is mostly checkpoints
slow() {
    out=$1
    shift
    set -- train --model classic --latent 20 --epochs 5 --batch 4 --data data --threads 1 \
        --device "$device" --out "$out" --save-every 2 "$@"
    exec "$app" "$@"
}

began=$(date +%s.%N)
(slow whole) >out 2>err
verdict $? "the run that nobody stops"
ended=$(date +%s.%N)
(slow whole-2 --workers 2) >out 2>err
verdict $? "the same with two workers"
[ "$device" != cpu ] || holds "it is the same run" -- same_run whole whole-2

stopped_by() { # stopped_by SIGNAL STATUS
    (slow "$1" --resume) >out 2>err &
    pid=$!
    wait_for "$1/checkpoint.safetensors"
    kill "-$1" $pid
    wait $pid
    status=$?
    [ $status -eq "$2" ] && tail -n 1 err | grep -q "^mnist_ae: stopped by SIG$1; to go on: "
    verdict $? "SIG$1: status $2, and a line that says how to go on"
    holds "SIG$1 came before the end" -- [ ! -e "$1/samples.png" ]
    tail -n 1 err | sed 's/.*to go on: //' >again.sh
    sh again.sh >out 2>err
    verdict $? "going on after SIG$1: $(cat again.sh)"
    holds "stopped by SIG$1, the same run" -- same_run whole "$1"
}
stopped_by INT 130
stopped_by TERM 143
# Whoever runs this may have it ignored.
if sh -c 'kill -HUP $$' 2>/dev/null; then
    echo "skipped: SIGHUP is ignored here"
else
    stopped_by HUP 129
fi

(trap '' HUP && slow nohup) >out 2>err &
pid=$!
wait_for nohup/checkpoint.safetensors
kill -HUP $pid
wait $pid
verdict $? "as under nohup, SIGHUP does nothing"
holds "not hung up, the same run" -- same_run whole nohup

# A terminal that is closed hangs up its shell, which hangs up its jobs, and then the jobs.
(slow hung-up --epochs 1000) >out 2>err &
pid=$!
wait_for hung-up/checkpoint.safetensors
kill -HUP $pid
kill -HUP $pid
wait $pid 2>/dev/null
status=$?
[ $status -eq 129 ] && grep -q 'to go on' err
verdict $? "SIGHUP is no second signal that kills: status $status"

# The second signal kills, be it INT or TERM. (The run is stopped, so that both wait for it; threads may take one each,
# at once, and then either may be the second.)
(slow twice --workers 2) >out 2>err &
pid=$!
wait_for twice/checkpoint.safetensors
kill -STOP $pid && kill -INT $pid && kill -TERM $pid && kill -CONT $pid
wait $pid 2>/dev/null
status=$?
{ [ $status -eq 143 ] || [ $status -eq 130 ]; } && ! grep -q 'to go on' err
verdict $? "a second signal kills at once: status $status"
(slow twice --workers 2 --resume) >out 2>err
holds "killed by a second signal, the same run" -- same_run whole-2 twice

# show has nothing to save: the first signal ends it
"$app" show --checkpoint run/checkpoint.safetensors --data synthetic --out shown-stopped >out 2>err &
pid=$!
sleep 0.1
kill -TERM $pid
wait $pid 2>/dev/null
status=$?
[ $status -eq 143 ] && [ ! -s out ]
verdict $? "a signal ends show: status $status"

# one run at a time in a directory
(slow busy) >out.busy 2>err.busy &
pid=$!
wait_for busy/checkpoint.safetensors
kill -STOP $pid
fails 1 "can't write into busy: another run is writing there" train --model tied --latent 2 --data data \
    --out busy
kill -CONT $pid
wait $pid
verdict $? "the run that was there first"
holds "it is the same run" -- same_run whole busy

(slow whole --resume) >out 2>err
verdict $? "going on with a run that is done"
holds "it changes nothing" -- same_run whole INT
holds "it trains nothing" -- [ ! -s err ]

# The number of threads is the run's: going on needs no --threads, whatever this machine would take.
other=5
[ "$(getconf _NPROCESSORS_ONLN)" -ne $other ] || other=7
(slow threads --threads $other) >out 2>err &
pid=$!
wait_for threads/history.csv
kill -KILL $pid
wait $pid 2>/dev/null
awk -F , 'NR == 1 && $1 != "epoch" || NR > 1 && ($1 != NR - 1 || NF != 6) { bad = 1 }
          END { exit bad || NR < 2 || NR > 5 }' threads/history.csv
verdict $? "a run that is killed leaves its history of whole epochs"
succeeds train --model classic --latent 20 --epochs 5 --batch 4 --data data --device "$device" \
    --out threads --save-every 2 --resume
succeeds show --checkpoint threads/checkpoint.safetensors --data data --out shown-threads
holds "it goes on with its own number of threads" -- grep -qx "threads *$other" out

# moves FROM TO: a run that is killed on one device ends on another much as one that stayed
moves() {
    rm -rf moved
    (slow moved --device "$1") >out 2>err &
    pid=$!
    wait_for moved/history.csv
    kill -KILL $pid
    wait $pid 2>/dev/null
    (slow moved --device "$2" --workers 1 --resume) >out 2>err
    verdict $? "a run from $1 goes on on $2"
    tail -qn 1 whole/history.csv moved/history.csv |
        awk -F , '{ mse[NR] = $5 } END { exit !(mse[2] > 0.95 * mse[1] && mse[2] < 1.05 * mse[1]) }'
    verdict $? "a run from $1 to $2 ends as one that stayed does: $(tail -n 1 moved/history.csv)"
}
if [ "$device" != cpu ]; then
    moves cpu "$device"
    moves "$device" cpu
fi

# random_delay N: up to the time that the whole run took, its beginning and its end included
random_delay() {
    awk -v began="$began" -v ended="$ended" -v n="$1$$" \
        'BEGIN { srand(n); print 0.01 + (ended - began) * rand() }'
}

killed=0
attempt=0
round=0
while [ $killed -lt "$kills" ]; do
    workers=$((round % 2 * 2))
    expected=whole
    [ $workers -eq 0 ] || expected=whole-$workers
    rm -rf killed
    status=137
    while [ $status -eq 137 ]; do
        (slow killed --resume --workers $workers) >out 2>err &
        pid=$!
        [ $killed -ge "$kills" ] || {
            attempt=$((attempt + 1)) # not $killed: a delay too long would come again and again
            sleep "$(random_delay $attempt)"
            kill -KILL $pid 2>/dev/null
        }
        wait $pid 2>/dev/null
        status=$?
        [ $status -ne 137 ] || killed=$((killed + 1))
    done
    [ $status -eq 0 ]
    verdict $? "going on after kill -9: status $status"
    holds "killed ($killed so far), the same run with $workers workers" -- same_run $expected killed
    round=$((round + 1))
    [ $round -lt 100 ] || break
done
holds "$kills runs were killed" -- [ $killed -ge "$kills" ]

# ---- show, campaign ----------------------------------------------------------------------------------------------------

succeeds show --checkpoint run/checkpoint.safetensors --data data --device "$device" --out shown
holds "show says the model" -- grep -q '^model *tied$' out
holds "show says where it was trained" -- grep -qE "^device *$device(:0)?\$" out
for file in samples.png best.png worst.png; do
    holds "show draws $file as the run did" -- cmp "run/$file" "shown/$file"
done

if [ -c /dev/full ]; then
    loses /dev/full show --checkpoint run/checkpoint.safetensors --data data --out shown
    loses closed show --checkpoint run/checkpoint.safetensors --data data --out shown
    loses /dev/full train --model tied --latent 8 --epochs 2 --data data --device "$device" --out run --resume
    loses /dev/full campaign --latents 2 --seeds 1 --epochs 1 --data data --out lost
    holds "the campaign that can't print its table has written it" -- [ -s lost/results.md -a -s lost/report.html ]
fi

succeeds train --model tied --latent 2 --epochs 1 --limit 100 --data synthetic --out synthetic
holds "train ends by saying that the digits are synthetic" -- \
    sh -c 'tail -n 1 out | grep -q "synthetic digits, not MNIST"'
succeeds show --checkpoint synthetic/checkpoint.safetensors --limit 100 --data synthetic \
    --out shown-synthetic
holds "show ends by saying it" -- sh -c 'tail -n 1 out | grep -q "synthetic digits, not MNIST"'

campaign() {
    set -- campaign --latents 2,10 --seeds 1,2 --epochs 2 --data synthetic --limit 300 --threads 1 \
        --device "$device" --jobs 2 --out table "$@"
    exec "$app" "$@"
}
(campaign) >out 2>err &
pid=$!
wait_for table/tied-10-s1/checkpoint.safetensors
kill -INT $pid
wait $pid
holds "a campaign that is stopped" -- [ $? -eq 130 ]
(campaign --resume) >out 2>err
verdict $? "a campaign that goes on"
holds "it says how far it is" -- grep -q '^8/8 classic-10-s2: epoch 2/2' err
for file in results.csv results.md report.html curves.png; do
    [ $file = curves.png ] && ! command -v gnuplot >/dev/null && continue
    holds "the campaign wrote $file" -- test -s "table/$file"
done
holds "a run's directory is whole" -- [ -s table/classic-10-s2/worst.png -a -s table/classic-10-s2/history.csv ]
holds "results.csv has its header" -- \
    sh -c 'head -n 1 table/results.csv | grep -qx model,latent,seed,epochs,train_mse,test_mse,seconds'
holds "results.csv has a row a run" -- [ "$(wc -l <table/results.csv)" -eq 9 ]
for file in results.md report.html; do
    holds "$file says where it was trained" -- grep -q "trained on $device" "table/$file"
done
holds "results.md warns of synthetic digits" -- grep -q 'SYNTHETIC' table/results.md
holds "report.html warns of them" -- grep -q 'SYNTHETIC' table/report.html
holds "report.html has its pictures inside" -- grep -q 'src="data:image/png;base64,iVBORw0KGgo' table/report.html
holds "report.html needs nothing else" -- sh -c '! grep -qE "<script|<link|https?://" table/report.html'
odd="it's \"an\" odd \$name; <b> & %s \\ | \`x\` #"
succeeds campaign --models tied --latents 2 --seeds 1 --epochs 1 --data data --out "$odd"
holds "an odd name is only a name" -- [ -s "$odd/report.html" -a -s "$odd/tied-2-s1/history.csv" ]
if command -v gnuplot >/dev/null; then
    holds "for gnuplot, too" -- [ -s "$odd/curves.png" ]
fi
figures() { cut -d, -f1-6 "$1/results.csv"; } # all but the seconds
several() {
    set -- campaign --latents 2,10 --seeds 1,2 --epochs 2 --data synthetic --limit 300 --threads 1 \
        --device "$device" "$@"
    exec "$app" "$@"
}
(several --jobs 1 --out one-by-one) >out 2>err
(several --jobs 3 --out three-at-once) >out 2>err
verdict $? "a campaign with three runs at once"
holds "its runs are those that are made one by one" -- [ "$(figures one-by-one)" = "$(figures three-at-once)" ]
rm -rf three-at-once && mkdir three-at-once && : >three-at-once/classic-2-s1
(several --jobs 3 --out three-at-once) >out 2>err
[ $? -eq 1 ] && tail -n 1 err | grep -q '^mnist_ae: .*three-at-once/classic-2-s1'
verdict $? "a failure of one of them is told in the end"
holds "and what the others had begun is done" -- [ -s three-at-once/tied-2-s1/worst.png ]
cp table/results.csv results.before
(campaign --resume) >out 2>err
holds "going on with a campaign that is done changes nothing" -- cmp results.before table/results.csv

echo "Checks: $checks, Failures: $failures, Errors: 0"
[ $failures -eq 0 ]
