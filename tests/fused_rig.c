#include "tests/fused_rig.h"
#include "tests/same_bits.h"

#include "cuda/runtime/cuda_compile_internal.h"
#include "tensor/ops/record_internal.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

bool rig_on_gpu(void) {
    return test_device().type == REEL_CUDA;
}

int rig_value(rig *r, reel_tensor *t) {
    ck_assert_msg(t && r->values < RIG_VALUES, "%s", reel_error());
    r->value[r->values] = t;
    return r->values++;
}

/* What the eager op wrote is compared with; the node writes elsewhere, over other bits. */
static reel_tensor *elsewhere(reel_tensor *t) {
    reel_tensor *u = reel_empty_like(t);
    const reel_dtype dtype = reel_dtype_of(t);
    return reel_fill_(u, dtype == REEL_U8 ? 77 : -1e4);
}

int rig_node(rig *r, reel__call c, const int *in, reel_tensor *const *seen, bool kept) {
    ck_assert_int_lt(r->count, RIG_NODES);
    reel__group_node *n = &r->node[r->count];
    if (c.nout == 0) c.nout = 1;
    c.at = "fused_rig.c:1";
    for (int k = 0; k < c.nin; k++) {
        c.in[k] = seen && seen[k] ? seen[k] : r->value[in[k]];
        r->in[r->count][k] = in[k];
    }
    ck_assert_msg(reel__dispatch(&c) == REEL_OK, "%s", reel_error());
    *n = (reel__group_node){.in = r->in[r->count], .kept = kept ? (1u << c.nout) - 1 : 0};
    for (int k = 0; k < c.nout; k++) {
        reel_tensor *t = reel__scope_give(c.out[k]);
        n->out[k] = rig_value(r, t);
        r->wanted[r->count][k] = t;
        c.out[k] = elsewhere(t);
    }
    n->call = c;
    r->count++;
    return n->out[0];
}

int rig_unary(rig *r, reel__op op, int x, bool kept) {
    return rig_node(r, (reel__call){.op = op, .nin = 1}, (int[]){x}, NULL, kept);
}

int rig_binary(rig *r, reel__op op, int x, int y, bool kept) {
    return rig_node(r, (reel__call){.op = op, .nin = 2}, (int[]){x, y}, NULL, kept);
}

int rig_fold(rig *r, reel__op op, int x, int64_t axes, int64_t kept) {
    const reel__call c = {
        .op = op, .nin = 1, .with.reduce = {.axes = axes, .kept = kept, .correction = 1, .p = 3}};
    return rig_node(r, c, (int[]){x}, NULL, true);
}

/* ---- checks ---- */

static reel__group group_of(rig *r) {
    return (reel__group){r->node, r->count};
}

static void expect_compiles(const reel__fused_space *s, int vector) {
    char why[300];
    size_t bytes;
    char *text = reel__fused_text(s, vector);
    ck_assert_ptr_nonnull(text);
    void *cubin = reel__cuda_cubin(text, 90, &bytes, why, sizeof why);
    ck_assert_msg(cubin && bytes > 0, "%s in %.200s", why, text);
    free(cubin);
    free(text);
}

reel__fused *rig_fuse(rig *r) {
    const reel__group g = group_of(r);
    if (!rig_on_gpu()) return NULL;
    reel__fused *f = reel__cuda_fuse(&g);
    ck_assert_msg(f != NULL, "%s", "no kernel");
    return f;
}

void rig_free(reel__fused *f) {
    f->free(f->of);
    free(f);
}

/* Sums may be added up in another order. */
static bool is_loose(const rig *r, int i) {
    const reel__group_node *n = &r->node[i];
    if (reel__ops[n->call.op].kind == REEL__REDUCE)
        return reel_dtype_is_float(reel_dtype_of(n->call.out[0]));
    for (int k = 0; k < n->call.nin; k++)
        for (int j = 0; j < i; j++)
            if (r->node[j].out[0] == n->in[k] && is_loose(r, j)) return true;
    return false;
}

static void expect_near(reel_tensor *a, reel_tensor *b, const char *what, int node) {
    const int64_t n = reel_numel(a);
    const double tolerance = reel_dtype_size(reel_dtype_of(a)) < 4 ? 2e-2
                             : reel_dtype_of(a) == REEL_F32        ? 2e-6
                                                                   : 1e-12;
    double *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y);
    ck_assert(x && y);
    {
        REEL_SCOPE;
        reel_read(reel_cast(a, REEL_F64), x, (size_t)n * sizeof *x);
        reel_read(reel_cast(b, REEL_F64), y, (size_t)n * sizeof *y);
    }
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(x[i] == y[i] || (isnan(x[i]) && isnan(y[i])) ||
                          fabs(x[i] - y[i]) <= tolerance * fmax(1, fabs(y[i])),
                      "node %d, %s: element %lld is %.9g, not %.9g", node, what, (long long)i, x[i],
                      y[i]);
    free(x);
    free(y);
}

