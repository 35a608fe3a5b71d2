/* Meters: a weighted mean whose sum stays where the values are. */
#include "nn/nn.h"

#include "tensor/core/handles_internal.h"
#include "tensor/ops/record_internal.h"

#include <math.h>

static reel_status start(reel_meter *m, const reel_tensor *value) {
    {
        REEL_SCOPE;
        m->sum = reel_retain(reel_zeros(REEL_SCALAR, REEL_F64, reel_device_of(value)));
    }
    return m->sum ? REEL_OK : reel_error_status();
}

/* What the host counts, in a replay of a captured step too. */
static reel_status count(reel_meter *m, double weight);

static void count_back(const reel__section *s) {
    ((reel_meter *)s->of)->weight = s->was;
}

static void count_again(void *of, double weight) {
    count(of, weight);
}

static reel_status count(reel_meter *m, double weight) {
    const reel__section s = {.again = count_again,
                             .back = count_back,
                             .of = m,
                             .number = weight,
                             .was = m->weight,
                             .life = m->sum};
    REEL_TRY(reel__section_begin(&s));
    m->weight += weight;
    reel__section_end(&s, true);
    return REEL_OK;
}

reel_status reel_meter_add_weighted(reel_meter *m, reel_tensor *value, double weight) {
    if (reel_failed()) return reel_error_status();
    if (!m || !value)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "meter_add: no %s", m ? "value" : "meter");
    if (!reel__live(NULL, "meter_add", NULL, value)) return reel_error_status();
    if (reel_numel(value) != 1)
        return reel_fail(REEL_ERR_SHAPE, NULL, "meter_add: one element is wanted, not %lld",
                         (long long)reel_numel(value));
    if (!(weight >= 0.0) || isinf(weight))
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "meter_add: weight must be 0 or more, and finite: %g", weight);
    if (!m->sum) REEL_TRY(start(m, value));
    reel_tensor *added = NULL;
    {
        REEL_NO_GRAD;
        REEL_SCOPE;
        reel_tensor *term = reel_dequantize(reel_reshape(value, REEL_SCALAR), weight, REEL_F64);
        added = reel_in_place(add, m->sum, term);
    }
    if (!added) return reel_error_status();
    return count(m, weight);
}

reel_status reel_meter_add(reel_meter *m, reel_tensor *value) {
    return reel_meter_add_weighted(m, value, 1.0);
}

double reel_meter_mean(reel_meter *m) {
    if (!m || !m->sum || m->weight == 0.0) return NAN;
    return reel_item(m->sum) / m->weight;
}

void reel_meter_reset(reel_meter *m) {
    if (!m) return;
    reel_release(m->sum);
    *m = (reel_meter){0};
}
