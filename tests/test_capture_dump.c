/* What a plan shows of itself: which calls became which kernel, their bytes, flops and times. */
#include "tests/capture_rig.h"
#include "tests/temp_dir.h"

typedef struct {
    reel_tensor *w, *x, *image, *kernel, *q; /* owned; w[3,4] and kernel are tracked */
    reel_state *params;
    reel_optim *optim;
    reel_plan *plan;
} world;

static reel_tensor *kept(reel_shape shape, bool tracked) {
    reel_tensor *t = reel_retain(reel_full(shape, 0.25, REEL_F32, test_device()));
    return tracked ? reel_track(t) : t;
}

static bool step(void *user) {
    world *v = user;
    reel_tensor *y = reel_sigmoid(reel_matmul(v->x, reel_t(v->w)));
    y = reel_add(reel_mean(y),
                 reel_sum(reel_conv2d(v->image, v->kernel, NULL, (reel_conv_options){0})));
    y = reel_add(y, reel_sum(reel_scaled_dot_product_attention(v->q, v->q, v->q,
                                                               (reel_attention_options){0})));
    reel_backward(y);
    reel_optim_step(v->optim);
    return true;
}

static void open_world(world *v, unsigned without) {
    REEL_SCOPE;
    *v = (world){.w = kept(reel_shape(3, 4), true),
                 .x = kept(reel_shape(500, 4), false),
                 .image = kept(reel_shape(2, 3, 5, 5), false),
                 .kernel = kept(reel_shape(4, 3, 3, 3), true),
                 .q = kept(reel_shape(1, 2, 6, 4), false)};
    v->params = reel_state_new();
    reel_state_put(v->params, "w", v->w);
    reel_state_put(v->params, "kernel", v->kernel);
    v->optim = reel_sgd_new(v->params, (reel_sgd_options){.lr = 0.01});
    v->plan = reel_capture(step, v, (reel_capture_options){.without = without});
    ck_assert_int_eq(reel_replay(v->plan, 3), 3);
    expect_fine();
}

static void close_world(world *v) {
    reel_plan_free(v->plan);
    reel_optim_free(v->optim);
    reel_state_free(v->params);
    reel_release(v->w);
    reel_release(v->x);
    reel_release(v->image);
    reel_release(v->kernel);
    reel_release(v->q);
}

/* The text, to be freed. */
static char *shown(const world *v, const char *name) {
    void *bytes;
    size_t size;
    ck_assert_msg(reel_plan_dump(v->plan, in_dir(name)) == REEL_OK, "%s", reel_error());
    ck_assert_int_eq(reel_file_read(in_dir(name), &bytes, &size), REEL_OK);
    char *text = realloc(bytes, size + 1);
    ck_assert_ptr_nonnull(text);
    text[size] = '\0';
    return text;
}

/* The line that says `what`. */
static void line_with(const char *text, const char *what, char *to, size_t size) {
    const char *at = strstr(text, what);
    ck_assert_msg(at, "no %s in:\n%s", what, text);
    while (at > text && at[-1] != '\n') at--;
    snprintf(to, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static void expect_in_line(const char *text, const char *line, const char *part) {
    char found[4096];
    line_with(text, line, found, sizeof found);
    ck_assert_msg(strstr(found, part), "\"%s\" not in \"%s\"", part, found);
}

/* Each call by itself, so that none is within another's kernel, and none left out. */
START_TEST(bytes_and_flops) {
    world v;
    open_world(&v, REEL_PASS_FUSE | REEL_PASS_WHOLE | REEL_PASS_DEAD | REEL_PASS_COMMON);
    char *text = shown(&v, "plan.txt");
    expect_in_line(text, " = matmul ", "14048 B, 12000 flop"); /* 4 (500 4 + 3 4 + 500 3) */
    expect_in_line(text, " = sigmoid ", "12000 B, 1500 flop");
    expect_in_line(text, " = mean ", "6004 B, 1500 flop");
    expect_in_line(text, " = conv ", "1320 B, 3888 flop");
    expect_in_line(text, " = conv_weight_grad ", "3888 flop");
    expect_in_line(text, "sgd ", "120 flop");           /* 3 4 + 4 3 3 3 */
    expect_in_line(text, " = attention ", "1152 flop"); /* 2 2 6 6 (4 + 4) */
    ck_assert_ptr_null(strstr(text, " us"));
    free(text);
    close_world(&v);
}
END_TEST

/* Items have times, if a profile was stopped: all of a kernel, and none of what is in it. On a GPU
 * those that were launches. */
static void expect_times(const char *text, bool are_there) {
    const char *line = strchr(text, '\n') + 1; /* behind the head */
    int timed = 0, items = 0;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        const char *us = strstr(line, " us");
        const bool has = us && us < end, inner = strncmp(line, "    ", 4) == 0;
        ck_assert_msg(!(has && inner), "%.*s", (int)(end - line), line);
        timed += has;
        items += !inner;
    }
    ck_assert_int_gt(items, 0);
    if (are_there && test_device().type != REEL_CPU)
        ck_assert_int_gt(timed, 0);
    else
        ck_assert_msg(timed == (are_there ? items : 0), "%d of %d:\n%s", timed, items, text);
}

START_TEST(times_of_a_profile) {
    world v;
    open_world(&v, _i ? REEL_PASS_FUSE | REEL_PASS_WHOLE : 0);
    ck_assert_int_eq(reel_profile_start((reel_profile_options){.device_times = true}), REEL_OK);
    ck_assert_int_eq(reel_replay(v.plan, 5), 5);
    char *under_way = shown(&v, "under.txt");
    expect_times(under_way, false);
    ck_assert_int_eq(reel_profile_stop(), REEL_OK);
    char *text = shown(&v, "plan.txt"), *graph = shown(&v, "plan.dot");
    expect_times(text, true);
    ck_assert_msg(strstr(graph, " flop, "), "%s", graph);
    ck_assert_ptr_nonnull(strstr(graph, " us\""));
    reel_profile_clear();
    char *later = shown(&v, "later.txt");
    expect_times(later, false);
    free(under_way);
    free(text);
    free(graph);
    free(later);
    close_world(&v);
}
END_TEST

/* Of another plan's, and of a program that went, nothing is taken for one's own. */
START_TEST(others_times) {
    world v, other;
    open_world(&v, 0);
    open_world(&other, 0);
    reel_profile_start((reel_profile_options){0});
    ck_assert_int_eq(reel_replay(other.plan, 5), 5);
    reel_profile_stop();
    char *text = shown(&v, "plan.txt");
    expect_times(text, false);
    free(text);
    close_world(&other);
    open_world(&other, 0);
    text = shown(&other, "plan.txt");
    expect_times(text, false);
    free(text);
    reel_profile_clear();
    close_world(&v);
    close_world(&other);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_dump");
    TCase *c = add_dir_case(s, "plans");
    tcase_add_test(c, bytes_and_flops);
    tcase_add_loop_test(c, times_of_a_profile, 0, 2);
    tcase_add_test(c, others_times);
    return run_suite(s);
}
