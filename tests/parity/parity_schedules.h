#ifndef REEL_TESTS_PARITY_SCHEDULES_H
#define REEL_TESTS_PARITY_SCHEDULES_H

#include "tests/parity/parity_record.h"

/* Cases of schedules: the rates of two groups over some steps, as "rates" [steps + 1, 2], and what
 * a plateau's schedule was told, as "metrics". */
void parity_schedules(record *r);

#endif
