/* Files: whole reads, and writes that replace a file whole or not at all. */
#include "io/io_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

reel_status reel__fail_errno(const char *what, const char *path) {
    if (errno == ENOMEM)
        return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory: %s", what, path);
    return reel_fail(REEL_ERR_IO, NULL, "%s: %s: %s", what, strerror(errno), path);
}

bool reel_file_exists(const char *path) {
    return path != NULL && access(path, F_OK) == 0;
}

static bool is_directory(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* mkdir is asked first and stat after, so that two processes may make the same path at once. */
static reel_status make_dir(const char *path) {
    if (mkdir(path, 0777) == 0) return REEL_OK;
    int reason = errno;
    if (is_directory(path)) return REEL_OK;
    errno = reason == EEXIST ? ENOTDIR : reason;
    return reel__fail_errno("cannot make directory", path);
}

reel_status reel_make_dirs(const char *path) {
    if (path == NULL || path[0] == '\0')
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "make_dirs: no path given");
    char *prefix = strdup(path);
    if (prefix == NULL)
        return reel_fail(REEL_ERR_MEMORY, NULL, "make_dirs: out of memory: %s", path);
    reel_status status = REEL_OK;
    for (char *slash = strchr(prefix + 1, '/'); slash != NULL && status == REEL_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = make_dir(prefix);
        *slash = '/';
    }
    if (status == REEL_OK) status = make_dir(prefix);
    free(prefix);
    return status;
}

/* ---- reading ---- */

/* Reads to the end into a buffer that starts at `capacity` bytes, and grows if the file did. */
static reel_status read_all(int fd, const char *path, size_t capacity, void **bytes, size_t *size) {
    char *buffer = malloc(capacity);
    size_t used = 0;
    while (buffer != NULL) {
        ssize_t n = read(fd, buffer + used, capacity - 1 - used);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            reel_status status = reel__fail_errno("cannot read", path);
            free(buffer);
            return status;
        }
        if (n == 0) {
            buffer[used] = '\0';
            *bytes = buffer;
            *size = used;
            return REEL_OK;
        }
        used += (size_t)n;
        if (used < capacity - 1) continue;
        char *larger = capacity > SIZE_MAX / 2 ? NULL : realloc(buffer, capacity *= 2);
        if (larger == NULL) free(buffer);
        buffer = larger;
    }
    return reel_fail(REEL_ERR_MEMORY, NULL, "cannot read: out of memory: %s", path);
}

reel_status reel_file_read(const char *path, void **bytes, size_t *size) {
    if (path == NULL || bytes == NULL || size == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "file_read: path, bytes or size is NULL");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return reel__fail_errno("cannot open", path);
    struct stat info;
    reel_status status = REEL_OK;
    if (fstat(fd, &info) != 0)
        status = reel__fail_errno("cannot open", path);
    else /* a byte for the NUL, and one so that a file of just this size shows its end */
        status = read_all(fd, path, (size_t)info.st_size + 2, bytes, size);
    close(fd);
    return status;
}

/* ---- directories ---- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* The directory that path's last part lies in; owned, NULL when out of memory. */
static char *directory_of(const char *path) {
    size_t length = (size_t)(base_name(path) - path);
    return length == 0 ? strdup(".") : strndup(path, length);
}

/* ---- what writers that were killed left behind ---- */

/* Whether `name` is just what open_temporary calls a file for `target`, by a process that is no
 * more. Printing what was read again is what makes it just that. (A writer in a container or on
 * another host may look dead; two that write one path at once are at odds anyway.) */
