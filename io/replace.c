/* Writes that replace a file whole or not at all. */
#include "io/io_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct reel__replacement {
    char *path;      /* as the caller says it: for messages */
    char *target;    /* what is replaced: `path`, or what it leads to where it is a link */
    char *temporary; /* beside it */
    int fd;
};

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

/* ---- what is replaced ---- */

/* Where the link at `path` leads; owned. NULL and errno on failure, 0 if it is no link. */
static char *read_link(const char *path) {
    char to[4096];
    const ssize_t n = readlink(path, to, sizeof to);
    char *name = NULL;
    if (n < 0 || (size_t)n == sizeof to) {
        if (n >= 0) errno = ENAMETOOLONG;
        if (errno == EINVAL || errno == ENOENT) errno = 0;
        return NULL;
    }
    const bool absolute = n > 0 && to[0] == '/';
    const int above = absolute ? 0 : (int)(base_name(path) - path);
    if (asprintf(&name, "%.*s%.*s", above, path, (int)n, to) >= 0) return name;
    errno = ENOMEM;
    return NULL;
}

/* The name that a file opened through `path` has, or would get: links are followed, to nothing too.
 * (realpath fails there.) Owned; NULL and errno on failure. */
static char *follow(const char *path) {
    enum { MOST_LINKS = 40 }; /* as the kernel's */
    char *name = strdup(path);
    for (int i = 0; name != NULL; i++) {
        char *next = read_link(name);
        if (next == NULL && errno == 0) return name;
        const int reason = i == MOST_LINKS ? ELOOP : errno;
        free(name);
        name = next;
        if (next != NULL && i < MOST_LINKS) continue;
        free(next);
        errno = reason;
        return NULL;
    }
    errno = ENOMEM;
    return NULL;
}

/* A rename would put a regular file where a directory or a device was (root may rename over
 * /dev/null), and asks nobody whether the old file may be written to. */
static reel_status check_target(const char *path, const char *target) {
    struct stat info;
    if (stat(target, &info) != 0) return REEL_OK;
    if (!S_ISREG(info.st_mode))
        return reel_fail(REEL_ERR_IO, NULL, "cannot write: %s: %s",
                         S_ISDIR(info.st_mode) ? "Is a directory" : "Not a regular file", path);
    if (faccessat(AT_FDCWD, target, W_OK, AT_EACCESS) != 0 && errno != ENOENT)
        return reel__fail_errno("cannot write", path);
    return REEL_OK;
}

/* ---- temporary files ----------------------------------------------------------------------------
 *
 * A writer holds a lock on its temporary file for as long as that has its name; the system lets go
 * of it with the process. So one without a lock is what a writer that was killed left behind,
 * whatever process has its number now, and wherever that writer ran. */

static int lock(int fd) {
    int got;
    do got = flock(fd, LOCK_EX | LOCK_NB);
    while (got != 0 && errno == EINTR);
    return got;
}

/* Whether `name` is just what open_temporary calls a file for `target`. Printing what was read
 * again is what makes it just that. */
static bool is_temporary(const char *name, const char *target, long *pid) {
    size_t n = strlen(target);
    int i;
    char again[32];
    if (strncmp(name, target, n) != 0 || sscanf(name + n, ".%9ld-%3d.tmp", pid, &i) != 2)
        return false;
    snprintf(again, sizeof again, ".%ld-%d.tmp", *pid, i);
    return strcmp(name + n, again) == 0 && *pid > 0;
}

/* Removes it unless its writer lives. Where files can't be locked, that is asked of the process. */
static void remove_if_stale(int directory, const char *name, long pid) {
    struct stat info;
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) return;
    const int fd = reel__above_standard(
        openat(directory, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd < 0) return;
    const bool locked = lock(fd) == 0;
    const bool stale =
        locked || (errno != EWOULDBLOCK && kill((pid_t)pid, 0) != 0 && errno == ESRCH);
    struct stat now; /* the name may be another file's meanwhile: a writer's that lives */
    if (stale && fstat(fd, &info) == 0 &&
        fstatat(directory, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && info.st_ino == now.st_ino &&
        info.st_dev == now.st_dev)
        unlinkat(directory, name, 0);
    close(fd);
}

/* As far as it can: leftovers are no reason for a write to fail. */
static void remove_stale(const char *target) {
    char *directory = directory_of(target);
    const int fd = directory != NULL ? reel__open(directory, O_RDONLY | O_DIRECTORY, 0) : -1;
    free(directory);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0) close(fd);
        return;
    }
    long pid;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (is_temporary(e->d_name, base_name(target), &pid))
            remove_if_stale(dirfd(d), e->d_name, pid);
    closedir(d);
}

/* Takes the lock of a file just made. False if another writer, who saw it without one, removes it.
 * A file system without locks will do. */
static bool claim(int fd) {
    struct stat info;
    if (lock(fd) != 0 && errno == EWOULDBLOCK) return false;
    return fstat(fd, &info) != 0 || info.st_nlink > 0;
}

/* Opens a file beside r->target that no one else has: O_EXCL settles races between threads. A file
 * that takes another's place is nobody else's to read until it has that one's mode; else the mode
 * is what umask leaves (mkstemp's would be 0600). */
