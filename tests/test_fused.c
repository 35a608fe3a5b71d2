/* Groups of ops as kernels that are compiled as the program runs. Without a GPU they are compiled,
 * and not run. */
#include "tests/fused_suite.h"

int main(void) {
    Suite *s = suite_create("fused");
    add_fused_cases(s);
    return run_suite(s);
}
