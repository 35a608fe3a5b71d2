/* A directory of its own for each test of a suite that writes files. */
#ifndef REEL_TESTS_SCRATCH_H
#define REEL_TESTS_SCRATCH_H

#include "io/io.h"
#include "tests/expect.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char dir[256];

static inline void make_dir(void) {
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/reel-files-XXXXXX", base != NULL && *base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw) {
    (void)info, (void)kind, (void)ftw;
    return remove(path);
}

static inline void remove_dir(void) {
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* dir/name, in one of a few buffers that take turns. */
static inline const char *in_dir(const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static inline int files_in_dir(void) {
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    int n = -2; /* "." and ".." */
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n;
}

/* The whole file; free it. */
static inline char *contents(const char *path, size_t *size) {
    void *bytes = NULL;
    reel_file_read(path, &bytes, size);
    expect_fine();
    return bytes;
}

static inline void put(const char *path, const void *bytes, size_t size) {
    ck_assert_int_eq(reel_file_write(path, bytes, size), REEL_OK);
}

/* A case whose tests have a directory, and must end clean. */
static inline TCase *add_scratch_case(Suite *s, const char *name) {
    TCase *c = add_case(s, name);
    tcase_add_checked_fixture(c, make_dir, remove_dir);
    return c;
}

#endif
