/* A safetensors header: the input is its JSON. Length and data are put around it, the data as long
 * as the last number says, if it is a small one: where most headers end. */
#include "io/io.h"
#include "tests/fuzz/fuzz_state.h"

static size_t last_number(const uint8_t *data, size_t size) {
    size_t n = 0, digits = 0, unit = 1;
    while (size > 0 && (data[size - 1] < '0' || data[size - 1] > '9')) size--;
    for (; size > 0 && data[size - 1] >= '0' && data[size - 1] <= '9' && digits < 3; digits++) {
        n += unit * (size_t)(data[--size] - '0');
        unit *= 10;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t zeros[1000];
    const uint64_t n = size;
    const fuzz_part parts[] = {{&n, sizeof n}, {data, size}, {zeros, last_number(data, size)}};
    reel_state *s = reel_safetensors_read(fuzz_file(parts, 3));
    fuzz_check(s != NULL);
    if (s) fuzz_round_trip(s);
    reel_state_free(s);
    fuzz_check_clean();
    return 0;
}
