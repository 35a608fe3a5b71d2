#include "tests/fused_rig.h"

#include "cuda/runtime/cuda_compile_internal.h"

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
    reel__node *n = &r->node[r->count];
    if (c.nout == 0) c.nout = 1;
    c.at = "fused_rig.c:1";
    for (int k = 0; k < c.nin; k++) {
        c.in[k] = seen && seen[k] ? seen[k] : r->value[in[k]];
        r->in[r->count][k] = in[k];
    }
    ck_assert_msg(reel__dispatch(&c) == REEL_OK, "%s", reel_error());
    *n = (reel__node){.in = r->in[r->count], .kept = kept ? (1u << c.nout) - 1 : 0};
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
    ck_assert_msg(cubin && bytes > 0, "%s in\n%s", why, text);
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

void rig_compare(const rig *r) {
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < r->node[i].call.nout; k++)
            if (r->node[i].kept >> k & 1)
                ck_assert_msg(same_bits(r->node[i].call.out[k], r->wanted[i][k]),
                              "node %d, %s: other bits", i, reel__ops[r->node[i].call.op].name);
}

static void expect_same(rig *r) {
    reel__fused *f = rig_fuse(r);
    ck_assert_msg(f->run(f->of) == REEL_OK, "%s", reel_error());
    rig_compare(r);
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

static double number(int64_t i, bool whole) {
    static const double odd[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 1e-40, 3e38, 1e4, -88.5};
    const uint64_t h = (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u >> 33;
    if (whole) return (double)(h % 11) - 5;
    if (h % 16 == 0) return odd[h / 16 % (sizeof odd / sizeof *odd)];
    return ((double)(h % 20011) / 20011 - 0.5) * (h % 5 == 0 ? 40 : 4);
}

reel_tensor *rig_numbers(reel_shape shape, reel_dtype dtype, int seed) {
    const int64_t n = reel__shape_numel(shape);
    double *v = malloc((size_t)n * sizeof *v);
    ck_assert_ptr_nonnull(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = number(i + 1000003 * (int64_t)seed, !reel_dtype_is_float(dtype));
    reel_tensor *t = reel_cast(reel_from(v, shape, REEL_F64), dtype);
    free(v);
    return to_device(t);
}
