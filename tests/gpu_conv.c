/* Convolutions on the GPU, by each of the ways that there are: values beside the CPU's, bits that
 * stay the same, graphs that have them, and sizes beyond 32 bits. */
#include "tests/gpu_suite.h"

#include "cuda/conv_way_internal.h"
#include "tensor/ops/call_internal.h"

#define ROUNDS 60

static const char *const way_names[] = {"best", "tiles", "direct", "plain", "cuDNN"};

/* ---- numbers that a test draws ---- */

static uint64_t state;

static int64_t draw(int64_t low, int64_t high) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((state >> 33) % (uint64_t)(high - low + 1));
}

/* In -1..1, of f32. */
static reel_tensor *drawn(reel_shape shape) {
    int64_t n = 1;
    for (int i = 0; i < shape.ndim; i++) n *= shape.dim[i];
    double *v = malloc((size_t)(n + 1) * sizeof *v);
    ck_assert_ptr_nonnull(v);
    for (int64_t i = 0; i < n; i++) v[i] = (double)draw(-1000, 1000) / 1024;
    reel_tensor *x = reel_from(v, shape, REEL_F64);
    free(v);
    return x;
}

/* ---- a convolution ---- */

typedef struct {
    int dims;
    int64_t images, groups, chans, rows; /* of a group */
    int64_t size[3], kernel[3], small[3];
    int32_t stride[3], before[3], after[3], dilation[3];
} geometry;

static void fit(geometry *g, int i) {
    const int64_t reach = (g->kernel[i] - 1) * g->dilation[i] + 1;
    int64_t room = g->size[i] + g->before[i] + g->after[i] - reach;
    if (room < 0) {
        g->size[i] -= room;
        room = 0;
    }
    g->small[i] = room / g->stride[i] + 1;
}

/* Channels are few, some, or more than a tile has. */
static int64_t draw_channels(int round) {
    return round % 6 == 0 ? draw(60, 140) : round % 3 == 0 ? draw(1, 3) : draw(1, 40);
}

static geometry draw_geometry(int round) {
    geometry g = {.dims = 1 + round % 3,
                  .images = draw(1, 3),
                  .groups = round % 4 == 3 ? draw(2, 9) : 1,
                  .chans = draw_channels(round),
                  .rows = draw_channels(round + (int)draw(0, 1))};
    const int64_t longest[] = {300, 33, 9};
    for (int i = 0; i < g.dims; i++) {
        g.size[i] = draw(1, longest[g.dims - 1]);
        g.kernel[i] = draw(1, g.dims == 1 ? 9 : 4);
        g.stride[i] = (int32_t)(round % 2 ? draw(1, 4) : 1);
        g.before[i] = (int32_t)draw(0, 3);
        g.after[i] = round % 5 == 4 ? (int32_t)draw(0, 3) : g.before[i];
        g.dilation[i] = (int32_t)(round % 5 == 2 ? draw(1, 3) : 1);
        fit(&g, i);
    }
    return g;
}

static reel_shape shape_of(const geometry *g, int64_t first, int64_t second, const int64_t *rest) {
    reel_shape s = {.ndim = g->dims + 2, .dim = {first, second}};
    for (int i = 0; i < g->dims; i++) s.dim[2 + i] = rest[i];
    return s;
}

static void describe(const geometry *g, char *text, size_t size) {
    size_t n = (size_t)snprintf(text, size, "%d axes, N %lld, groups %lld, C %lld, O %lld", g->dims,
                                (long long)g->images, (long long)g->groups, (long long)g->chans,
                                (long long)g->rows);
    for (int i = 0; i < g->dims && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "; %lld by %lld stride %d padding %d %d step %d",
                              (long long)g->size[i], (long long)g->kernel[i], g->stride[i],
                              g->before[i], g->after[i], g->dilation[i]);
}