static bool is_stale(const char *name, const char *target) {
    size_t n = strlen(target);
    long pid;
    int i;
    char again[32];
    if (strncmp(name, target, n) != 0 || sscanf(name + n, ".%9ld-%3d.tmp", &pid, &i) != 2)
        return false;
    snprintf(again, sizeof again, ".%ld-%d.tmp", pid, i);
    return strcmp(name + n, again) == 0 && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* As far as it can: leftovers are no reason for a write to fail. */
static void remove_stale(const char *path) {
    char *directory = directory_of(path);
    DIR *d = directory != NULL ? opendir(directory) : NULL;
    free(directory);
    if (d == NULL) return;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (is_stale(e->d_name, base_name(path))) unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

/* ---- replacing ---- */

struct reel__replacement {
    char *path, *temporary;
    int fd; /* -1 once closed */
};

/* A rename would put a regular file where a directory or a device was, and root may rename over
 * /dev/null. */
static reel_status check_target(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) return REEL_OK;
    return reel_fail(REEL_ERR_IO, NULL, "cannot write: %s: %s",
                     S_ISDIR(info.st_mode) ? "Is a directory" : "Not a regular file", path);
}

/* Opens a file beside r->path that no one else has: O_EXCL settles races between threads and with
 * what a process of the same number left behind. (mkstemp would give mode 0600, not what the umask
 * says.) */
static int open_temporary(reel__replacement *r) {
    for (int i = 0; i < 1000; i++) {
        free(r->temporary);
        r->temporary = NULL;
        if (asprintf(&r->temporary, "%s.%ld-%d.tmp", r->path, (long)getpid(), i) < 0) {
            r->temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        int fd = open(r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

static void replacement_free(reel__replacement *r) {
    free(r->path);
    free(r->temporary);
    free(r);
}

reel__replacement *reel__replace_open(const char *path) {
    if (reel_failed()) return NULL;
    if (path == NULL || path[0] == '\0') {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "cannot write: no path given");
        return NULL;
    }
    if (check_target(path) != REEL_OK) return NULL;
    reel__replacement *r = calloc(1, sizeof *r);
    if (r == NULL || (r->path = strdup(path)) == NULL) {
        reel_fail(REEL_ERR_MEMORY, NULL, "cannot write: out of memory: %s", path);
        free(r);
        return NULL;
    }
    remove_stale(path);
    r->fd = open_temporary(r);
    if (r->fd < 0) {
        reel__fail_errno("cannot write", path);
        replacement_free(r);
        return NULL;
    }
    return r;
}

reel_status reel__replace_write(reel__replacement *r, const void *bytes, size_t n) {
    const char *from = bytes;
    while (n > 0) {
        ssize_t written = write(r->fd, from, n);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return reel__fail_errno("cannot write", r->path);
        from += written;
        n -= (size_t)written;
    }
    return REEL_OK;
}

void reel__replace_abort(reel__replacement *r) {
    if (r == NULL) return;
    if (r->fd >= 0) close(r->fd);
    unlink(r->temporary);
    replacement_free(r);
}

/* Makes the rename last. Some file systems cannot sync a directory, and say EINVAL. */
static reel_status sync_directory_of(const char *path) {
    char *directory = directory_of(path);
    if (directory == NULL)
        return reel_fail(REEL_ERR_MEMORY, NULL, "cannot write: out of memory: %s", path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    reel_status status =
        synced ? REEL_OK : reel__fail_errno("cannot sync the directory", directory);
    if (fd >= 0) close(fd);
    free(directory);
    return status;
}

reel_status reel__replace_commit(reel__replacement *r) {
    if (reel_failed()) {
        reel__replace_abort(r);
        return reel_error_status();
    }
    bool written = fsync(r->fd) == 0;
    if (written) { /* not after a failure: close would put its errno over fsync's */
        written = close(r->fd) == 0;
        r->fd = -1;
    }
    if (!written || rename(r->temporary, r->path) != 0) {
        reel_status status = reel__fail_errno("cannot write", r->path);
        reel__replace_abort(r);
        return status;
    }
    reel_status status = sync_directory_of(r->path);
    replacement_free(r);
    return status;
}

reel_status reel_file_write(const char *path, const void *bytes, size_t size) {
    if (reel_failed()) return reel_error_status();
    if (bytes == NULL && size > 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "file_write: bytes is NULL: %s",
                         path == NULL ? "" : path);
    reel__replacement *r = reel__replace_open(path);
    if (r == NULL) return reel_error_status();
    reel_status status = reel__replace_write(r, bytes, size);
    if (status == REEL_OK) return reel__replace_commit(r);
    reel__replace_abort(r);
    return status;
}
