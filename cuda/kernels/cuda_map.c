/* Elementwise kernels: where their operands lie, in as few axes and as wide units as can be. */
#include "cuda/cuda_internal.h"

#define WORTH_TWO 65536               /* elements that are worth a second launch for the tail */
#define MOST_UNITS ((int64_t)1 << 30) /* of one launch */

typedef struct {
    const reel__call *call;
    reel__cuda_device *device;
    reel__cuda_kernel kernel;
    size_t size[REEL__CUDA_OPERANDS];
    double constants[2];
} work;

static int64_t count_of(const reel__nest *n) {
    int64_t count = 1;
    for (int i = 0; i < n->ndim; i++) count *= n->dim[i];
    return count;
}

/* An operand that units of `vector` elements can be moved of, or one that stays the same for all of
 * a unit. */
static bool fits_units(const reel__nest *n, int k, const char *data, size_t size, int vector) {
    const int last = n->ndim - 1;
    if (n->stride[k][last] == 0) return k != 0; /* the result has an element for each */
    const size_t bytes = (size_t)vector * size, alignment = bytes < 16 ? bytes : 16;
    if (n->stride[k][last] != 1 || (uintptr_t)data % alignment != 0) return false;
    for (int i = 0; i < last; i++)
        if (n->stride[k][i] % vector != 0) return false;
    return true;
}

static bool can_use_units(const work *w, const reel__nest *n,
                          char *const data[REEL__CUDA_OPERANDS]) {
    if (n->dim[n->ndim - 1] < w->kernel.vector) return false;
    for (int k = 0; k < n->operands; k++)
        if (!fits_units(n, k, data[k], w->size[k], w->kernel.vector)) return false;
    return true;
}

static reel_status launch(const work *w, const reel__nest *n, char *const data[REEL__CUDA_OPERANDS],
                          int vector) {
    reel__cuda_map m = {.ndim = n->ndim, .constants = {w->constants[0], w->constants[1]}};
    const int last = n->ndim - 1;
    for (int i = 0; i < n->ndim; i++) {
        const int from = last - i; /* the innermost axis comes first */
        m.dim[i] = reel__cuda_divisor_of(i == 0 ? n->dim[from] / vector : n->dim[from]);
        for (int k = 0; k < n->operands; k++)
            m.stride[k][i] = n->stride[k][from] * (i == 0 ? vector : 1);
    }
    for (int k = 0; k < n->operands; k++) m.data[k] = data[k];
    m.units = (uint32_t)(count_of(n) / vector);
    return reel__cuda_launched(w->call,
                               w->kernel.launch(&m, vector, w->kernel.how, w->device->queue));
}

static reel_status launch_all(const work *w, const reel__nest *n,
                              char *const data[REEL__CUDA_OPERANDS]);

/* The first `head` of an axis, then the rest. */
static reel_status split(const work *w, const reel__nest *n, char *const data[REEL__CUDA_OPERANDS],
                         int axis, int64_t head) {
    reel__nest part = *n;
    char *rest[REEL__CUDA_OPERANDS] = {NULL};
    part.dim[axis] = head;
    REEL_TRY(launch_all(w, &part, data));
    for (int k = 0; k < n->operands; k++)
        rest[k] = data[k] + head * n->stride[k][axis] * (int64_t)w->size[k];
    part.dim[axis] = n->dim[axis] - head;
    return launch_all(w, &part, rest);
}

/* What one launch can't count goes in halves; what is not made of whole units leaves a tail. */
static reel_status launch_all(const work *w, const reel__nest *n,
                              char *const data[REEL__CUDA_OPERANDS]) {
    const int last = n->ndim - 1, vector = w->kernel.vector;
    if (count_of(n) > MOST_UNITS) {
        int axis = 0;
        while (n->dim[axis] == 1) axis++;
        const int64_t half = n->dim[axis] / 2;
        return split(w, n, data, axis, half > 1024 ? half / 1024 * 1024 : half);
    }
    if (!can_use_units(w, n, data)) return launch(w, n, data, 1);
    const int64_t tail = n->dim[last] % vector;
    if (tail == 0) return launch(w, n, data, vector);
    if (last > 0 || n->dim[last] < WORTH_TWO) return launch(w, n, data, 1);
    return split(w, n, data, last, n->dim[last] - tail);
}