/* a and b, and bias if that is not NULL, as the op reads them; `size`: with.conv.size. */
static reel_tensor *run(reel__op op, const geometry *g, reel_tensor *a, reel_tensor *b,
                        reel_tensor *bias, const int64_t *size) {
    reel__call c = {.op = op, .at = "here", .nin = bias ? 3 : 2, .in = {a, b, bias}};
    c.with.conv.dims = g->dims;
    c.with.conv.groups = g->groups;
    for (int i = 0; i < g->dims; i++) {
        c.with.conv.stride[i] = g->stride[i];
        c.with.conv.padding[i] = g->before[i];
        c.with.conv.after[i] = g->after[i];
        c.with.conv.dilation[i] = g->dilation[i];
        if (size) c.with.conv.size[i] = size[i];
    }
    return reel__run_call(c);
}

/* What a convolution reads, and its results: y without bias and with it, dx and dw. */
enum { RESULTS = 4 };
typedef struct {
    reel_tensor *x, *w, *bias, *g;
} operands;
static const char *const result_names[] = {"conv", "conv with bias", "conv_input_grad",
                                           "conv_weight_grad"};

static operands draw_operands(const geometry *g) {
    const operands o = {drawn(shape_of(g, g->images, g->groups * g->chans, g->size)),
                        drawn(shape_of(g, g->groups * g->rows, g->chans, g->kernel)),
                        drawn(reel_shape(g->groups * g->rows)),
                        drawn(shape_of(g, g->images, g->groups * g->rows, g->small))};
    return o;
}

static operands moved(const operands *o, reel_dtype dtype, reel_device d) {
    const operands m = {reel_to(reel_cast(o->x, dtype), d), reel_to(reel_cast(o->w, dtype), d),
                        reel_to(reel_cast(o->bias, dtype), d), reel_to(reel_cast(o->g, dtype), d)};
    return m;
}

static reel_tensor *result(int k, const geometry *g, const operands *o) {
    switch (k) {
    case 0:
        return run(REEL_OP_conv, g, o->x, o->w, NULL, NULL);
    case 1:
        return run(REEL_OP_conv, g, o->x, o->w, o->bias, NULL);
    case 2:
        return run(REEL_OP_conv_input_grad, g, o->g, o->w, NULL, g->size);
    default:
        return run(REEL_OP_conv_weight_grad, g, o->g, o->x, NULL, g->kernel);
    }
}

/* Terms of one of its sums. */
static double terms_of(int k, const geometry *g) {
    double taps = 1, small = 1;
    for (int i = 0; i < g->dims; i++) {
        taps *= (double)g->kernel[i];
        small *= (double)g->small[i];
    }
    return k < 2    ? taps * (double)g->chans
           : k == 2 ? taps * (double)g->rows
                    : small * (double)g->images;
}

static double furthest(reel_tensor *a, reel_tensor *b) {
    if (reel_numel(a) == 0) return 0;
    reel_tensor *far = reel_sub(reel_to(reel_cast(a, REEL_F64), reel_cpu()), b);
    return reel_item(reel_max(reel_abs(far)));
}

/* ---- values, by each way ---- */

/* cuDNN's transforms (Winograd, Fourier) round more often than sums do. */
static void expect_alike(reel__conv_way way, reel_dtype dtype, int round) {
    const bool exact = way != REEL__CONV_BEST && way != REEL__CONV_CUDNN;
    char text[400];
    const geometry g = draw_geometry(round);
    describe(&g, text, sizeof text);
    REEL_SCOPE;
    const operands o = draw_operands(&g), there = moved(&o, dtype, test_device());
    expect_fine();
    for (int k = 0; k < RESULTS; k++) {
        reel_tensor *expected = result(k, &g, &o), *got = result(k, &g, &there);
        ck_assert_msg(expected && got, "%s", reel_error());
        const double off = furthest(got, expected), terms = terms_of(k, &g),
                     most = dtype == REEL_F64 ? 1e-10 : (exact ? 1 : 4) * (4e-6 + 1.2e-7 * terms);
        ck_assert_msg(off <= most, "%s by %s, %s: off by %g, not %g: %s", result_names[k],
                      way_names[way], reel_dtype_name(dtype), off, most, text);
        ck_assert_msg(same_bits(got, result(k, &g, &there)), "%s by %s twice: other bits: %s",
                      result_names[k], way_names[way], text);
    }
}