static int open_temporary(reel__replacement *r, mode_t mode) {
    for (int i = 0; i < 1000; i++) {
        free(r->temporary);
        r->temporary = NULL;
        if (asprintf(&r->temporary, "%s.%ld-%d.tmp", r->target, (long)getpid(), i) < 0) {
            r->temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        const int fd = reel__open(r->temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
        if (fd < 0 && errno != EEXIST) return -1;
        if (fd >= 0 && claim(fd)) return fd;
        if (fd >= 0) close(fd);
    }
    errno = EEXIST;
    return -1;
}

/* Owner and group first: to change them takes bits of the mode away. Whoever may not give a file to
 * its old owner has it then; a group that it did not have before may do what others may. */
static void take_after(int fd, const struct stat *old) {
    struct stat is;
    mode_t mode = old->st_mode & 0777;
    if (fstat(fd, &is) != 0) return;
    if (is.st_gid != old->st_gid && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        mode = (mode & 0707) | (mode & 07) << 3;
    if (is.st_uid == old->st_uid || fchown(fd, old->st_uid, (gid_t)-1) == 0 || errno == EPERM)
        (void)!fchmod(fd, mode);
}

void reel__replace_take_after(reel__replacement *r, int fd) {
    struct stat old;
    if (fstat(fd, &old) == 0) take_after(r->fd, &old);
}

/* ---- replacing ---- */

static void replacement_free(reel__replacement *r) {
    free(r->path);
    free(r->target);
    free(r->temporary);
    free(r);
}

/* Everything of r but its file. */
static reel__replacement *replacement_new(const char *path) {
    char *target = follow(path);
    if (target == NULL) {
        reel__fail_errno("cannot write", path);
        return NULL;
    }
    reel__replacement *r = calloc(1, sizeof *r);
    if (r != NULL) *r = (reel__replacement){.path = strdup(path), .target = target, .fd = -1};
    if (r != NULL && r->path != NULL) return r;
    reel_fail(REEL_ERR_MEMORY, NULL, "cannot write: out of memory: %s", path);
    free(target);
    free(r);
    return NULL;
}

reel__replacement *reel__replace_open(const char *path) {
    if (reel_failed()) return NULL;
    if (path == NULL || path[0] == '\0') {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "cannot write: no path given");
        return NULL;
    }
    reel__replacement *r = replacement_new(path);
    if (r == NULL || check_target(path, r->target) != REEL_OK) {
        if (r != NULL) replacement_free(r);
        return NULL;
    }
    remove_stale(r->target);
    struct stat old;
    const bool replaces = stat(r->target, &old) == 0;
    r->fd = open_temporary(r, replaces ? 0600 : 0666);
    if (r->fd < 0) {
        reel__fail_errno("cannot write", path);
        replacement_free(r);
        return NULL;
    }
    if (replaces) take_after(r->fd, &old);
    return r;
}

/* Past the process's limit of file sizes the system says EFBIG, and kills by SIGXFSZ. */
static ssize_t write_some(int fd, const char *from, size_t n) {
    reel__held_signal held;
    reel__hold_signal(&held, SIGXFSZ);
    const ssize_t written = write(fd, from, n);
    const int reason = errno;
    reel__let_signal(&held);
    errno = reason;
    return written;
}

reel_status reel__replace_write(reel__replacement *r, const void *bytes, size_t n) {
    const char *from = bytes;
    while (n > 0) {
        ssize_t written = write_some(r->fd, from, n);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return reel__fail_errno("cannot write", r->path);
        from += written;
        n -= (size_t)written;
    }
    return REEL_OK;
}

void reel__replace_abort(reel__replacement *r) {
    if (r == NULL) return;
    unlink(r->temporary); /* while its lock is held */
    close(r->fd);
    replacement_free(r);
}

static int sync_fd(int fd) {
    int done;
    do done = fsync(fd);
    while (done != 0 && errno == EINTR);
    return done;
}

/* Makes the rename last. Some file systems cannot sync a directory, and say EINVAL. */
static reel_status sync_directory_of(const reel__replacement *r) {
    char *directory = directory_of(r->target);
    if (directory == NULL)
        return reel_fail(REEL_ERR_MEMORY, NULL, "cannot write: out of memory: %s", r->path);
    int fd = reel__open(directory, O_RDONLY | O_DIRECTORY, 0);
    bool synced = fd >= 0 && (sync_fd(fd) == 0 || errno == EINVAL);
    reel_status status =
        synced ? REEL_OK : reel__fail_errno("cannot sync the directory of", r->path);
    if (fd >= 0) close(fd);
    free(directory);
    return status;
}

/* rename(2) takes the name of what is there, link(2) does not; not every file system has links. */
static int take_name(const reel__replacement *r, bool is_new) {
    if (!is_new) return rename(r->temporary, r->target);
    if (link(r->temporary, r->target) == 0) {
        unlink(r->temporary); /* while its lock is held */
        return 0;
    }
    return errno == EEXIST ? -1 : rename(r->temporary, r->target);
}

static reel_status commit(reel__replacement *r, bool *there) {
    if (reel_failed()) {
        reel__replace_abort(r);
        return reel_error_status();
    }
    if (sync_fd(r->fd) != 0 || take_name(r, there != NULL) != 0) {
        if (there != NULL && errno == EEXIST) {
            *there = true;
            return REEL_OK;
        }
        reel_status status = reel__fail_errno("cannot write", r->path);
        reel__replace_abort(r);
        return status;
    }
    flock(r->fd, LOCK_UN); /* after the rename; by name, as a process forked meanwhile has it too */
    close(r->fd);          /* what it could say, fsync has said */
    reel_status status = sync_directory_of(r);
    replacement_free(r);
    return status;
}

reel_status reel__replace_commit(reel__replacement *r) {
    return commit(r, NULL);
}

reel_status reel__replace_commit_new(reel__replacement *r, bool *there) {
    *there = false;
    return commit(r, there);
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
