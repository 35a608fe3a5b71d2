/* Files: directories, and whole reads. */
#include "io/io_internal.h"
#include "tensor/core/tensor_internal.h"

#include <errno.h>
#include <fcntl.h>
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

void reel__name_path(bool failed, const char *path) {
    if (failed || !reel_failed() || strstr(reel_error(), path) != NULL) return;
    const reel_status status = reel_error_status();
    char message[1024];
    snprintf(message, sizeof message, "%s", reel_error());
    const char *place = reel__message_site(message); /* stays last */
    reel_clear_error();
    reel_fail(status, NULL, "%.*s: %s%s", (int)(place - message), message, path, place);
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
    const bool failed = reel_failed();
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
    reel__name_path(failed, path); /* the one that stands in the way is named already */
    return status;
}

/* ---- descriptors ---- */

int reel__above_standard(int fd) {
    if (fd < 0 || fd > STDERR_FILENO) return fd;
    const int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), reason = errno;
    close(fd);
    errno = reason;
    return higher;
}

int reel__open(const char *path, int flags, mode_t mode) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
    while (fd < 0 && errno == EINTR);
    const int higher = reel__above_standard(fd), reason = errno;
    if (fd >= 0 && higher < 0 && flags & O_EXCL) unlink(path); /* it was made for nothing */
    errno = reason;
    return higher;
}

/* O_NONBLOCK: a FIFO that nobody writes to is opened at once, and then refused. */
int reel__open_to_read(const char *path, uint64_t *size) {
    const int fd = reel__open(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) {
        reel__fail_errno("cannot open", path);
        return -1;
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        reel__fail_errno("cannot open", path);
    } else if (!S_ISREG(info.st_mode)) {
        reel_fail(REEL_ERR_IO, NULL, "cannot read: %s: %s",
                  S_ISDIR(info.st_mode) ? "Is a directory" : "Not a regular file", path);
    } else {
        *size = (uint64_t)info.st_size;
        return fd;
    }
    close(fd);
    return -1;
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
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "file_read: path, bytes or size is NULL%s%s",
                         path != NULL ? ": " : "", path != NULL ? path : "");
    uint64_t length;
    const int fd = reel__open_to_read(path, &length);
    if (fd < 0) return reel_error_status();
    /* a byte for the NUL, and one so that a file of just this size shows its end */
    reel_status status = read_all(fd, path, (size_t)length + 2, bytes, size);
    close(fd);
    return status;
}
