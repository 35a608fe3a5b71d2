/* Which way a convolution goes: by its shape, and where its operands lie, alone, so that bits are
 * always the same. What is said of speed was measured on an H200, in f32. */
#include "cuda/kernels/cuda_conv_internal.h"

static atomic_int way;

void reel__cuda_conv_by(reel__conv_way w) {
    atomic_store(&way, (int)w);
}

reel__conv_way reel__cuda_conv_asked(void) {
    return (reel__conv_way)atomic_load_explicit(&way, memory_order_relaxed);
}

/* ---- what the kernels can count ---- */

#define MOST_STEPS ((int64_t)1 << 28)    /* along an axis, */
#define MOST_ELEMENTS ((int64_t)1 << 30) /* and of an image's channel, or of a channel's taps */

/* At most `most`, and not negative. */
static bool is_below(int64_t n, int64_t most) {
    return n >= 0 && n <= most;
}

static bool has_short_axes(const reel__cuda_conv_shape *v) {
    for (int i = 0; i < 3; i++) {
        const int64_t before = v->before[i] < 0 ? -v->before[i] : v->before[i];
        if (!is_below(v->size[i], MOST_STEPS) || !is_below(v->small_size[i], MOST_STEPS) ||
            !is_below(v->kernel[i], MOST_STEPS) || !is_below(before, MOST_STEPS) ||
            !is_below(v->stride[i], MOST_STEPS) || !is_below(v->dilation[i], MOST_STEPS) ||
            !is_below(v->small_size[i] * v->stride[i], MOST_STEPS) ||
            !is_below(v->kernel[i] * v->dilation[i], MOST_STEPS))
            return false;
    }
    return true;
}

/* What a stride cuts the result of a transposed one into. */
static int64_t phases_of(const reel__cuda_conv_shape *v) {
    int64_t phases = 1;
    for (int i = 0; i < 3; i++) phases *= v->stride[i] < v->size[i] ? v->stride[i] : v->size[i];
    return phases;
}

/* Whether the kernels that count in 32 bits can do it. */
static bool is_short(const reel__cuda_conv_shape *v) {
    if (!has_short_axes(v)) return false;
    const int64_t taps = reel__cuda_volume(v->kernel),
                  most = v->big_channels > v->small_channels ? v->big_channels : v->small_channels;
    return is_below(reel__cuda_volume(v->size), MOST_ELEMENTS) &&
           is_below(reel__cuda_volume(v->small_size), MOST_ELEMENTS) &&
           is_below(taps, MOST_STEPS) && is_below(most, MOST_STEPS) &&
           is_below(v->groups, MOST_STEPS) && is_below(most * taps, MOST_ELEMENTS) &&
           is_below(most * v->groups, MOST_STEPS) &&
           is_below((most / 16 + 1) * v->groups * phases_of(v), MOST_STEPS);
}

/* Whether the direct kernels can count an image's elements, of all phases. */
static bool is_small(const reel__cuda_conv_shape *v) {
    const int64_t big = v->big_channels * reel__cuda_volume(v->size),
                  small = v->small_channels * reel__cuda_volume(v->small_size);
    return is_below((big > small ? big : small) * v->groups, MOST_STEPS);
}

/* ---- which kernel of our own ---- */

/* Tiles of so few channels would be empty. */
static bool has_few_channels(const reel__cuda_conv_shape *v) {
    return v->groups > 1 && v->small_channels < 8 && v->big_channels < 8;
}

/* The result of a gather has so few channels that tiles would be empty. */
static bool has_few_rows(reel__conv_kind kind, const reel__cuda_conv_shape *v) {
    return (kind == REEL__CONV_FORWARD && v->small_channels <= 4) ||
           (kind == REEL__CONV_INPUT_GRAD && v->big_channels <= 4);
}

reel__conv_way reel__cuda_conv_own_way(reel__conv_kind kind, const reel__cuda_conv_shape *v) {
    const reel__conv_way asked = reel__cuda_conv_asked();
    if (!is_short(v) || asked == REEL__CONV_PLAIN) return REEL__CONV_PLAIN;
    if (asked == REEL__CONV_TILES || !is_small(v)) return REEL__CONV_TILES;
    if (asked == REEL__CONV_DIRECT) return REEL__CONV_DIRECT;
    return has_few_channels(v) || has_few_rows(kind, v) ? REEL__CONV_DIRECT : REEL__CONV_TILES;
}