START_TEST(each_way_is_the_cpus) {
    const reel__conv_way way = (reel__conv_way)_i;
    if (way == REEL__CONV_CUDNN && !reel__cuda_has_cudnn(test_device().index)) {
        printf("skipped: no cuDNN\n");
        return;
    }
    state = 17;
    reel__cuda_conv_by(way);
    for (int round = 0; round < ROUNDS; round++) {
        expect_alike(way, REEL_F32, round);
        if (way != REEL__CONV_CUDNN) expect_alike(way, REEL_F64, round);
    }
    reel__cuda_conv_by(REEL__CONV_BEST);
}
END_TEST

/* Strided, transposed and shifted operands, of which the last is not aligned to 16 bytes. */
static reel_tensor *looked_at(int form, reel_tensor *x) {
    if (form == 0)
        return reel_permute(reel_contiguous(reel_permute(x, reel_axes(2, 0, 1, 3))),
                            reel_axes(1, 2, 0, 3));
    const reel_shape s = reel_shape_of(x);
    reel_shape wide = s;
    wide.dim[3] += 1;
    reel_tensor *z = reel_zeros(wide, reel_dtype_of(x), reel_device_of(x));
    reel_tensor *inside = reel_slice(z, 3, 1, INT64_MAX, 1);
    reel_copy_(inside, x);
    if (form == 1) return inside;
    reel_tensor *flat =
        reel_zeros(reel_shape(reel_numel(x) + 1), reel_dtype_of(x), reel_device_of(x));
    reel_tensor *shifted = reel_reshape(reel_slice(flat, 0, 1, INT64_MAX, 1), s);
    reel_copy_(shifted, x);
    return shifted;
}

START_TEST(operands_may_lie_anyhow) {
    const geometry g = {.dims = 2,
                        .images = 3,
                        .groups = 1,
                        .chans = 24,
                        .rows = 40,
                        .size = {13, 9},
                        .kernel = {3, 3},
                        .small = {7, 5},
                        .stride = {2, 2},
                        .before = {1, 1},
                        .after = {1, 1},
                        .dilation = {1, 1}};
    state = 5;
    REEL_SCOPE;
    const operands o = draw_operands(&g), there = moved(&o, REEL_F32, test_device());
    for (int form = 0; form < 3; form++) {
        const operands views = {looked_at(form, there.x), looked_at(form, there.w), there.bias,
                                looked_at(form, there.g)};
        for (int k = 0; k < RESULTS; k++) {
            const double off = furthest(result(k, &g, &views), result(k, &g, &o));
            ck_assert_msg(off < 1e-5, "%s, form %d: off by %g", result_names[k], form, off);
        }
    }
    expect_fine();
}
END_TEST

/* Nothing of images, channels or elements: zeros, or the bias, or nothing. */
START_TEST(empty_ones) {
    for (int way = 0; way < REEL__CONV_WAYS; way++) {
        reel__cuda_conv_by((reel__conv_way)way);
        for (int k = 0; k < 3; k++) {
            geometry g = {.dims = 2,
                          .images = k == 0 ? 0 : 2,
                          .groups = 1,
                          .chans = k == 1 ? 0 : 3,
                          .rows = k == 2 ? 0 : 4,
                          .size = {5, 6},
                          .kernel = {3, 2},
                          .small = {5, 7},
                          .stride = {1, 1},
                          .before = {1, 1},
                          .after = {1, 1},
                          .dilation = {1, 1}};
            REEL_SCOPE;
            const operands o = draw_operands(&g), there = moved(&o, REEL_F32, test_device());
            for (int i = 0; i < RESULTS; i++) {
                reel_tensor *expected = result(i, &g, &o), *got = result(i, &g, &there);
                if (!expected) { /* refused, then on each device */
                    reel_clear_error();
                    ck_assert_ptr_null(result(i, &g, &there));
                    reel_clear_error();
                    continue;
                }
                ck_assert_msg(got != NULL, "%s", reel_error());
                ck_assert_msg(furthest(got, expected) < 1e-6, "%s by %s, case %d", result_names[i],
                              way_names[way], k);
            }
        }
    }
    reel__cuda_conv_by(REEL__CONV_BEST);
}
END_TEST

