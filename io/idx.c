/* IDX, MNIST's format: two zero bytes, the element type (8: u8), the rank; a big-endian u32 for
 * each axis; then the elements, row-major. zlib reads plain and gzipped files alike, and checks a
 * gzip's CRC at its end.
 *
 * A header is not believed: memory grows with what the file is seen to hold, up to what the header
 * says. */
#include "io/io_internal.h"
#include "tensor/core/tensor_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { IDX_U8 = 0x08, MAX_READ = 1 << 20 };

typedef struct {
    const char *path;
    gzFile gz;
} source;

/* Fails if the last read met a broken gzip or the system refused it, and not just at the end. */
static reel_status check_stream(source src) {
    int code = Z_OK;
    const char *text = gzerror(src.gz, &code);
    const char *why = strstr(text, ": "); /* zlib says "<fd:3>: why" */
    why = why == NULL ? text : why + 2;
    switch (code) {
    case Z_OK:
    case Z_STREAM_END:
        return REEL_OK;
    case Z_ERRNO:
        return reel_fail(REEL_ERR_IO, NULL, "IDX: cannot read: %s: %s", why, src.path);
    case Z_MEM_ERROR:
        return reel_fail(REEL_ERR_MEMORY, NULL, "IDX: out of memory: %s", src.path);
    case Z_BUF_ERROR:
        return reel_fail(REEL_ERR_FORMAT, NULL, "IDX: the gzip is cut short: %s", src.path);
    default:
        return reel_fail(REEL_ERR_FORMAT, NULL, "IDX: bad gzip: %s: %s", why, src.path);
    }
}

/* Reads up to n bytes; fewer only at the end of the file. */
static reel_status read_some(source src, uint8_t *to, size_t n, size_t *got) {
    *got = 0;
    while (*got < n) {
        size_t left = n - *got;
        int part = gzread(src.gz, to + *got, left < MAX_READ ? (unsigned)left : MAX_READ);
        if (part <= 0) return check_stream(src);
        *got += (size_t)part;
    }
    return REEL_OK;
}

static reel_status fail_short_header(source src, size_t got) {
    return got == 0 ? reel_fail(REEL_ERR_FORMAT, NULL, "IDX: empty: %s", src.path)
                    : reel_fail(REEL_ERR_FORMAT, NULL, "IDX: ends within its header: %s", src.path);
}

static reel_status read_header(source src, reel_shape *shape) {
    uint8_t magic[4];
    size_t got;
    REEL_TRY(read_some(src, magic, sizeof magic, &got));
    if (got < sizeof magic) return fail_short_header(src, got);
    if (magic[0] != 0 || magic[1] != 0)
        return reel_fail(REEL_ERR_FORMAT, NULL,
                         "IDX: neither IDX nor gzip: begins %02x %02x %02x %02x: %s", magic[0],
                         magic[1], magic[2], magic[3], src.path);
    if (magic[2] != IDX_U8)
        return reel_fail(REEL_ERR_FORMAT, NULL, "IDX: element type 0x%02x, not 0x08 (u8): %s",
                         magic[2], src.path);
    if (magic[3] < 1 || magic[3] > REEL_MAX_DIMS)
        return reel_fail(REEL_ERR_FORMAT, NULL, "IDX: %d axes, not 1 to %d: %s", magic[3],
                         REEL_MAX_DIMS, src.path);

    uint8_t sizes[4 * REEL_MAX_DIMS];
    shape->ndim = magic[3];
    REEL_TRY(read_some(src, sizes, 4 * (size_t)shape->ndim, &got));
    if (got < 4 * (size_t)shape->ndim) return fail_short_header(src, sizeof magic + got);
    for (int i = 0; i < shape->ndim; i++) {
        const uint8_t *b = sizes + 4 * i;
        shape->dim[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    }
    return REEL_OK;
}

static reel_status element_count(source src, reel_shape shape, size_t *count) {
    const int64_t n = reel__shape_numel(shape);
    *count = n < 0 ? 0 : (size_t)n;
    if (n >= 0) return REEL_OK;
    return reel_fail(REEL_ERR_FORMAT, NULL, "IDX: the header's sizes overflow: %s", src.path);
}

/* Reads `count` bytes and meets the end. *elements is malloc'd, also on failure. */
static reel_status read_elements(source src, size_t count, uint8_t **elements) {
    size_t capacity = 0, used = 0;
    do {
        capacity = capacity == 0 ? MAX_READ : 2 * capacity;
        if (capacity > count) capacity = count;
        uint8_t *larger = realloc(*elements, capacity + 1);
        if (larger == NULL)
            return reel_fail(REEL_ERR_MEMORY, NULL, "IDX: out of memory: %s", src.path);
        *elements = larger;
        size_t got;
        REEL_TRY(read_some(src, *elements + used, capacity - used, &got));
        used += got;
    } while (used == capacity && used < count);
    if (used < count)
        return reel_fail(REEL_ERR_FORMAT, NULL,
                         "IDX: the header promises %zu bytes, the file holds %zu: %s", count, used,
                         src.path);
    size_t more;
    REEL_TRY(read_some(src, *elements + count, 1, &more));
    if (more > 0)
        return reel_fail(REEL_ERR_FORMAT, NULL,
                         "IDX: the header promises %zu bytes, the file holds more: %s", count,
                         src.path);
    return REEL_OK;
}

static reel_tensor *read_array(source src) {
    reel_shape shape = {0, {0}};
    size_t count = 0;
    if (read_header(src, &shape) != REEL_OK) return NULL;
    if (element_count(src, shape, &count) != REEL_OK) return NULL;
    uint8_t *elements = NULL;
    reel_status status = read_elements(src, count, &elements);
    reel_tensor *array = status == REEL_OK ? reel_from(elements, shape, REEL_U8) : NULL;
    free(elements);
    return array;
}

reel_tensor *reel_idx_read(const char *path) {
    if (path == NULL) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "IDX: no path given");
        return NULL;
    }
    if (reel__refuse_recorded(NULL, "IDX") != REEL_OK) return NULL;
    const bool failed = reel_failed();
    uint64_t size;
    int fd = reel__open_to_read(path, &size);
    if (fd < 0) return NULL;
    gzFile gz = gzdopen(fd, "rb");
    if (gz == NULL) {
        close(fd);
        reel_fail(REEL_ERR_MEMORY, NULL, "IDX: out of memory: %s", path);
        return NULL;
    }
    gzbuffer(gz, 128 * 1024);
    reel_tensor *array = read_array((source){path, gz});
    gzclose_r(gz);
    reel__name_path(failed, path);
    return array;
}
