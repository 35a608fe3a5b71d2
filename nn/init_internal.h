/* What initialisers share. */
#ifndef REEL_NN_INIT_INTERNAL_H
#define REEL_NN_INIT_INTERNAL_H

#include "nn/nn.h"
#include "tensor/core/tensor_internal.h"

/* Errors unless t is f32 or f64 and has `axes` axes or more. */
reel_status reel__init_check(const char *what, const reel_tensor *t, int axes);
reel_status reel__init_check_gain(const char *what, double gain);

/* n numbers on the host, from g wherever that is: standard normal, or uniform in (0, 1]. The caller
 * frees them; NULL on failure. */
double *reel__init_draw(const char *what, reel_generator *g, int64_t n, bool normal);

/* t = values, row-major, which are as many. */
reel_status reel__init_put(reel_tensor *t, const double *values);

#endif
