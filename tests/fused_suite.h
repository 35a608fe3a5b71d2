/* The cases of the suite test_fused, or one file that says that there are none. */
#ifndef REEL_TESTS_FUSED_SUITE_H
#define REEL_TESTS_FUSED_SUITE_H

#include "tests/expect.h"

void add_fused_cases(Suite *s);
void add_fused_fold_cases(Suite *s);    /* a part of these */
void add_resident_text_cases(Suite *s); /* another */

#endif
