/* Where a run's files go. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

const char *cell_name(char buffer[CELL_NAME], int model, int64_t latent, int64_t seed) {
    snprintf(buffer, CELL_NAME, "%s-%" PRId64 "-s%" PRId64, model_names[model], latent, seed);
    return buffer;
}

char *path_in(char path[PATH_SIZE], const char *dir, const char *name) {
    snprintf(path, PATH_SIZE, "%s/%s", dir, name);
    return path;
}

static reel_status refuse(const char *dir, const char *why) {
    return reel_fail(REEL_ERR_IO, NULL, "out: can't write into %s: %s", dir, why);
}

/* Asked, not tried: a file to try with could be left behind. */
reel_status out_prepare(const char *dir) {
    REEL_TRY(reel_make_dirs(dir));
    if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0) return REEL_OK;
    return refuse(dir, strerror(errno));
}

/* The lock is the open directory's, and goes with the process. Where a file system has no locks,
 * there is none. */
reel_status out_lock(const char *dir, int *lock) {
    REEL_TRY(out_prepare(dir));
    *lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0) return refuse(dir, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return REEL_OK;
    return refuse(dir, "another run is writing there");
}

void out_unlock(int lock) {
    if (lock >= 0) close(lock);
}
