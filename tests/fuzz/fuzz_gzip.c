/* Gzipped IDX: the input is what follows gzip's header: a deflate stream, a CRC, a length. Where
 * the first bit is set, it is packed here, so that what comes out of the stream is the input
 * instead. */
#include "io/io.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <zlib.h>

static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

static const char *packed(const uint8_t *data, size_t size) {
    z_stream z = {0};
    uint8_t *out = malloc(size + 1024);
    HOLDS(out && deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 1, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)(size + 1024);
    HOLDS(deflate(&z, Z_FINISH) == Z_STREAM_END);
    const char *path = fuzz_file(&(fuzz_part){out, z.total_out}, 1);
    deflateEnd(&z);
    free(out);
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const fuzz_part parts[] = {{header, sizeof header}, {data + 1, size - 1}};
    const char *path = *data & 1 ? packed(data + 1, size - 1) : fuzz_file(parts, 2);
    {
        REEL_SCOPE;
        fuzz_check(reel_idx_read(path) != NULL);
    }
    fuzz_check_clean();
    return 0;
}
