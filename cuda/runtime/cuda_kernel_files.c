/* What was compiled, on disk: one file a kernel, named by the key of what it was made of. There are
 * so many at most, and of so many bytes: then those go that were used longest ago. */
#include "cuda/runtime/cuda_compile_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "reelcub1"
#define MOST_BYTES ((int64_t)64 << 20) /* of a file that is believed */
#define ROOM 1024                      /* of a path */
#define MOST_KEPT ((int64_t)256 << 20) /* bytes of all files, */
#define MOST_FILES 512                 /* and how many there may be */
#define LEFT(most) ((most) / 4 * 3)    /* of that many when some had to go */

typedef struct {
    char magic[8];
    reel__cuda_key key, check; /* check: of the bytes that follow */
    int64_t bytes;
} head;

/* FNV-1a twice, from two beginnings. */
void reel__cuda_key_add(reel__cuda_key *k, const void *data, size_t bytes) {
    const unsigned char *byte = data;
    uint64_t a = k->half[0] ^ 14695981039346656037u, b = k->half[1] ^ 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < bytes; i++) {
        a = (a ^ byte[i]) * 1099511628211u;
        b = (b ^ byte[i]) * 1099511628211u;
        b ^= b >> 29;
    }
    *k = (reel__cuda_key){{a, b ^ bytes}};
}

static reel__cuda_key key_of(const void *data, size_t bytes) {
    reel__cuda_key k = {{0}};
    reel__cuda_key_add(&k, data, bytes);
    return k;
}

static bool is_same(const reel__cuda_key *a, const reel__cuda_key *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* The folder, made if `make`; false where there is none. */
static bool folder(char to[ROOM], bool make) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool given = cache && cache[0] == '/';
    if (!given && !(home && home[0] == '/')) return false;
    const int n =
        snprintf(to, ROOM, "%s%s/reel/kernels", given ? cache : home, given ? "" : "/.cache");
    if (n < 0 || n >= ROOM) return false;
    for (char *c = to + 1; make && *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        if (mkdir(to, 0777) != 0 && errno != EEXIST) return false;
        *c = '/';
    }
    return !make || mkdir(to, 0777) == 0 || errno == EEXIST;
}

static bool name_in(char to[ROOM], const char *in, const reel__cuda_key *k, const char *end) {
    const int n =
        snprintf(to, ROOM, "%s/%016" PRIx64 "%016" PRIx64 "%s", in, k->half[0], k->half[1], end);
    return n > 0 && n < ROOM;
}

/* ---- reading ---- */

static bool is_mine(const head *h, const reel__cuda_key *k) {
    return memcmp(h->magic, MAGIC, sizeof h->magic) == 0 && is_same(&h->key, k) && h->bytes > 0 &&
           h->bytes <= MOST_BYTES;
}

static void *read_whole(FILE *f, const reel__cuda_key *k, size_t *bytes) {
    head h;
    if (fread(&h, sizeof h, 1, f) != 1 || !is_mine(&h, k)) return NULL;
    const size_t n = (size_t)h.bytes;
    void *data = malloc(n);
    if (data && fread(data, 1, n, f) == n && fgetc(f) == EOF) {
        const reel__cuda_key check = key_of(data, n);
        *bytes = n;
        if (is_same(&check, &h.check)) return data;
    }
    free(data);
    return NULL;
}

void *reel__cuda_file_read(const reel__cuda_key *k, size_t *bytes) {
    char in[ROOM], name[ROOM];
    if (!folder(in, false) || !name_in(name, in, k, ".cubin")) return NULL;
    FILE *f = fopen(name, "rbe");
    void *data = f ? read_whole(f, k, bytes) : NULL;
    if (data) futimens(fileno(f), NULL); /* it was used now */
    if (f) fclose(f);
    return data;
}

/* ---- letting go, whatever others read or let go meanwhile ---- */

typedef struct {
    char name[64];
    int64_t bytes;
    struct timespec used;
} kept;

static int used_last_first(const void *a, const void *b) {
    const kept *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec) return x->used.tv_sec < y->used.tv_sec ? 1 : -1;
    return x->used.tv_nsec < y->used.tv_nsec ? 1 : x->used.tv_nsec > y->used.tv_nsec ? -1 : 0;
}

/* Parts are other processes', or were left by some that ended too soon: they count as others do.
 * What has another name is nobody's here. */
static bool is_ours(const char *name) {
    const char *end = strrchr(name, '.');
    return end && (strcmp(end, ".cubin") == 0 || strcmp(end, ".part") == 0);
}

static int list_kept(DIR *folder, kept **all) {
    int count = 0, room = 0;
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        struct stat s;
        kept one;
        if (strlen(e->d_name) >= sizeof one.name || !is_ours(e->d_name) ||
            fstatat(dirfd(folder), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode))
            continue;
        if (count == room) {
            kept *more = realloc(*all, (size_t)(room = 2 * room + 64) * sizeof *more);
            if (!more) break;
            *all = more;
        }
        one = (kept){.bytes = s.st_size, .used = s.st_mtim};
        strcpy(one.name, e->d_name);
        (*all)[count++] = one;
    }
    return count;
}

static void trim(const char *in) {
    kept *all = NULL;
    DIR *folder = opendir(in);
    if (!folder) return;
    const int count = list_kept(folder, &all);
    int64_t bytes = 0;
    for (int i = 0; i < count; i++) bytes += all[i].bytes;
    if (count > MOST_FILES || bytes > MOST_KEPT) {
        qsort(all, (size_t)count, sizeof *all, used_last_first);
        bytes = 0;
        for (int i = 0; i < count; i++) {
            bytes += all[i].bytes;
            if (i >= LEFT(MOST_FILES) || bytes > LEFT(MOST_KEPT))
                unlinkat(dirfd(folder), all[i].name, 0);
        }
    }
    free(all);
    closedir(folder);
}

/* ---- writing: under another name first, so that nobody reads a part ---- */

static bool write_whole(const char *name, const head *h, const void *data) {
    const int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *f = file >= 0 ? fdopen(file, "wb") : NULL;
    if (!f) {
        if (file >= 0) close(file);
        return false;
    }
    const bool good =
        fwrite(h, sizeof *h, 1, f) == 1 && fwrite(data, 1, (size_t)h->bytes, f) == (size_t)h->bytes;
    return fclose(f) == 0 && good;
}

void reel__cuda_file_write(const reel__cuda_key *k, const void *data, size_t bytes) {
    static atomic_uint count;
    char in[ROOM], name[ROOM], other[ROOM], end[64];
    head h = {.key = *k, .check = key_of(data, bytes), .bytes = (int64_t)bytes};
    memcpy(h.magic, MAGIC, sizeof h.magic);
    snprintf(end, sizeof end, ".%ld.%u.part", (long)getpid(), atomic_fetch_add(&count, 1));
    if (!folder(in, true) || !name_in(name, in, k, ".cubin") || !name_in(other, in, k, end)) return;
    if (write_whole(other, &h, data) && rename(other, name) == 0)
        trim(in);
    else
        unlink(other);
}

/* ---- for people ---- */

static void show(const char *in, const reel__cuda_key *k, const char *end, const char *text) {
    char name[ROOM];
    FILE *f = name_in(name, in, k, end) ? fopen(name, "we") : NULL;
    if (!f) return;
    fputs(text, f);
    fclose(f);
}

void reel__cuda_file_show(const reel__cuda_key *k, const char *text, const char *said) {
    const char *in = getenv("REEL_KERNELS");
    if (!in || !*in) return;
    show(in, k, ".cu", text);
    if (said && *said) show(in, k, ".log", said);
}
