/* Passes that only a GPU's programs go through, on programs made by hand. How groups form where
 * nodes may step aside: random nodes keep the order of those that touch what one of them writes,
 * whatever becomes a group. And slices that are added to zeros, which become copies. */
#include "tests/expect.h"

#include "capture/capture_internal.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 60, VALUES = 12, PROGRAMS = 300, REACH = 5, MOST = 6 };

static uint64_t state;

static int draw(int below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int)((state >> 33) % (uint64_t)below);
}

/* ---- a backend that makes kernels of neighbouring nodes of a kind ---- */

static bool takes(const reel__group_node *n) {
    return n->call.op != REEL_OP_matmul;
}

static bool joins(const reel__group *g) {
    return g->count <= MOST && g->node[g->count - 1].call.op == g->node[0].call.op;
}

static const reel__fusing fusing = {.takes = takes, .joins = joins, .reach = REACH};

/* ---- programs ---- */

typedef struct {
    reel__program program;
    reel__group_node node[NODES];
    int in[NODES][2];
    int place[NODES], item_of[NODES];
} drawn;

/* Dropout changes its second input; nobody takes part in a group with a product. */
static void draw_program(drawn *d, reel_tensor *small, reel_tensor *large) {
    static const reel__op ops[] = {REEL_OP_add, REEL_OP_mul, REEL_OP_dropout, REEL_OP_matmul};
    *d = (drawn){.program = {.count = NODES}};
    d->program.node = d->node;
    for (int k = 0; k < NODES; k++) {
        reel_tensor *t = draw(2) ? small : large;
        d->node[k].call =
            (reel__call){.op = ops[draw(4)], .nin = 2, .nout = 1, .in = {t, t}, .out = {t}};
        d->node[k].in = d->in[k];
        for (int i = 0; i < 2; i++) d->in[k][i] = draw(VALUES);
        d->node[k].out[0] = draw(VALUES);
    }
}

/* ---- what must hold ---- */

static bool writes(const reel__group_node *n, int value) {
    return n->out[0] == value || (n->call.op == REEL_OP_dropout && n->in[1] == value);
}

static bool touches(const reel__group_node *n, int value) {
    return n->in[0] == value || n->in[1] == value || n->out[0] == value;
}

static bool depend(const reel__group_node *a, const reel__group_node *b) {
    for (int v = 0; v < VALUES; v++)
        if ((writes(a, v) && touches(b, v)) || (touches(a, v) && writes(b, v))) return true;
    return false;
}

static void expect_places(const drawn *d, int items) {
    bool taken[NODES] = {false};
    for (int k = 0; k < NODES; k++) {
        ck_assert(d->place[k] >= 0 && d->place[k] < NODES && !taken[d->place[k]]);
        taken[d->place[k]] = true;
    }
    ck_assert_int_eq(d->item_of[0], 0);
    for (int i = 1; i < NODES; i++) {
        const int step = d->item_of[i] - d->item_of[i - 1];
        ck_assert(step == 0 || step == 1);
    }
    ck_assert_int_eq(d->item_of[NODES - 1], items - 1);
}

static void expect_order(const drawn *d) {
    for (int a = 0; a < NODES; a++)
        for (int b = a + 1; b < NODES; b++)
            ck_assert_msg(d->place[a] < d->place[b] || !depend(&d->node[a], &d->node[b]),
                          "node %d went before node %d", b, a);
}

/* Those of an item are what the backend takes, and no more than it makes one kernel of. */
static void expect_groups(const drawn *d) {
    int members[NODES] = {0}, first[NODES];
    for (int k = 0; k < NODES; k++) {
        const int item = d->item_of[d->place[k]];
        if (members[item]++ == 0) first[item] = k;
        ck_assert_int_eq(d->node[k].call.op, d->node[first[item]].call.op);
        ck_assert_int_le(members[item], takes(&d->node[k]) ? MOST : 1);
    }
}

static bool has_moved(const drawn *d) {
    for (int k = 0; k < NODES; k++)
        if (d->place[k] != k) return true;
    return false;
}

START_TEST(what_depends_keeps_its_order) {
    static drawn d;
    int moved = 0, grouped = 0, items = 0;
    REEL_SCOPE;
    reel_tensor *small = reel_zeros(reel_shape(3), REEL_F32, reel_cpu()),
                *large = reel_zeros(reel_shape(1 << 17), REEL_F32, reel_cpu());
    const reel__backend *was = small->storage->backend;
    reel__backend fake = *was;
    fake.fusing = &fusing;
    state = 5;
    small->storage->backend = large->storage->backend = &fake;
    for (int i = 0; i < PROGRAMS; i++) {
        draw_program(&d, small, large);
        ck_assert_int_eq(reel__pass_fuse(&d.program, d.place, d.item_of, &items), REEL_OK);
        expect_places(&d, items);
        expect_order(&d);
        expect_groups(&d);
        moved += has_moved(&d);
        grouped += items < NODES;
    }
    small->storage->backend = large->storage->backend = was;
    ck_assert_int_gt(moved, PROGRAMS / 2);
    ck_assert_int_gt(grouped, PROGRAMS / 2);
}
END_TEST

/* ---- slices ---- */

