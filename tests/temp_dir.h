/* For suites that touch the disk: a directory for each test, removed after it. */
#ifndef REEL_TESTS_TEMP_DIR_H
#define REEL_TESTS_TEMP_DIR_H

#include "io/io.h"
#include "tests/expect.h"

#include <dirent.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static char dir[256];

/* dir/name, in one of eight buffers that take turns. */
static inline const char *in_dir(const char *name) {
    static char paths[8][512];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static inline int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw) {
    (void)info, (void)type, (void)ftw;
    return remove(path);
}

static inline void make_dir(void) {
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/reel-test-XXXXXX", base != NULL && *base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static inline void remove_dir(void) {
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A case whose tests have a directory, and end clean. */
static inline TCase *add_dir_case(Suite *s, const char *name) {
    TCase *c = add_case(s, name);
    tcase_add_checked_fixture(c, make_dir, remove_dir);
    return c;
}

static inline int entries(const char *path) {
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    int count = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return count;
}

static inline void put(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

static inline void put_gz(const char *path, const void *bytes, size_t n) {
    gzFile gz = gzopen(path, "wb");
    ck_assert_ptr_nonnull(gz);
    if (n > 0) ck_assert_int_eq(gzwrite(gz, bytes, (unsigned)n), (int)n);
    ck_assert_int_eq(gzclose(gz), Z_OK);
}

/* The whole file; free it. */
static inline char *contents(const char *path, size_t *size) {
    void *bytes = NULL;
    reel_file_read(path, &bytes, size);
    expect_fine();
    return bytes;
}

static inline void expect_content(const char *path, const void *bytes, size_t n) {
    size_t size = 0;
    char *got = contents(path, &size);
    ck_assert_uint_eq(size, n);
    ck_assert_mem_eq(got, bytes, n);
    ck_assert_int_eq(got[n], '\0');
    free(got);
}

/* As expect_failure, and the message is one line that names `path`. */
static inline void expect_failure_at(reel_status code, const char *part, const char *path) {
    ck_assert_msg(strstr(reel_error(), path) != NULL, "\"%s\" not in \"%s\"", path, reel_error());
    ck_assert_ptr_null(strchr(reel_error(), '\n'));
    expect_failure(code, part);
}

#endif