/* ---- or cuDNN ---- */

static bool is_strided(const reel__cuda_conv_shape *v) {
    return v->stride[0] > 1 || v->stride[1] > 1 || v->stride[2] > 1;
}

/* cuDNN has transforms, of Winograd and Fourier, for such kernels in two axes. */
static bool can_be_transformed(const reel__cuda_conv_shape *v) {
    const int64_t side = v->kernel[1];
    return !is_strided(v) && v->size[0] == 1 && v->kernel[0] == 1 && (side == 3 || side == 5) &&
           v->kernel[2] == side && v->dilation[1] == 1 && v->dilation[2] == 1 &&
           v->big_channels >= 16 && v->small_channels >= 16;
}

/* Those of its algorithms that are deterministic don't cut the sum of a weight's gradient: what has
 * few tiles keeps few processors busy. */
#define ENOUGH_TILES 32
static bool has_enough_tiles(const reel__cuda_conv_shape *v) {
    const int64_t columns = v->big_channels * reel__cuda_volume(v->kernel);
    return v->groups * ((v->small_channels + 127) / 128) * ((columns + 127) / 128) >= ENOUGH_TILES;
}

static bool is_good_for_cudnn(reel__conv_kind kind, const reel__cuda_conv_shape *v) {
    if (has_few_channels(v)) return false;
    if (kind == REEL__CONV_WEIGHT_GRAD) return can_be_transformed(v) || has_enough_tiles(v);
    if (kind == REEL__CONV_FORWARD) return true;
    const bool is_thinned = reel__cuda_volume(v->kernel) == 1 && is_strided(v);
    return (v->big_channels > 4 || is_strided(v)) && !is_thinned;
}

/* That of a small kernel is several times its size: of few channels and large planes it is fast all
 * the same, of others it took three times as long as the next best. */
bool reel__cuda_conv_is_for_fourier(const reel__cuda_conv_shape *v) {
    const bool large = v->size[1] >= 24 && v->size[2] >= 24,
               few = v->big_channels <= 32 || v->small_channels <= 32;
    return reel__cuda_volume(v->kernel) >= 49 || (large && few && can_be_transformed(v));
}

bool reel__cuda_conv_is_better_turned(const reel__cuda_conv_shape *v) {
    if (reel__cuda_conv_asked() != REEL__CONV_BEST || is_strided(v)) return false;
    return reel__cuda_volume(v->kernel) > 1 && v->big_channels >= 16 && v->small_channels >= 16 &&
           !reel__cuda_conv_is_for_fourier(v);
}

/* It is told of one padding, for both ends, and works out the small sizes by itself. */
static bool has_equal_ends(const reel__cuda_conv_shape *v) {
    for (int i = 0; i < 3; i++) {
        const int64_t reach = (v->kernel[i] - 1) * v->dilation[i] + 1,
                      room = v->size[i] + 2 * v->before[i] - reach;
        if (v->before[i] < 0 || room < 0 || room / v->stride[i] + 1 != v->small_size[i])
            return false;
    }
    return true;
}

static bool is_within(int64_t n) {
    return n > 0 && n < INT32_MAX;
}

bool reel__cuda_conv_suits_cudnn(reel__conv_kind kind, const reel__cuda_conv_shape *v) {
    const reel__conv_way asked = reel__cuda_conv_asked();
    if (asked != REEL__CONV_CUDNN && (asked != REEL__CONV_BEST || !is_good_for_cudnn(kind, v)))
        return false;
    if (!is_short(v) || !has_equal_ends(v)) return false;
    const int64_t channels = v->images * v->groups;
    return is_within(channels * v->big_channels * reel__cuda_volume(v->size)) &&
           is_within(channels * v->small_channels * reel__cuda_volume(v->small_size)) &&
           is_within(v->groups * v->big_channels * v->small_channels *
                     reel__cuda_volume(v->kernel));
}
