/* Where a run's files go. */
#include "app.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *cell_name(char buffer[CELL_NAME], int model, int64_t latent, int64_t seed) {
    snprintf(buffer, CELL_NAME, "%s-%" PRId64 "-s%" PRId64, model_names[model], latent, seed);
    return buffer;
}

char *path_in(char path[PATH_SIZE], const char *dir, const char *name) {
    snprintf(path, PATH_SIZE, "%s/%s", dir, name);
    return path;
}

reel_status out_prepare(const char *dir) {
    char probe[PATH_SIZE];
    REEL_TRY(reel_make_dirs(dir));
    int fd = mkstemp(path_in(probe, dir, ".probe-XXXXXX"));
    if (fd < 0)
        return reel_fail(REEL_ERR_IO, NULL, "out: can't write into %s: %s", dir, strerror(errno));
    close(fd);
    unlink(probe);
    return REEL_OK;
}
