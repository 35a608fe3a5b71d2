/* What the targets share. */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const fuzz_part *parts, int count) {
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        HOLDS(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    HOLDS(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    for (int i = 0; i < count; i++)
        HOLDS(write(fd, parts[i].bytes, parts[i].size) == (ssize_t)parts[i].size);
    return path;
}

void fuzz_check(bool result) {
    HOLDS(result == !reel_failed());
    const char *says = reel_error();
    HOLDS(result || (*says != '\0' && strchr(says, '\n') == NULL));
    reel_clear_error();
}

void fuzz_check_clean(void) {
    HOLDS(!reel_failed());
    HOLDS(reel_tensors_alive() == 0);
}
