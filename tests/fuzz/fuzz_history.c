/* A history: the input is the CSV file. */
#include "io/io.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    reel_history *h = reel_history_read(fuzz_file(&(fuzz_part){data, size}, 1));
    fuzz_check(h != NULL);
    if (h) HOLDS(reel_history_rows(h) >= 0);
    reel_history_free(h);
    fuzz_check_clean();
    return 0;
}
