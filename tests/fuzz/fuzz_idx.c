/* IDX: the input is the file. */
#include "io/io.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    {
        REEL_SCOPE;
        reel_tensor *t = reel_idx_read(fuzz_file(&(fuzz_part){data, size}, 1));
        HOLDS(!t || (size_t)reel_numel(t) <= size || data[0] == 0x1f);
        fuzz_check(t != NULL);
    }
    fuzz_check_clean();
    return 0;
}