reel_status reel__cuda_map_with(const reel__call *c, reel__cuda_kernel k, reel_tensor *out, int nin,
                                reel_tensor *const *in, const double constants[2]) {
    char *data[REEL__CUDA_OPERANDS] = {NULL};
    reel__nest n;
    if (reel_numel(out) == 0) return REEL_OK;
    work w = {.call = c, .device = reel__cuda_enter(c), .kernel = k};
    if (!w.device) return reel_error_status();
    if (constants) w.constants[0] = constants[0], w.constants[1] = constants[1];
    for (int i = 0; i <= nin; i++) {
        const reel_tensor *t = i ? in[i - 1] : out;
        data[i] = reel__data(t);
        w.size[i] = reel_dtype_size(t->layout.dtype);
    }
    reel__nest_make(&n, out, nin, in);
    return launch_all(&w, &n, data);
}

/* ---- ops made of formulas ---- */

static cudaError_t launch_op(const reel__cuda_map *m, int vector, const void *how,
                             reel__cuda_queue *q) {
    const reel__cuda_map_launcher *op = how;
    return (*op)(m, vector, q);
}

typedef struct {
    reel_dtype dtype;
    reel__cuda_error_slot errors;
} checked;

static cudaError_t launch_bce_checked(const reel__cuda_map *m, int vector, const void *how,
                                      reel__cuda_queue *q) {
    const checked *p = how;
    return reel__cuda_launch_bce_checked(m, &p->errors, p->dtype, vector, q);
}

static reel_status bce_checked(const reel__call *c) {
    const reel__cuda_device *d = reel__cuda_device_at(c->device.index);
    const checked how = {c->in[0]->layout.dtype, reel__cuda_error_slot_of(d, c)};
    const reel__cuda_kernel k = {launch_bce_checked, &how,
                                 REEL__CUDA_VECTOR / (int)reel_dtype_size(how.dtype)};
    return reel__cuda_map_with(c, k, c->out[0], 2, c->in, NULL);
}

reel_status reel__cuda_map_op(const reel__call *c) {
    static const reel__cuda_map_launcher *const by_dtype[] = {
        reel__cuda_map_f32, reel__cuda_map_f64, reel__cuda_map_i64, reel__cuda_map_u8};
    const reel_dtype dtype = c->in[0]->layout.dtype;
    if (c->op == REEL_OP_bce && c->with.map.checked) return bce_checked(c);
    const reel__cuda_kernel k = {launch_op, &by_dtype[dtype][c->op],
                                 REEL__CUDA_VECTOR / (int)reel_dtype_size(dtype)};
    return reel__cuda_map_with(c, k, c->out[0], c->nin, c->in,
                               (const double[2]){c->with.map.a, c->with.map.b});
}

/* ---- cast, dequantize, fill ---- */

typedef struct {
    reel_dtype to, from;
    bool scaled;
} conversion;

static cudaError_t launch_cast(const reel__cuda_map *m, int vector, const void *how,
                               reel__cuda_queue *q) {
    const conversion *v = how;
    return reel__cuda_launch_cast(m, v->to, v->from, v->scaled, vector, q);
}

static reel_status convert(const reel__call *c, bool scaled) {
    const conversion v = {c->out[0]->layout.dtype, c->in[0]->layout.dtype, scaled};
    const reel__cuda_kernel k = {launch_cast, &v, 4};
    return reel__cuda_map_with(c, k, c->out[0], 1, c->in, (const double[2]){c->with.cast.scale, 0});
}

reel_status reel__cuda_cast(const reel__call *c) {
    return convert(c, false);
}

reel_status reel__cuda_dequantize(const reel__call *c) {
    return convert(c, true);
}

static cudaError_t launch_fill(const reel__cuda_map *m, int vector, const void *how,
                               reel__cuda_queue *q) {
    return reel__cuda_launch_fill(m, *(const reel_dtype *)how, vector, q);
}

