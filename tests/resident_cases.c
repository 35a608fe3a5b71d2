/* Whole steps as texts, which are compiled, and not run: steps of plain layers are found, however
 * their axes are cut. */
#include "cuda/fused/cuda_resident_internal.h"
#include "cuda/runtime/cuda_compile_internal.h"
#include "tests/captured_step.h"
#include "tests/fused_suite.h"

#include <string.h>

/* The axis that a layer's results have, and the batch's rows do not: of the last product that
 * stays in a block. */
static int axis_of_a_layer(const reel__resident *r) {
    int axis = -1;
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].kind == REEL__LOCAL && r->unit[k].m == r->cut) axis = r->unit[k].k;
    return axis;
}

static void expect_compiles(reel__resident *r) {
    char why[300] = "";
    size_t bytes = 0;
    char *text = reel__resident_text(r);
    ck_assert_ptr_nonnull(text);
    ck_assert(strstr(text, "resident"));
    if (reel__cuda_compiles()) {
        void *cubin = reel__cuda_cubin(text, 90, &bytes, why, sizeof why);
        ck_assert_msg(cubin != NULL, "%s", why);
        free(cubin);
    }
    free(text);
}

static const struct {
    step_kind kind;
    int64_t latent, batch;
    bool of_batch; /* the axis over clusters */
    int clusters;
    bool shares, one_place;
    int blocks, turns;
} cases[] = {{TIED_STEP, 10, 40, true, 5, false, false, 16, 1},
             {TIED_STEP, 100, 40, false, 5, false, false, 16, 1},
             {TIED_STEP, 33, 17, true, 1, false, false, 16, 1},
             {TIED_STEP, 300, 256, true, 7, true, true, 16, 1},
             {CLASSIC_STEP, 7, 40, true, 2, false, false, 16, 1},
             {CLASSIC_STEP, 100, 256, true, 7, true, false, 16, 1},
             {DEEP_STEP, 40, 40, false, 5, false, false, 16, 1},
             {CLASSIC_STEP, 300, 256, true, 7, true, false, 16, 2},
             {TIED_STEP, 10, 4096, true, 64, true, false, 2, 2},
             {DEEP_STEP, 40, 1000, true, 15, true, true, 8, 3}};
enum { CASES = sizeof cases / sizeof *cases };

START_TEST(steps_are_found) {
    static reel__resident r;
    captured_step *s = captured_step_new(cases[_i].kind, cases[_i].latent, cases[_i].batch);
    const reel__group nodes = captured_step_nodes(s);
    ck_assert(reel__resident_find(&r, &nodes));
    const int axis = cases[_i].of_batch ? r.batch : axis_of_a_layer(&r);
    r.shares = cases[_i].shares;
    r.one_place = cases[_i].one_place;
    r.blocks = cases[_i].blocks;
    r.turns = cases[_i].turns;
    ck_assert(reel__resident_cut(&r, axis, cases[_i].clusters));
    expect_compiles(&r);
    captured_step_free(s);
}
END_TEST

/* What it can't do: a row that does not divide, and one node that is not known. */
START_TEST(others_are_not) {
    static reel__resident r;
    captured_step *s = captured_step_new(TIED_STEP, 10, 40);
    reel__group nodes = captured_step_nodes(s);
    for (int k = 0; k < nodes.count; k++) {
        const reel__op was = nodes.node[k].call.op;
        nodes.node[k].call.op = REEL_OP_cumsum;
        ck_assert_msg(!reel__resident_find(&r, &nodes), "without %s", reel__ops[was].name);
        nodes.node[k].call.op = was;
    }
    ck_assert(reel__resident_find(&r, &nodes));
    nodes.count--;
    ck_assert(reel__resident_find(&r, &nodes)); /* what the meter does can be left out */
    captured_step_free(s);
}
END_TEST

void add_resident_text_cases(Suite *s) {
    TCase *c = add_case(s, "whole steps");
    tcase_add_loop_test(c, steps_are_found, 0, CASES);
    tcase_add_test(c, others_are_not);
}
