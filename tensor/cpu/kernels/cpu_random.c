/* uniform and normal: compiled without contraction, so that every machine draws the same bits. */
#include "tensor/cpu/cpu_internal.h"

#define REEL_FORMULA static inline
#include "tensor/formulas/philox_internal.h"

#define WIDE(name) name##_f64

#define REAL double
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#define SQRT __builtin_sqrt
#include "tensor/formulas/scalar.h"

#include "tensor/formulas/normal_internal.h"
#undef REAL
#undef R
#undef REEL_REAL_IS_F64
#undef SQRT
#define REAL float
#define R(name) name##_f32
#define REEL_REAL_IS_F64 0
#define SQRT __builtin_sqrtf
#include "tensor/formulas/scalar.h"

#include "tensor/formulas/normal_internal.h"

typedef struct {
    void *out;
    int64_t n;
    uint64_t seed, offset;
    double a, b; /* low and high, or mean and std */
    bool f64, normal;
} draw;

static void block_f32(const draw *d, uint64_t number, float z[4]) {
    uint32_t w[4];
    reel__philox_block(d->seed, d->offset + number, w);
    for (int i = 0; i < 4; i++) z[i] = reel__uniform_f32(w[i]);
    if (!d->normal) return;
    box_muller_f32(z[0], z[1], &z[0], &z[1]);
    box_muller_f32(z[2], z[3], &z[2], &z[3]);
}

static void block_f64(const draw *d, uint64_t number, double z[2]) {
    uint32_t w[4];
    reel__philox_block(d->seed, d->offset + number, w);
    z[0] = reel__uniform_f64(w[0], w[1]);
    z[1] = reel__uniform_f64(w[2], w[3]);
    if (d->normal) box_muller_f64(z[0], z[1], &z[0], &z[1]);
}

static void work(void *context, int64_t begin, int64_t end) {
    const draw *d = context;
    const double scale = d->normal ? d->b : d->b - d->a;
    for (int64_t block = begin; block < end; block++) {
        if (d->f64) {
            double z[2], *out = (double *)d->out + 2 * block;
            block_f64(d, (uint64_t)block, z);
            for (int64_t i = 0; i < 2 && 2 * block + i < d->n; i++) out[i] = d->a + scale * z[i];
        } else {
            float z[4], *out = (float *)d->out + 4 * block;
            block_f32(d, (uint64_t)block, z);
            for (int64_t i = 0; i < 4 && 4 * block + i < d->n; i++)
                out[i] = (float)d->a + (float)scale * z[i];
        }
    }
}

/* in[0] is the generator's state {seed, offset}, which moves on by the blocks used. */
static reel_status fill(const reel__call *c, bool normal, double a, double b) {
    reel_tensor *out = c->out[0];
    int64_t *state = reel__data(c->in[0]);
    draw d = {.n = reel_numel(out),
              .seed = (uint64_t)state[0],
              .offset = (uint64_t)state[1],
              .a = a,
              .b = b,
              .f64 = out->layout.dtype == REEL_F64,
              .normal = normal};
    int64_t per_block = d.f64 ? 2 : 4, blocks = (d.n + per_block - 1) / per_block;
    reel_status status = REEL_OK;
    {
        REEL_SCOPE;
        reel_tensor *t = out;
        if (!reel_is_contiguous(out))
            t = reel_empty_at(c->at, out->layout.shape, out->layout.dtype, c->device);
        if (!t) return reel_error_status();
        d.out = reel__data(t);
        reel__cpu_parallel(blocks, 4096, work, &d);
        if (t != out && !reel_copy_at_(c->at, out, t)) status = reel_error_status();
    }
    state[1] += blocks;
    return status;
}

reel_status reel__cpu_uniform(const reel__call *c) {
    return fill(c, false, c->with.uniform.low, c->with.uniform.high);
}

reel_status reel__cpu_normal(const reel__call *c) {
    return fill(c, true, c->with.normal.mean, c->with.normal.std);
}