/* ---- precision ---- */

START_TEST(tf32_only_where_it_is_asked_for) {
    const geometry g = {.dims = 2,
                        .images = 8,
                        .groups = 1,
                        .chans = 64,
                        .rows = 64,
                        .size = {28, 28},
                        .kernel = {3, 3},
                        .small = {28, 28},
                        .stride = {1, 1},
                        .before = {1, 1},
                        .after = {1, 1},
                        .dilation = {1, 1}};
    state = 23;
    REEL_SCOPE;
    const operands o = draw_operands(&g), there = moved(&o, REEL_F32, test_device());
    for (int k = 0; k < RESULTS; k++) {
        reel_tensor *expected = result(k, &g, &o), *exact = result(k, &g, &there);
        const double scale = terms_of(k, &g), off = furthest(exact, expected) / scale;
        reel_set_matmul_precision(REEL_MATMUL_TF32);
        const double asked = furthest(result(k, &g, &there), expected) / scale;
        reel_set_matmul_precision(REEL_MATMUL_F32);
        ck_assert_msg(off < 5e-7, "%s: off by %g", result_names[k], off);
        ck_assert_msg(asked < 1e-3, "%s in TF32: off by %g", result_names[k], asked);
        ck_assert(same_bits(exact, result(k, &g, &there)));
    }
    expect_fine();
}
END_TEST

/* ---- graphs ---- */

static int64_t graphs_sent(void) {
    reel_cuda_counts c;
    ck_assert_int_eq(reel_cuda_count_calls(test_device().index, &c), REEL_OK);
    return c.graphs;
}

/* The same turn again and again becomes a graph, cuDNN's calls among its kernels, whose numbers
 * and operands differ from turn to turn, and whose bits do not. */
START_TEST(graphs_have_convolutions) {
    enum { TURNS = 12 };
    geometry g = draw_geometry(1);
    g.dims = 2, g.groups = 1, g.chans = 16, g.rows = 32, g.images = 4;
    for (int i = 0; i < 2; i++) {
        g.size[i] = 14, g.kernel[i] = 3, g.stride[i] = 1, g.dilation[i] = 1;
        g.before[i] = g.after[i] = 1;
        fit(&g, i);
    }
    reel__cuda_conv_by((reel__conv_way)_i);
    {
        REEL_SCOPE;
        state = 3;
        const operands o = draw_operands(&g), there = moved(&o, REEL_F32, test_device());
        reel_tensor *first[RESULTS], *sum[TURNS];
        reel_synchronize(test_device());
        for (int k = 0; k < RESULTS; k++) first[k] = result(k, &g, &there);
        reel_synchronize(test_device());
        const int64_t before = graphs_sent();
        for (int turn = 0; turn < TURNS; turn++) {
            REEL_SCOPE;
            reel_tensor *total = reel_zeros(REEL_SCALAR, REEL_F32, test_device());
            for (int k = 0; k < RESULTS; k++) {
                reel_tensor *same = reel_eq(result(k, &g, &there), first[k]);
                total = reel_add(total, reel_cast(reel_all(same), REEL_F32));
            }
            sum[turn] = reel_scope_return(total);
            reel_synchronize(test_device());
        }
        for (int turn = 0; turn < TURNS; turn++)
            ck_assert_msg(reel_item(sum[turn]) == RESULTS, "turn %d: other bits", turn);
        ck_assert_int_ge(graphs_sent() - before, TURNS / 3);
    }
    reel__cuda_conv_by(REEL__CONV_BEST);
}
END_TEST

/* ---- large ones ---- */

static bool has_room(size_t bytes) {
    reel_cuda_memory m;
    reel_cuda_release_kept(test_device().index);
    reel_cuda_memory_info(test_device().index, &m);
    if (m.free >= bytes) return true;
    printf("skipped: %.0f GB free on the GPU\n", (double)m.free * 1e-9);
    return false;
}

