/* Safetensors: the input is the file. What is read is written, and read again: the same. */
#include "io/io.h"
#include "tests/fuzz/fuzz_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    reel_state *s = reel_safetensors_read(fuzz_file(&(fuzz_part){data, size}, 1));
    fuzz_check(s != NULL);
    if (s) fuzz_round_trip(s);
    reel_state_free(s);
    fuzz_check_clean();
    return 0;
}
