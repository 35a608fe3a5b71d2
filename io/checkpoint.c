/* Checkpoints: a safetensors file that says what it is, and the ones before it.
 *
 * The new file is written whole before an older one moves, and `path` itself is only ever replaced
 * by the rename that ends the write: at every moment it is a checkpoint that loads. Threads and
 * processes that write one path take turns at what moves; where none is there yet, the first to
 * make it goes before the others. Whatever another has moved away in spite of that is no failure.
 */
#include "io/io_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const identity[][2] = {{"format", "reel-checkpoint"}, {"version", "1"}};

enum { PAIRS = sizeof identity / sizeof identity[0] };

/* path.i; owned, NULL on failure. */
static char *slot(const char *path, int i) {
    char *name;
    if (asprintf(&name, "%s.%d", path, i) >= 0) return name;
    reel_fail(REEL_ERR_MEMORY, NULL, "checkpoint: out of memory: %s", path);
    return NULL;
}

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A link to nothing is there, too: slots are names, whatever they lead to. */
static bool is_there(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

/* ---- turns ---- */

static bool is_still(const char *path, int fd) {
    struct stat x, y;
    return stat(path, &x) == 0 && fstat(fd, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* By name: a process forked meanwhile has the descriptor too. */
static void end_turn(int fd) {
    if (fd < 0) return;
    flock(fd, LOCK_UN);
    close(fd);
}

/* To be locked: on NFS that takes a descriptor that may write. */
static int open_to_lock(const char *path) {
    const int fd = reel__open(path, O_RDWR | O_NONBLOCK, 0);
    return fd >= 0 || errno == ENOENT ? fd : reel__open(path, O_RDONLY | O_NONBLOCK, 0);
}

/* Waits for the lock of the file that `path` is, and goes by that of the next one where another
 * writer has replaced it meanwhile. The descriptor to close after the turn. -1, and no turn: no
 * file is there, files can't be locked there, or someone has held it for ten seconds. */
static int take_turn(const char *path) {
    static const struct timespec pause = {0, 1000000};
    for (int i = 0; i < 10000; i++) {
        const int fd = open_to_lock(path);
        if (fd < 0) return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            if (is_still(path, fd)) return fd;
            end_turn(fd);
            continue;
        }
        const bool taken = errno == EWOULDBLOCK || errno == EINTR;
        close(fd);
        if (!taken) return -1;
        nanosleep(&pause, NULL);
    }
    return -1;
}

/* ---- slots ---- */

/* path.i becomes path.(i + 1). */
static reel_status shift(const char *path, int i) {
    char *from = slot(path, i), *to = slot(path, i + 1);
    reel_status status = REEL_OK;
    if (from == NULL || to == NULL)
        status = reel_error_status();
    else if (rename(from, to) != 0 && errno != ENOENT)
        status = reel__fail_errno("cannot move an older checkpoint", from);
    free(from);
    free(to);
    return status;
}

static reel_status copy_to(reel__replacement *r, int fd, const char *from) {
    char buffer[1 << 16];
    reel__replace_take_after(r, fd);
    for (;;) {
        const ssize_t n = read(fd, buffer, sizeof buffer);
        if (n == 0) return REEL_OK;
        if (n > 0)
            REEL_TRY(reel__replace_write(r, buffer, (size_t)n));
        else if (errno != EINTR)
            return reel__fail_errno("cannot read", from);
    }
}

/* For file systems without hard links. */
reel_status reel__checkpoint_copy(const char *from, const char *to) {
    uint64_t size;
    const int fd = reel__open_to_read(from, &size);
    if (fd < 0) return reel_error_status();
    reel__replacement *r = reel__replace_open(to);
    reel_status status = r != NULL ? copy_to(r, fd, from) : reel_error_status();
    close(fd);
    if (status == REEL_OK) return reel__replace_commit(r);
    reel__replace_abort(r);
    return status;
}

/* A second name for the file that `path` is now. */
static reel_status keep(const char *path, const char *name) {
    if (linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) return REEL_OK;
    return reel__checkpoint_copy(path, name);
}

/* The slot that is to be filled: the first empty one, or the last, whose file is removed. */
static reel_status free_slot(const char *path, int last, int *free_one) {
    bool taken = true;
    for (int i = 1; taken && i <= last; i++) {
        char *name = slot(path, i);
        if (name == NULL) return reel_error_status();
        taken = is_there(name);
        reel_status status = REEL_OK;
        if (taken && i == last && unlink(name) != 0 && errno != ENOENT)
            status = reel__fail_errno("cannot remove the oldest checkpoint", name);
        free(name);
        REEL_TRY(status);
        *free_one = i;
    }
    return REEL_OK;
}

/* Moves those before the free slot up by one, and gives the present file the name path.1. If it has
 * that name already, a write ended between here and the rename, and nothing is to be moved. */
static reel_status rotate(const char *path, int keep_last) {
    char *newest = slot(path, 1);
    if (newest == NULL) return reel_error_status();
    reel_status status = REEL_OK;
    if (reel_file_exists(path) && !same_file(path, newest)) {
        int i = 1;
        status = free_slot(path, keep_last - 1, &i);
        while (status == REEL_OK && --i >= 1) status = shift(path, i);
        if (status == REEL_OK) status = keep(path, newest);
    }
    free(newest);
    return status;
}

static bool is_file(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* Removes path.i and those that follow it without a gap: a larger keep_last kept them. */
static reel_status remove_from(const char *path, int i) {
    reel_status status = REEL_OK;
    for (bool found = true; found && status == REEL_OK && i < INT_MAX; i++) {
        char *name = slot(path, i);
        if (name == NULL) return reel_error_status();
        found = is_file(name);
        if (found && unlink(name) != 0 && errno != ENOENT)
            status = reel__fail_errno("cannot remove an older checkpoint", name);
        free(name);
    }
    return status;
}

/* In the place of the one that is there. */
static reel_status replace(reel__replacement *r, const char *path, int keep_last) {
    reel_status status = keep_last > 1 ? rotate(path, keep_last) : REEL_OK;
    if (status == REEL_OK) return reel__replace_commit(r);
    reel__replace_abort(r);
    return status;
}

/* Frees r whatever comes of it. */
static reel_status put_in_place(reel__replacement *r, const char *path, int keep_last) {
    bool there = reel_file_exists(path);
    if (!there) REEL_TRY(reel__replace_commit_new(r, &there));
    const int turn = there ? take_turn(path) : -1;
    reel_status status = there ? replace(r, path, keep_last) : REEL_OK;
    if (status == REEL_OK) status = remove_from(path, keep_last > 1 ? keep_last : 1);
    end_turn(turn);
    return status;
}

reel_status reel_checkpoint_write(const reel_state *s, const char *path, int keep_last) {
    if (reel_failed()) return reel_error_status();
    if (s == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "checkpoint: no state%s%s", path ? ": " : "",
                         path ? path : "");
    reel__replacement *r = reel__replace_open(path);
    if (r == NULL) return reel_error_status();
    reel_status status = reel__safetensors_stream(r, s, identity, PAIRS, path);
    if (status != REEL_OK) {
        reel__replace_abort(r);
        return status;
    }
    return put_in_place(r, path, keep_last);
}

reel_state *reel_checkpoint_read(const char *path) {
    reel_state *s = reel_safetensors_read(path);
    for (size_t i = 0; s != NULL && i < PAIRS; i++) {
        const char *text = reel_state_text(s, identity[i][0]);
        if (text != NULL && strcmp(text, identity[i][1]) == 0) continue;
        reel_fail(REEL_ERR_FORMAT, NULL, "checkpoint: %s is '%.40s', not '%s': %s", identity[i][0],
                  text != NULL ? text : "", identity[i][1], path);
        reel_state_free(s);
        s = NULL;
    }
    return s;
}