/* One image of more than 2^31 elements, and as many in images: y = x + x shifted by one. */
START_TEST(beyond_32_bits) {
    if (!has_room((size_t)60 << 30)) return;
    const int64_t length = _i ? 1 << 20 : ((int64_t)1 << 31) + 77, images = _i ? (1 << 11) + 3 : 1;
    const geometry g = {.dims = 1,
                        .images = images,
                        .groups = 1,
                        .chans = 1,
                        .rows = 1,
                        .size = {length},
                        .kernel = {2},
                        .small = {length - 1},
                        .stride = {1},
                        .dilation = {1}};
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(images, 1, length), REEL_F32, test_device());
    reel_tensor *w = reel_ones(reel_shape(1, 1, 2), REEL_F32, test_device());
    reel_fill_(reel_slice(reel_select(reel_select(x, 0, images - 1), 0, 0), 0, -1, INT64_MAX, 1),
               5);
    reel_tensor *y = run(REEL_OP_conv, &g, x, w, NULL, NULL);
    expect_fine();
    reel_tensor *flat = reel_reshape(y, reel_shape(-1));
    const int64_t n = reel_numel(flat);
    ck_assert_double_eq(element(flat, 0), 2);
    ck_assert_double_eq(element(flat, n / 2), 2);
    ck_assert_double_eq(element(flat, n - 2), 2);
    ck_assert_double_eq(element(flat, n - 1), 6);
    reel_tensor *dw = run(REEL_OP_conv_weight_grad, &g, y, x, NULL, g.kernel);
    const double sum = 2 * (double)(n - 1) + 6;
    ck_assert_double_eq_tol(element(dw, 0), sum, 1e-4 * sum);
    ck_assert_double_eq_tol(element(dw, 1), sum + 24, 1e-4 * sum);
    reel_tensor *dx = run(REEL_OP_conv_input_grad, &g, y, w, NULL, g.size);
    expect_fine();
    reel_tensor *back = reel_reshape(dx, reel_shape(-1));
    ck_assert_double_eq(element(back, 0), 2);
    ck_assert_double_eq(element(back, 1), 4);
    ck_assert_double_eq(element(back, reel_numel(back) - 2), 8);
    ck_assert_double_eq(element(back, reel_numel(back) - 1), 6);
}
END_TEST

/* More than cuDNN's transforms get memory for at once, and a part of other images at the end. */
START_TEST(many_images) {
    const geometry g = {.dims = 2,
                        .images = 1001,
                        .groups = 1,
                        .chans = 32,
                        .rows = 64,
                        .size = {26, 26},
                        .kernel = {3, 3},
                        .small = {24, 24},
                        .stride = {1, 1},
                        .dilation = {1, 1}};
    REEL_SCOPE;
    const operands o = draw_operands(&g), there = moved(&o, REEL_F32, test_device());
    for (int k = 0; k < RESULTS; k++) {
        REEL_SCOPE;
        reel__cuda_conv_by(REEL__CONV_TILES);
        reel_tensor *own = result(k, &g, &there);
        reel__cuda_conv_by(REEL__CONV_BEST);
        reel_tensor *best = result(k, &g, &there);
        expect_fine();
        const double off = furthest(best, reel_to(reel_cast(own, REEL_F64), reel_cpu())),
                     most = 4 * (4e-6 + 1.2e-7 * terms_of(k, &g));
        ck_assert_msg(off <= most, "%s: off by %g, not %g", result_names[k], off, most);
    }
}
END_TEST

void add_conv_cases(Suite *s) {
    TCase *c = add_case(s, "convolutions");
    tcase_add_loop_test(c, each_way_is_the_cpus, 0, REEL__CONV_WAYS);
    tcase_add_test(c, operands_may_lie_anyhow);
    tcase_add_test(c, empty_ones);
    tcase_add_test(c, tf32_only_where_it_is_asked_for);
    tcase_add_loop_test(c, graphs_have_convolutions, 0, REEL__CONV_WAYS);

    c = add_case(s, "large convolutions");
    tcase_set_tags(c, "big");
    tcase_add_loop_test(c, beyond_32_bits, 0, 2);
    tcase_add_test(c, many_images);
}
