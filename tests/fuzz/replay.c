/* Runs a target without libFuzzer: over each seed, then over small changes of them, the same ones
 * each time. Ends with Check's line of counts.
 *
 *     fuzz_idx tests/fuzz/seeds/idx            all of them
 *     fuzz_idx tests/fuzz/seeds/idx 1234       input 1234 alone, the one that it died of
 *     fuzz_idx FILE                            that file */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEEDS = 64, LARGEST = 1 << 16, CHANGED = 3000 };

typedef struct {
    char name[256];
    uint8_t *bytes;
    size_t size;
} input;

static input seeds[SEEDS];
static int seed_count;

/* ---- reading the seeds ---- */

static void add_seed(const char *directory, const char *name) {
    char path[1024];
    struct stat info;
    input *s = &seeds[seed_count];
    snprintf(path, sizeof path, "%s%s%s", directory, *directory ? "/" : "", name);
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || seed_count == SEEDS) return;
    snprintf(s->name, sizeof s->name, "%s", name);
    s->size = (size_t)info.st_size;
    s->bytes = malloc(s->size + 1);
    FILE *f = fopen(path, "rb");
    HOLDS(s->bytes != NULL && f != NULL && s->size <= LARGEST);
    HOLDS(fread(s->bytes, 1, s->size, f) == s->size);
    fclose(f);
    seed_count++;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const input *)a)->name, ((const input *)b)->name);
}

static void read_seeds(const char *path) {
    DIR *d = opendir(path);
    if (d == NULL) {
        add_seed("", path);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) add_seed(path, e->d_name);
    closedir(d);
    qsort(seeds, (size_t)seed_count, sizeof *seeds, by_name);
}

/* ---- changing them ---- */

static uint64_t state;

static size_t below(size_t n) { /* splitmix64 (Steele, Lea and Flood 2014) */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return n ? (size_t)((z ^ z >> 31) % n) : 0;
}

/* Takes `out` bytes from `at` out, and puts `in` bytes of `from` there. */
static size_t splice(uint8_t *b, size_t size, size_t at, size_t out, const uint8_t *from,
                     size_t in) {
    if (size - out + in > LARGEST) return size;
    memmove(b + at + in, b + at + out, size - at - out);
    memcpy(b + at, from, in);
    return size - out + in;
}

static size_t change(uint8_t *b, size_t size) {
    static const char *const words[] = {
        "\"", "\\u", "{", "}",  "[",  "]",    ",",
        ":",  "-1",  "0", "1e", "\n", "\xff", "9223372036854775808"};
    static const uint8_t bytes[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '"', '9'};
    const size_t at = below(size + 1), left = size - at;
    const input *other = &seeds[below((size_t)seed_count)];
    const char *word = words[below(sizeof words / sizeof *words)];
    uint8_t part[LARGEST];
    size_t from = below(other->size), n = below(other->size - from + 1);
    switch (below(7)) {
    case 0:
        if (left) b[at] ^= (uint8_t)(1u << below(8));
        return size;
    case 1:
        if (left) b[at] = bytes[below(sizeof bytes)];
        return size;
    case 2:
        return splice(b, size, at, below(left < 8 ? left + 1 : 9), b, 0);
    case 3:
        return splice(b, size, at, 0, (const uint8_t *)word, strlen(word));
    case 4: /* a piece of it again */
        n = below(left + 1);
        memcpy(part, b + at, n);
        return splice(b, size, below(size + 1), 0, part, n);
    case 5: /* a piece of another */
        return splice(b, size, at, below(left + 1), other->bytes + from, n);
    default: /* cut short, seldom */
        return below(4) ? size : at;
    }
}

/* ---- the runs ---- */

static volatile sig_atomic_t number;

static void died(int signal_number) {
    char text[80];
    int n =
        snprintf(text, sizeof text, "replay: signal %d, input %d\n", signal_number, (int)number);
    if (write(2, text, (size_t)n) < 0) _exit(1);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Input i: a seed, or one that has been changed in up to eight places. */
static void run(int i) {
    static uint8_t buffer[LARGEST];
    const input *s = &seeds[i % seed_count];
    size_t size = s->size;
    number = i;
    state = (uint64_t)i;
    memcpy(buffer, s->bytes, size);
    if (i >= seed_count)
        for (size_t k = below(8) + 1; k > 0; k--) size = change(buffer, size);
    uint8_t *exact = malloc(size + 1); /* so that a sanitizer sees what is read past it */
    HOLDS(exact != NULL);
    memcpy(exact + 1, buffer, size);
    LLVMFuzzerTestOneInput(exact + 1, size);
    free(exact);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    read_seeds(argv[1]);
    if (seed_count == 0) {
        fprintf(stderr, "replay: no seeds: %s\n", argv[1]);
        return 1;
    }
    signal(SIGILL, died);
    signal(SIGTRAP, died);
    signal(SIGFPE, died);
    signal(SIGABRT, died);
#if !defined(__SANITIZE_ADDRESS__) /* which says more */
    signal(SIGSEGV, died);
#endif
    struct stat info;
    const bool one = argc > 2 || (stat(argv[1], &info) == 0 && S_ISREG(info.st_mode));
    const int first = argc > 2 ? atoi(argv[2]) : 0;
    const int last = one ? first + 1 : seed_count + CHANGED;
    for (int i = first; i < last; i++) run(i);
    for (int i = 0; i < seed_count; i++) free(seeds[i].bytes);
    printf("100%%: Checks: %d, Failures: 0, Errors: 0\n", last - first);
    return 0;
}
