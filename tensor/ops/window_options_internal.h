/* Options of ops over windows, as far as they can be judged without an input: the functions ask
 * when they are called, layers when they are made. Failures are the composite's. */
#ifndef REEL_TENSOR_OPS_WINDOW_OPTIONS_INTERNAL_H
#define REEL_TENSOR_OPS_WINDOW_OPTIONS_INTERNAL_H

#include "tensor/ops/axes_options_internal.h"
#include "tensor/windows.h"

/* What becomes of a window: its greatest, its mean, its p-norm. */
typedef enum { REEL__POOL_MAX, REEL__POOL_MEAN, REEL__POOL_NORM } reel__pool;

/* All of `with` but lengths. */
reel_status reel__read_pool(reel__with *with, reel__pool pool, int axes, reel_shape kernel,
                            reel_pool_options o);
reel_status reel__check_power(double p);
/* One size for each axis, 0: x's. */
reel_status reel__read_adaptive(int64_t *to, int axes, reel_shape size);

reel_status reel__check_pad(reel_shape padding, reel_pad_mode mode);
reel_status reel__check_interpolate(const reel_interpolate_options *o);

/* All but lengths; and with those of fold's result. */
reel_status reel__read_unfold(reel__with *with, reel_shape kernel, reel_unfold_options o);
reel_status reel__read_fold(reel__with *with, reel_shape size, reel_shape kernel,
                            reel_unfold_options o);

/* Of pixel_shuffle and back; of channel_shuffle. */
reel_status reel__check_factor(int64_t r);
reel_status reel__check_shuffled(int64_t groups);

#endif