enum { ROWS = 6, COLUMNS = 4, WHOLE = 0, PARTS = 1, STEPS = 5 };

/* A tensor [6,4], value 0, of parts that are values 1, 2, ...: two rows each. */
typedef struct {
    reel__trace trace;
    reel__value value[STEPS + 1];
    reel__entry entry[STEPS];
    reel__operand operand[STEPS][3];
    reel__entry now[STEPS];
    reel__program program;
} filled;

static reel__operand rows_of(int value, int first, int count) {
    reel__operand o = {.value = value,
                       .layout = {.dtype = REEL_F32, .shape = reel_shape(count, COLUMNS)}};
    reel__layout_contiguous(&o.layout);
    o.layout.offset = first * COLUMNS;
    return o;
}

static void begin_filling(filled *f, reel_tensor *base) {
    *f = (filled){.trace = {.value = f->value, .values = STEPS + 1, .entry = f->entry}};
    f->program = (reel__program){.trace = &f->trace, .entry = f->now};
    for (int i = 0; i <= STEPS; i++)
        f->value[i] =
            (reel__value){.base = base, .bytes = ROWS * COLUMNS * sizeof(float), .inner = true};
    reel__entry *e = &f->entry[f->trace.count++];
    f->operand[0][0] = rows_of(PARTS, 0, 2);
    f->operand[0][1] = rows_of(WHOLE, 0, ROWS);
    *e = (reel__entry){.call = {.op = REEL_OP_slice_put, .nin = 1, .nout = 1},
                       .operand = f->operand[0],
                       .section = -1};
    e->call.with.slice.count = 2;
    e->call.with.slice.step = 1;
}

/* Rows `first` and the next one of the tensor, plus a part; the part comes second, or first. */
static void add_rows(filled *f, int first, int part) {
    const int k = f->trace.count++;
    reel__operand *o = f->operand[k];
    o[2] = rows_of(WHOLE, first, 2);
    o[part] = rows_of(PARTS + k, 0, 2);
    o[1 - part] = o[2];
    f->entry[k] = (reel__entry){
        .call = {.op = REEL_OP_add, .nin = 2, .nout = 1}, .operand = o, .section = -1};
}

/* Reads a row of the tensor. */
static void read_row(filled *f, int row) {
    const int k = f->trace.count++;
    f->operand[k][0] = rows_of(WHOLE, row, 1);
    f->operand[k][1] = rows_of(PARTS + k, 0, 1);
    f->entry[k] = (reel__entry){
        .call = {.op = REEL_OP_exp, .nin = 1, .nout = 1}, .operand = f->operand[k], .section = -1};
}

/* How many of its entries became copies to where they added to. */
static int copies(filled *f) {
    const bool stays[STEPS] = {true, true, true, true, true};
    const int value[STEPS + 1] = {0, 1, 2, 3, 4, 5};
    int count = 0;
    memcpy(f->now, f->entry, sizeof f->now);
    ck_assert_int_eq(reel__pass_slices(&f->program, stays, value), REEL_OK);
    for (int k = 0; k < f->trace.count; k++) {
        const reel__entry *e = &f->now[k];
        if (e->call.op != REEL_OP_copy) continue;
        ck_assert(e->call.nin == 1 && e->operand[0].value == PARTS + k);
        ck_assert(e->operand[1].value == WHOLE);
        const reel__operand to = k ? f->operand[k][2] : rows_of(WHOLE, 0, 2);
        ck_assert(reel__same_layout(&e->operand[1].layout, &to.layout, false));
        free(e->operand);
        count++;
    }
    return count;
}

START_TEST(slices_become_copies) {
    static filled f;
    REEL_SCOPE;
    reel_tensor *base = reel_zeros(reel_shape(ROWS, COLUMNS), REEL_F32, reel_cpu());
    const reel__backend *was = base->storage->backend;
    reel__backend fake = *was;
    fake.fusing = &fusing;
    for (int loose = 1; loose >= 0; loose--) { /* or on a backend whose bits are the eager ones */
        base->storage->backend = loose ? &fake : was;
        begin_filling(&f, base);
        add_rows(&f, 4, 1);
        add_rows(&f, 2, 0);
        read_row(&f, 3);
        ck_assert_int_eq(copies(&f), loose ? 3 : 0);
    }
    base->storage->backend = &fake;
    begin_filling(&f, base); /* a row is read before it is there */
    add_rows(&f, 4, 1);
    read_row(&f, 3);
    add_rows(&f, 2, 1);
    ck_assert_int_eq(copies(&f), 0);
    begin_filling(&f, base); /* twice the same rows, and some never */
    add_rows(&f, 4, 1);
    add_rows(&f, 4, 1);
    ck_assert_int_eq(copies(&f), 0);
    begin_filling(&f, base); /* rows in part */
    add_rows(&f, 1, 1);
    add_rows(&f, 3, 1);
    ck_assert_int_eq(copies(&f), 0);
    base->storage->backend = was;
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_passes");
    TCase *c = add_cpu_case(s, "passes");
    tcase_add_test(c, what_depends_keeps_its_order);
    tcase_add_test(c, slices_become_copies);
    return run_suite(s);
}
