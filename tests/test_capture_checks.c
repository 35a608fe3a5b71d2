/* Calls that fail on what a tensor holds fail in a replay as in an eager step, though nobody reads
 * what they make. */
#include "tests/capture_rig.h"
#include "tests/temp_dir.h"

enum { ROWS = 5, COLUMNS = 4 };

typedef struct {
    reel_tensor *w, *x, *index, *chance; /* owned; w[5,4] is tracked */
    reel_generator *noise;
    reel_plan *plan;
} world;

static void open_world(world *v) {
    *v = (world){0};
    REEL_SCOPE;
    v->noise = reel_generator_new(3, test_device());
    v->w = reel_track(reel_retain(reel_randn(reel_shape(ROWS, COLUMNS), REEL_F32, v->noise)));
    v->x = reel_retain(reel_rand(reel_shape(ROWS, COLUMNS), REEL_F32, v->noise));
    v->index = reel_retain(reel_randint(0, COLUMNS, reel_shape(ROWS), REEL_I64, v->noise));
    v->chance = reel_retain(reel_rand(reel_shape(ROWS), REEL_F32, v->noise));
    expect_fine();
}

static void close_world(world *v) {
    reel_plan_free(v->plan);
    reel_generator_free(v->noise);
    reel_release(v->w);
    reel_release(v->x);
    reel_release(v->index);
    reel_release(v->chance);
}

/* What a training step does besides. */
static bool train(world *v) {
    reel_zero_grad(v->w);
    reel_backward(reel_sum(reel_square(reel_mul(v->w, v->x))));
    return true;
}

static bool selects(void *user) {
    world *v = user;
    reel_exp(reel_index_select(v->x, 1, v->index));
    return train(v);
}

static bool adds_by_index(void *user) {
    world *v = user;
    reel_index_add(v->x, 0, v->index, COLUMNS);
    return train(v);
}

static bool gathers(void *user) {
    world *v = user;
    reel_gather(v->x, 1, reel_unsqueeze(v->index, 1));
    return train(v);
}

static bool scatters(void *user) {
    world *v = user;
    reel_scatter_add(reel_slice(v->x, 1, 0, 1, 1), 1, reel_unsqueeze(v->index, 1), COLUMNS);
    return train(v);
}

static bool encodes(void *user) {
    world *v = user;
    reel_one_hot(v->index, COLUMNS, REEL_F32);
    return train(v);
}

/* Its value is not read, and its gradient is of another tensor. */
static bool classifies(void *user) {
    world *v = user;
    reel_cross_entropy_loss(v->x, v->index);
    return train(v);
}

/* The value alone is not read. */
static bool learns_classes(void *user) {
    world *v = user;
    reel_zero_grad(v->w);
    reel_backward(reel_cross_entropy_loss(reel_mul(v->w, v->x), v->index));
    return true;
}

static bool tosses(void *user) {
    world *v = user;
    reel_bernoulli(v->chance, v->noise);
    return train(v);
}

static bool draws(void *user) {
    world *v = user;
    reel_multinomial(v->chance, 2, true, v->noise);
    return train(v);
}

/* On the CPU it is no failure in a replay. */
static bool learns_chances(void *user) {
    world *v = user;
    if (test_device().type != REEL_CPU) reel_bce_loss(v->chance, v->chance);
    return tosses(v);
}

static const struct {
    reel_step step;
    bool chances; /* what is wrong: an index, or a chance */
} unread[] = {{selects, false}, {adds_by_index, false}, {gathers, false},        {scatters, false},
              {encodes, false}, {classifies, false},    {learns_classes, false}, {tosses, true},
              {draws, true},    {learns_chances, true}};

static void put_at(world *v, bool chances, double value) {
    REEL_SCOPE;
    reel_fill_(reel_select(chances ? v->chance : v->index, 0, 2), value);
    expect_fine();
}

/* The next replay fails; says: what it says, less operands, which a composite's calls have no names
 * of in a replay, and line. */
static void fail_once(world *v, char *says, size_t size) {
    reel_replay(v->plan, 1);
    reel_synchronize(test_device());
    snprintf(says, size, "%s", reel_error());
    char *what = strstr(says, ": ");
    if (what) what[2 + strcspn(what + 2, ":(")] = '\0';
    if (what && what[strlen(what) - 1] == ' ') what[strlen(what) - 1] = '\0';
    reel_clear_error();
    reel_zero_grad(v->w); /* of an eager step that went on */
}

START_TEST(whoever_reads_it) {
    world a, b;
    char eager[400], captured[400];
    open_world(&a);
    open_world(&b);
    a.plan = eager_plan(unread[_i].step, &a);
    b.plan = plan_with_bits(unread[_i].step, &b, 0);
    for (int round = 0; round < 3; round++) {
        replay_both(a.plan, b.plan, 2);
        expect_same_bits(reel_grad(a.w), reel_grad(b.w), "gradient");
        put_at(&a, unread[_i].chances, -1);
        put_at(&b, unread[_i].chances, -1);
        fail_once(&a, eager, sizeof eager);
        fail_once(&b, captured, sizeof captured);
        ck_assert_str_ne(eager, "");
        ck_assert_str_eq(eager, captured);
        put_at(&a, unread[_i].chances, 0.5);
        put_at(&b, unread[_i].chances, 0.5);
    }
    close_world(&a);
    close_world(&b);
}
END_TEST

/* ---- what is left out all the same ---- */

/* A product that nobody reads, and the gradient of a gather, whose index the gather looked at. */
static bool wastes(void *user) {
    world *v = user;
    reel_matmul(v->x, reel_t(v->x));
    reel_backward(reel_sum(reel_gather(v->w, 1, reel_unsqueeze(v->index, 1))));
    reel_zero_grad(v->w);
    return true;
}

static void read_dump(const reel_plan *plan, char *text, size_t size) {
    const char *path = in_dir("plan.txt");
    ck_assert_int_eq(reel_plan_dump(plan, path), REEL_OK);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, size - 1, f)] = '\0';
    fclose(f);
}

START_TEST(gradients_that_nobody_reads) {
    world v;
    char text[4000];
    open_world(&v);
    v.plan = plan_with_bits(wastes, &v, 0);
    ck_assert_int_eq(reel_replay(v.plan, 2), 2);
    read_dump(v.plan, text, sizeof text);
    ck_assert_msg(strstr(text, "gather") && !strstr(text, "matmul") && !strstr(text, "scatter_add"),
                  "%s", text);
    close_world(&v);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_checks");
    TCase *c = add_case(s, "unread");
    tcase_add_loop_test(c, whoever_reads_it, 0, sizeof unread / sizeof *unread);
    c = add_dir_case(s, "left out");
    tcase_add_test(c, gradients_that_nobody_reads);
    return run_suite(s);
}