/* One NaN is as good as another: of two that are added, the compiler says which is handed on. */
static void expect_same_elements(reel_tensor *a, reel_tensor *b, const char *what, int node) {
    const reel_dtype dtype = reel_dtype_of(a);
    const size_t size = reel_dtype_size(dtype), bytes = (size_t)reel_numel(a) * size;
    char *x = malloc(bytes + 1), *y = malloc(bytes + 1);
    ck_assert(x && y);
    ck_assert_msg(reel_read(a, x, bytes) == REEL_OK && reel_read(b, y, bytes) == REEL_OK, "%s",
                  reel_error());
    for (size_t i = 0; i < bytes; i += size) {
        uint64_t made = 0, wanted = 0;
        memcpy(&made, x + i, size);
        memcpy(&wanted, y + i, size);
        ck_assert_msg(same_element(x + i, y + i, dtype),
                      "node %d, %s of %s: element %zu has the bits %" PRIx64 ", not %" PRIx64, node,
                      what, reel_dtype_name(dtype), i / size, made, wanted);
    }
    free(x);
    free(y);
}

void rig_compare(const rig *r) {
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < r->node[i].call.nout; k++) {
            const char *what = reel__ops[r->node[i].call.op].name;
            if (!(r->node[i].kept >> k & 1)) continue;
            if (is_loose(r, i))
                expect_near(r->node[i].call.out[k], r->wanted[i][k], what, i);
            else
                expect_same_elements(r->node[i].call.out[k], r->wanted[i][k], what, i);
        }
}

/* ---- times, for people: $REEL_FUSED_TIMES ---- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Microseconds, of the nodes one by one or of the kernel; the best of several rounds. */
static double time_of(rig *r, reel__fused *f) {
    enum { ROUNDS = 12, TIMES = 60 };
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        const double begin = now();
        for (int i = 0; i < TIMES; i++) {
            if (f) f->run(f->of);
            for (int k = 0; !f && k < r->count; k++) reel__dispatch_again(&r->node[k].call);
        }
        reel_synchronize(test_device());
        best = fmin(best, (now() - begin) / TIMES);
    }
    return best;
}

static void print_times(rig *r, reel__fused *f) {
    char what[300];
    f->describe(f->of, what, sizeof what);
    const double kernel = time_of(r, f), nodes = time_of(r, NULL);
    printf("%9.2f us, %9.2f us by node: %s\n", kernel, nodes, what);
}

static void expect_same(rig *r) {
    reel__fused *f = rig_fuse(r);
    ck_assert_msg(f->run(f->of) == REEL_OK, "%s", reel_error());
    rig_compare(r);
    if (getenv("REEL_FUSED_TIMES")) print_times(r, f);
    rig_free(f);
}

void rig_check(rig *r) {
    static reel__fused_space s;
    const reel__group g = group_of(r);
    ck_assert(reel__fused_find(&s, &g));
    if (rig_on_gpu())
        expect_same(r);
    else
        expect_compiles(&s, s.vector);
}

void rig_refuse(rig *r) {
    const reel__group g = group_of(r);
    ck_assert(!reel__cuda_joins(&g));
}

/* ---- numbers ---- */

static double number(int64_t i, bool whole, bool tame) {
    static const double odd[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 1e-40, 3e38, 1e4, -88.5};
    const uint64_t h = (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u >> 33;
    if (whole) return (double)(h % 11) - 5;
    if (h % 16 == 0 && !tame) return odd[h / 16 % (sizeof odd / sizeof *odd)];
    return ((double)(h % 20011) / 20011 - 0.5) * (h % 5 == 0 ? 40 : 4);
}

static reel_tensor *numbers(reel_shape shape, reel_dtype dtype, int seed, bool tame) {
    const int64_t n = reel__shape_numel(shape);
    const bool whole = !reel_dtype_is_float(dtype);
    double *v = malloc((size_t)n * sizeof *v);
    ck_assert_ptr_nonnull(v);
    for (int64_t i = 0; i < n; i++) v[i] = number(i + 1000003 * (int64_t)seed, whole, tame);
    reel_tensor *t = reel_cast(reel_from(v, shape, REEL_F64), dtype);
    free(v);
    return to_device(t);
}

reel_tensor *rig_numbers(reel_shape shape, reel_dtype dtype, int seed) {
    return numbers(shape, dtype, seed, false);
}

reel_tensor *rig_tame(reel_shape shape, reel_dtype dtype, int seed) {
    return numbers(shape, dtype, seed, true);
}