reel_status reel__cuda_fill(const reel__call *c) {
    const reel_dtype dtype = c->out[0]->layout.dtype;
    const reel__cuda_kernel k = {launch_fill, &dtype,
                                 REEL__CUDA_VECTOR / (int)reel_dtype_size(dtype)};
    return reel__cuda_map_with(c, k, c->out[0], 0, NULL, (const double[2]){c->with.fill.value, 0});
}

/* ---- where ---- */

static cudaError_t launch_where(const reel__cuda_map *m, int vector, const void *how,
                                reel__cuda_queue *q) {
    return reel__cuda_launch_where(m, *(const int *)how, vector, q);
}

reel_status reel__cuda_where(const reel__call *c) {
    const int size = (int)reel_dtype_size(c->out[0]->layout.dtype);
    const reel__cuda_kernel k = {launch_where, &size, REEL__CUDA_VECTOR / size};
    return reel__cuda_map_with(c, k, c->out[0], 3, c->in, NULL);
}

/* ---- copy ---- */

static cudaError_t launch_copy(const reel__cuda_map *m, int vector, const void *how,
                               reel__cuda_queue *q) {
    return reel__cuda_launch_copy(m, *(const int *)how, vector, q);
}

#define SHORTEST 8 /* axes shorter than this are not worth a tile */

/* The axis along which x, read where out is written, is contiguous; -1 if a tile does not pay. */
static int contiguous_axis(const reel__nest *n) {
    const int last = n->ndim - 1;
    if (n->stride[0][last] != 1 || n->stride[1][last] <= 1 || n->dim[last] < SHORTEST) return -1;
    for (int i = 0; i < last; i++)
        if (n->stride[1][i] == 1 && n->dim[i] >= SHORTEST) return i;
    return -1;
}

/* Two axes that change places go through tiles of shared memory. False: it is not for tiles. */
static bool plan_transpose(const reel__nest *n, void *out, const void *x, reel__cuda_transpose *t) {
    const int a = contiguous_axis(n), b = n->ndim - 1;
    if (a < 0) return false;
    int64_t batches = 1, tiles_a = (n->dim[a] + REEL__CUDA_TILE - 1) / REEL__CUDA_TILE,
            tiles_b = (n->dim[b] + REEL__CUDA_TILE - 1) / REEL__CUDA_TILE;
    *t = (reel__cuda_transpose){.out = out,
                                .x = x,
                                .rows = n->dim[a],
                                .columns = n->dim[b],
                                .out_stride = n->stride[0][a],
                                .x_stride = n->stride[1][b]};
    for (int i = b - 1; i >= 0; i--) {
        if (i == a) continue;
        t->dim[t->ndim] = reel__cuda_divisor_of(n->dim[i]);
        t->out_step[t->ndim] = n->stride[0][i];
        t->x_step[t->ndim++] = n->stride[1][i];
        batches *= n->dim[i];
    }
    if (batches >= MOST_UNITS || tiles_a * tiles_b >= MOST_UNITS ||
        tiles_a * tiles_b * batches >= MOST_UNITS)
        return false;
    t->batches = (uint32_t)batches;
    t->tiles_a = (uint32_t)tiles_a;
    t->tiles_b = (uint32_t)tiles_b;
    return true;
}

reel_status reel__cuda_copy_into(const reel__call *c, reel_tensor *to, reel_tensor *from) {
    const int size = (int)reel_dtype_size(to->layout.dtype);
    const reel__cuda_kernel k = {launch_copy, &size, REEL__CUDA_VECTOR / size};
    reel__cuda_transpose t;
    reel__nest n;
    if (reel_numel(to) == 0) return REEL_OK;
    reel__nest_make(&n, to, 1, &from);
    if (!plan_transpose(&n, reel__data(to), reel__data(from), &t))
        return reel__cuda_map_with(c, k, to, 1, &from, NULL);
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    return reel__cuda_launched(c, reel__cuda_launch_transpose(&t, size, d->queue));
}

reel_status reel__cuda_copy(const reel__call *c) {
    return reel__cuda_copy_into(c, c->out[0], c->in[0]);
}
