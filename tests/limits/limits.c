/* Products by BLAS in a process that may be short of memory: test_limits.sh runs it. Ends with 0 if
 * they are right, with 1 and one line if there was no memory for one, else with 2. */
#include "reel.h"

#include <stdio.h>

#define SIDE 1100 /* a matrix too large for tiles of Reel's own */

/* Of ones: each element is a sum of SIDE of them. */
static bool is_right(int64_t rows, int64_t columns) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(rows, SIDE), REEL_F32, reel_cpu());
    reel_tensor *y = reel_ones(reel_shape(SIDE, columns), REEL_F32, reel_cpu());
    const double mean = reel_item(reel_mean(reel_matmul(x, y)));
    return reel_failed() || mean == SIDE;
}

int main(void) {
    reel_set_threads(2);
    if (!is_right(SIDE, SIDE) || !is_right(SIDE, 1) || !is_right(1, SIDE)) {
        fprintf(stderr, "a product is wrong\n");
        return 2;
    }
    if (!reel_failed()) return 0;
    const bool is_memory = reel_error_status() == REEL_ERR_MEMORY;
    reel_report(stderr);
    return is_memory ? 1 : 2;
}
