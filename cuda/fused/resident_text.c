/* A resident kernel's text: sizes and types, where things lie, what comes before the first step and
 * after the last. */
#include "cuda/fused/resident_text_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- sizes ---- */

static void add_size(writer *w, int axis) {
    add("S%d", reel__resident_axis(w->r, axis));
}

static void add_sizes(writer *w) {
    const resident *r = w->r;
    add("constexpr int T = %d, CL = %d, NC = %d, TURNS = %d;\n", REEL__RESIDENT_THREADS, r->blocks,
        r->clusters, r->turns);
    add("constexpr int ALL = %" PRId64 ", ROWS = %" PRId64 ";\n", r->size[r->batch],
        reel__resident_rows_of_turn(r));
    for (int a = 0; a < r->axes; a++)
        if (reel__resident_axis(r, a) == a)
            add("constexpr int S%d = %" PRId64 ";\n", a, reel__resident_part(r, a));
    for (int i = 0; i < r->values; i++) {
        const value *v = &r->value[i];
        if (!reel__resident_is_tile(r, v)) continue;
        add("constexpr int P%d = pitch_of(", i);
        add_size(w, column_axis(r, v));
        add("), N%d = ", i);
        add_size(w, row_axis(r, v));
        add(" * P%d;\n", i);
    }
}

/* ---- units ---- */

/* Whether an operand of a product that has `axis` beside the one that is summed over lies with it
 * as rows. */
static bool lies_along(const resident *r, const value *v, int axis) {
    return reel__resident_axis(r, row_axis(r, v)) == axis;
}

static int pitch_of(const resident *r, const value *v) {
    return (int)reel__resident_pitch(reel__resident_part(r, column_axis(r, v)));
}

static reel__resident_after after(const unit *u) {
    if (u->kind == REEL__EXCHANGED) return REEL__SENT_OFF;
    if (u->kind == REEL__LOCAL) return u->joined ? REEL__JOINED_FIRST : REEL__PUT_DOWN;
    return u->owned ? REEL__SHARED_OUT : REEL__KEPT_HERE;
}

/* Returns how many registers a thread's part of the result takes. */
static int add_product_type(writer *w, int k, int room) {
    const resident *r = w->r;
    const unit *u = &r->unit[k];
    const value *a, *b;
    operands(r, u, 0, &a, &b);
    const reel__resident_product p = {
        .m = (int)reel__resident_part(r, u->m),
        .n = (int)reel__resident_part(r, u->n),
        .k = (int)reel__resident_part(r, u->k),
        .along = {lies_along(r, a, u->m), lies_along(r, b, u->n)},
        .pitch = {pitch_of(r, a), pitch_of(r, b)},
        .room = room,
        .after = after(u),
    };
    const reel__resident_way its = reel__resident_way_of(&p);
    const int size = its.tm * its.tn, step = p.along[0] || p.along[1] ? 4 : 1;
    const int lanes = (p.m + its.tm - 1) / its.tm * ((p.n + its.tn - 1) / its.tn) * its.ks;
    add("using U%d = product<T, S%d, S%d, S%d, %s, P%d, %s, P%d, %d, %d, %d, %d>;\n", k, u->m, u->n,
        u->k, p.along[0] ? "true" : "false", index_of(r, a), p.along[1] ? "true" : "false",
        index_of(r, b), its.tm, its.tn, its.ks, REEL__RESIDENT_COPIES(size * step));
    return (lanes + REEL__RESIDENT_THREADS - 1) / REEL__RESIDENT_THREADS * size;
}

/* Returns the same. */
static int add_unit_types(writer *w, int k, int room) {
    const resident *r = w->r;
    const unit *u = &r->unit[k];
    const value *a, *b, *c, *d;
    const int taken = add_product_type(w, k, room);
    if (u->kind == REEL__EXCHANGED)
        add("using E%d = exchange<T, CL, S%d, S%d, false>;\n", k, u->m, u->n);
    if (u->joined && !u->owned)
        add(u->kind == REEL__GRADIENT ? "using J%d = join<U%d::BUSY, NC, U%d::ROUNDS * U%d::OUT>;\n"
                                      : "using J%d = join<U%d::BUSY, NC, U%d::OUT, U%d::ROUNDS>;\n",
            k, k, k, k);
    if (u->kind == REEL__GRADIENT && !u->owned)
        add("using K%d = kept<U%d, %d>;\n", k, k, r->param[u->param].moments);
    if (u->owned)
        add("using K%d = owned<T, U%d, NC, %d>;\nusing J%d = K%d;\n", k, k,
            r->param[u->param].moments, k, k);
    if (u->products < 2) return taken;
    operands(r, u, 0, &a, &b);
    operands(r, u, 1, &c, &d);
    if (lies_along(r, a, u->m) != lies_along(r, c, u->m) ||
        lies_along(r, b, u->n) != lies_along(r, d, u->n))
        w->failed = true;
    add("static_assert(P%d == P%d && P%d == P%d, \"\");\n", index_of(r, a), index_of(r, c),
        index_of(r, b), index_of(r, d));
    return taken;
}

/* Gradients' sums stay in their registers from turn to turn. */
static void add_units(writer *w) {
    const resident *r = w->r;
    const int all = 65536 / REEL__RESIDENT_THREADS;
    int room = r->turns > 1 ? all - 46 : all - 66;
    int taken = 0;
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].kind == REEL__GRADIENT)
            taken += add_unit_types(w, k, r->turns > 1 ? room / 2 : room);
    if (r->turns > 1) room = room - taken > 40 ? room - taken : 40;
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].kind != REEL__GRADIENT) add_unit_types(w, k, room);
}

/* Whether what a block has of each row of bytes begins and ends with a word of 4. */
static bool by_words(const resident *r) {
    const reel__layout *from = &call_of(r, r->gather)->in[0]->layout;
    return reel__resident_part(r, r->cut) % 4 == 0 && from->stride[0] % 4 == 0 &&
           from->offset % 4 == 0;
}

static void add_types(writer *w) {
    const resident *r = w->r;
    const value *x = &r->value[r->out[r->gather]];
    add_units(w);
    add("using gather_rows = gather<T, S%d, S%d, P%d, %s>;\n", r->cut, r->batch, index_of(r, x),
        by_words(r) ? "4" : "1");
    add("using the_totals = totals<T, CL>;\n");
    add("constexpr int NV = %d, VR = parts(most(NV, 1), T);\n", r->vectors);
    if (r->clusters == 1) return;
    add("using join_totals = join<32, NC, 4>;\n");
    add("using join_vectors = join<VR == 1 ? up_to(most(NV, 1), 32) : T, NC, VR>;\n");
}

/* ---- the layout of shared memory ---- */

/* The next batch is put beside the one that is used. */
static const char *places(const resident *r, const value *v) {
    return is_gathered(r, v) && !r->one_place ? "2 * " : "";
}

static bool is_here(const resident *r, int k) {
    return r->unit[k].kind == REEL__GRADIENT && !r->unit[k].owned;
}

static void add_layout(writer *w) {
    const resident *r = w->r;
    int exchanges = 0;
    const int moments = r->params ? r->param[0].moments : 0;
    for (int k = 0; k < r->units; k++) exchanges += r->unit[k].kind == REEL__EXCHANGED;
    add("constexpr int at_start = 0");
    for (int i = 0; i < r->values; i++) {
        const value *v = &r->value[i];
        if (!reel__resident_is_tile(r, v)) continue;
        add(";\nconstexpr int at%d = at_start", i);
        for (int j = 0; j < i; j++)
            if (reel__resident_is_tile(r, &r->value[j]))
                add(" + %sN%d", places(r, &r->value[j]), j);
    }
    add(";\nconstexpr int at_in = at_start");
    for (int i = 0; i < r->values; i++)
        if (reel__resident_is_tile(r, &r->value[i])) add(" + %sN%d", places(r, &r->value[i]), i);
    add(";\nconstexpr int at_totals = at_in + most(0");
    for (int k = 0, open = 0; k < r->units; k++) {
        if (r->unit[k].kind != REEL__EXCHANGED) continue;
        if (++open < exchanges)
            add(", most(E%d::parts_size", k);
        else
            add(", E%d::parts_size", k);
    }
    for (int k = 1; k < exchanges; k++) add(")");
    add(");\nconstexpr int at_vectors = at_totals + the_totals::size;\n");
    add("constexpr int at_table = at_vectors + up_to(%d * NV, 4);\n", 1 + moments);
    add("constexpr int NP = %d, STEP_WORDS = sizeof(optimizer::step) / 4;\n", r->params);
    add("constexpr int at_taken = at_table + up_to(AHEAD * NP * STEP_WORDS, 4);\n");
    add("constexpr int at_picks = at_taken + up_to(2 * NP, 4);\n");
    add("constexpr int at_barrier = at_picks + up_to(S%d, 4);\n", r->batch);
    add("constexpr int at_kept = at_barrier + up_to(%d, 4)", 4 * exchanges);
    for (int k = 0; k < r->units; k++)
        if (is_here(r, k)) {
            add(";\nconstexpr int at_kept%d = at_kept", k);
            for (int j = 0; j < k; j++)
                if (is_here(r, j)) add(" + up_to(K%d::size, 4)", j);
        }
    add(";\nconstexpr int at_end = at_kept");
    for (int k = 0; k < r->units; k++)
        if (is_here(r, k)) add(" + up_to(K%d::size, 4)", k);
    add(";\nstatic_assert(at_end * 4 <= 227 * 1024, \"more than shared memory\");\n");
}

/* ---- messages in memory ---- */

static void add_slots(writer *w) {
    const resident *r = w->r;
    if (r->clusters == 1) return;
    add("constexpr int slots_totals = 0, slots_vectors = join_totals::slots;\n");
    add("constexpr int slots_units = slots_vectors + join_vectors::slots");
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].joined) {
            add(";\nconstexpr int slots%d = slots_units", k);
            for (int j = 0; j < k; j++)
                if (r->unit[j].joined) add(" + J%d::slots", j);
        }
    add(";\nconstexpr int SLOTS = slots_units");
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].joined) add(" + J%d::slots", k);
    add(";\nstatic_assert(SLOTS <= %" PRId64 ", \"more messages than memory was taken for\");\n",
        REEL__RESIDENT_SPARE * reel__resident_told(r) * r->clusters);
    add("constexpr int moments_size = 0");
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].owned) add(" + K%d::size", k);
    add(";\nstatic_assert(moments_size * CL * NC <= %" PRId64 ", \"the same of moments\");\n",
        reel__resident_moments(r));
}

/* ---- where a block's part of a value lies in memory ---- */

static void add_strides(writer *w, const value *v) {
    const int rows = reel__resident_rows(w->r, v);
    add("(int64_t)%" PRId64 ", (int64_t)%" PRId64, reel__resident_stride(v, rows),
        reel__resident_stride(v, 1 - rows));
}

static bool is_cut(const resident *r, const value *v) {
    return reel__resident_axis(r, v->axis[0]) == r->cut ||
           reel__resident_axis(r, v->axis[1]) == r->cut;
}

/* Which blocks write it back: one of those that have the same. */
static const char *writers(const resident *r, const value *v) {
    bool cut = false, across = false;
    for (int d = 0; d < (v->kind == REEL__A_TILE ? 2 : v->kind == REEL__A_VECTOR ? 1 : 0); d++) {
        cut = cut || reel__resident_axis(r, v->axis[d]) == r->cut;
        across = across || (r->across >= 0 && reel__resident_axis(r, v->axis[d]) == r->across);
    }
    return cut && across ? "true" : cut ? "cluster == 0" : across ? "rank == 0" : "blockIdx.x == 0";
}

/* ---- before the first step, and after the last ---- */

static void add_guard(writer *w, const value *v, bool in) {
    add("    ");
    if (!in) add("if (%s) ", writers(w->r, v));
}

static void move_tile(writer *w, const reel__resident_param *p, bool in) {
    const resident *r = w->r;
    const value *v = &r->value[p->p];
    add_guard(w, v, in);
    add("%s_tile<T, ", in ? "load" : "store");
    add_size(w, row_axis(r, v));
    add(", ");
    add_size(w, column_axis(r, v));
    add(", P%d>(t%d, ", p->p, p->p);
    reel__resident_memory(w, v);
    add(", ");
    add_strides(w, v);
    add(");\n");
}

static void move_moment(writer *w, const reel__resident_param *p, int k, bool in) {
    const resident *r = w->r;
    const value *v = &r->value[p->p], *m = &r->value[p->moment[k]];
    const int rows = reel__resident_rows(r, v);
    if (r->unit[p->unit].owned) { /* each cluster has others */
        add("    %sK%d::each<S%d>(kept%d, cluster, %d, ",
            in || is_cut(r, v) ? "" : "if (rank == 0) ", p->unit, r->unit[p->unit].n, p->unit, k);
    } else {
        add_guard(w, v, in);
        add("K%d::each(kept%d, %d, ", p->unit, p->unit, k);
    }
    add("[&](int m, int n, float &x) {\n        float *at = ");
    reel__resident_memory(w, m);
    add(" + m * (int64_t)%" PRId64 " + n * (int64_t)%" PRId64 ";\n        %s;\n    });\n",
        reel__resident_stride(v, rows), reel__resident_stride(v, 1 - rows),
        in ? "x = *at" : "*at = x");
}

static void move_vector(writer *w, const reel__resident_param *p, int k, bool in) {
    const resident *r = w->r;
    const value *v = &r->value[k ? p->moment[k - 1] : p->p];
    add_guard(w, v, in);
    add("for (int i = threadIdx.x; i < %d; i += T) ", p->count);
    if (in) add("vectors[%d * NV + %d + i] = ", k, p->at);
    add("(");
    reel__resident_memory(w, v);
    add(")[i]");
    if (!in) add(" = vectors[%d * NV + %d + i]", k, p->at);
    add(";\n");
}

static void move_param(writer *w, const reel__resident_param *p, bool in) {
    const bool tile = w->r->value[p->p].kind == REEL__A_TILE;
    if (tile) move_tile(w, p, in);
    for (int k = 0; tile && k < p->moments; k++) move_moment(w, p, k, in);
    for (int k = 0; !tile && k <= p->moments; k++) move_vector(w, p, k, in);
}

static void add_cells(writer *w, bool in) {
    const resident *r = w->r;
    for (int i = 0; i < r->values; i++) {
        const value *v = &r->value[i];
        if (!is_cell(r, v)) continue;
        const int at = reel__resident_word_of(w, v);
        if (in)
            add("    %s c%d = *data<%s>(a, %d);\n", type_of(v), i, type_of(v), at);
        else
            add("    if (blockIdx.x == 0 && threadIdx.x == T - 1) *data<%s>(a, %d) = c%d;\n",
                type_of(v), at, i);
    }
}

static void add_taken(writer *w) {
    const resident *r = w->r;
    const reel__update_call u = reel__update_of(call_of(r, r->update));
    for (int k = 0; k < r->params; k++)
        add("    if (threadIdx.x == %d) taken[%d] = *data<int64_t>(a, %d);\n", k, k,
            reel__resident_word(w, r->update, r->param[k].first + u.width - 1));
}

/* What optimizers are told. */
static void add_rule(writer *w) {
    const reel__rule *o = &call_of(w->r, w->r->update)->with.update.rule;
    add("DEVICE reel__rule the_rule() {\n    reel__rule o = {};\n");
#define FIELD(name) add("    o." #name " = %a;\n", o->name);
    REEL__RULE(FIELD, FIELD)
#undef FIELD
    add("    o.nesterov = %d;\n    o.decoupled = %d;\n    o.maximize = %d;\n    return o;\n}\n",
        o->nesterov, o->decoupled, o->maximize);
}

/* ---- all of it ---- */

static void add_arguments(writer *w) {
    add("#include \"cuda/fused/resident_internal.cuh\"\n\n"
        "struct fed { const int64_t *index; double rate; };\n"
        "struct arguments { uint64_t word[%d]; u32 steps, first; fed step[%d]; };\n"
        "template <class X> DEVICE X *data(const arguments &a, int i) { return (X *)a.word[i]; }\n"
        "DEVICE float square(float x) { return x * x; }\n\n",
        REEL__RESIDENT_WORDS, REEL__RESIDENT_STEPS);
}

/* Moments of this block's shares, behind all messages. */
static void add_shares(writer *w) {
    const resident *r = w->r;
    for (int k = 0; k < r->units; k++) {
        if (!r->unit[k].owned) continue;
        add("    float *kept%d = (float *)(data<message>(a, 4) + %d + (size_t)CL * 2 * SLOTS) + "
            "(size_t)blockIdx.x * moments_size",
            k, r->blocks * REEL__RESIDENT_COUNTER / 4);
        for (int j = 0; j < k; j++)
            if (r->unit[j].owned) add(" + K%d::size", j);
        add(";\n");
    }
}

/* The signature, and where things lie in shared memory. */
static void add_places(writer *w) {
    const resident *r = w->r;
    const int x = r->out[r->gather];
    add("\nextern \"C\" __global__ void __launch_bounds__(T, 1) resident(const __grid_constant__ "
        "arguments a) {\n"
        "    extern __shared__ __align__(16) float sm[];\n"
        "    asm volatile(\"griddepcontrol.wait;\" ::: \"memory\");\n"
        "    const int rank = rank_in_cluster(), cluster = blockIdx.x / CL;\n"
        "    for (int i = threadIdx.x; i < at_end; i += T) sm[i] = 0;\n"
        "    __syncthreads();\n");
    for (int i = 0; i < r->values; i++)
        if (reel__resident_is_tile(r, &r->value[i]) && !is_gathered(r, &r->value[i]))
            add("    float *t%d = sm + at%d;\n", i, i);
    for (int k = 0; k < r->units; k++)
        if (is_here(r, k)) add("    float *kept%d = sm + at_kept%d;\n", k, k);
    add("    float *vectors = sm + at_vectors, *in = sm + at_in;\n"
        "    int *picks = (int *)(sm + at_picks);\n"
        "    int64_t *taken = (int64_t *)(sm + at_taken);\n"
        "    optimizer::step *table = (optimizer::step *)(sm + at_table);\n"
        "    const u32 in_there = shared_address(in), totals_there = shared_address(sm + "
        "at_totals);\n"
        "    const u32 barrier = shared_address(sm + at_barrier);\n");
    add("    auto x_of = [&](int s) { return sm + at%d + (s & %d) * N%d; };\n", x, !r->one_place,
        x);
}

/* What lies in memory: where errors go, what clusters tell each other, and moments of shares. */
static void add_messages(writer *w) {
    const resident *r = w->r;
    add("    const reel__cuda_error_slot errors = {data<unsigned>(a, 0), "
        "data<reel__cuda_deferred>(a, 1), data<const char>(a, 2), data<const char>(a, 3)};\n");
    if (r->clusters > 1)
        add("    u32 *counter = data<u32>(a, 4) + rank * %d;\n"
            "    message *all_slots = data<message>(a, 4) + %d + (size_t)rank * 2 * SLOTS;\n",
            REEL__RESIDENT_COUNTER, r->blocks * REEL__RESIDENT_COUNTER / 4);
    add_shares(w);
}

/* Which rows of the batch a turn takes, and how the gather finds them. */
static void add_gather(writer *w) {
    const resident *r = w->r;
    const reel__call *gather = call_of(r, r->gather);
    add("    auto first_of = [&](int s) { return (%ss %% TURNS) * ROWS; };\n"
        "    auto rows_of = [&](int s) { return s < TURNS * (int)a.steps ? most(0, least(ROWS, ALL "
        "- "
        "first_of(s))) : 0; };\n",
        r->across == r->batch ? "cluster * TURNS + " : "");
    add("    const unsigned char *bytes = data<unsigned char>(a, %d) + rank * S%d;\n",
        reel__resident_word(w, r->gather, 0), r->cut);
    add("    const int64_t width = %" PRId64 ", all_rows = %" PRId64 ";\n",
        gather->in[0]->layout.stride[0], gather->in[0]->layout.shape.dim[0]);
    add("    const float scale = (float)%a;\n", gather->with.index.scale);
    add("    auto find = [&](int s) -> int64_t {\n"
        "        const int rows = rows_of(s);\n"
        "        return rows ? gather_rows::find(a.step[s / TURNS].index + first_of(s), rows) : "
        "0;\n"
        "    };\n"
        "    auto keep = [&](int s, int64_t found) {\n"
        "        gather_rows::keep(picks, found, rows_of(s), all_rows, first_of(s), errors, rank "
        "== "
        "0);\n"
        "    };\n");
}

/* Two for each exchange: of its parts, and of its results. */
static void add_barriers(writer *w) {
    const resident *r = w->r;
    int exchanges = 0;
    add("    if (threadIdx.x == 0) {\n");
    for (int k = 0; k < r->units; k++) {
        if (r->unit[k].kind != REEL__EXCHANGED) continue;
        add("        barrier_make(barrier + %d);\n        barrier_make(barrier + %d);\n",
            16 * exchanges, 16 * exchanges + 8);
        exchanges++;
    }
    add("        asm volatile(\"fence.mbarrier_init.release.cluster;\" ::: \"memory\");\n    }\n");
}

/* What the first step finds: parameters, moments, counts and the first rows. */
static void add_loads(writer *w) {
    const resident *r = w->r;
    for (int k = 0; k < r->params; k++) move_param(w, &r->param[k], true);
    add_cells(w, true);
    add_taken(w);
    add("    const double rate_before = *data<double>(a, %d);\n",
        reel__resident_word(w, r->update, call_of(r, r->update)->nin - 2));
    add("    unsigned pixels[gather_rows::EACH];\n"
        "    u32 parity = 0;\n"
        "    keep(0, find(0));\n"
        "    __syncthreads();\n"
        "    gather_rows::fetch(pixels, picks, bytes, width);\n"
        "    gather_rows::put(x_of(0), pixels, scale);\n"
        "    __syncthreads();\n"
        "    keep(1, find(1));\n");
}

static void add_head(writer *w) {
    add_places(w);
    add_messages(w);
    add_gather(w);
    add_barriers(w);
    add_loads(w);
}

/* The next few steps' constants, by all threads. */
static void add_table(writer *w) {
    const resident *r = w->r;
    add("        if (t %% AHEAD == 0) {\n"
        "            for (int i = threadIdx.x; i < AHEAD * NP; i += T) {\n"
        "                const int at = t + i / NP;\n"
        "                if (at >= (int)a.steps) break;\n");
    if (r->rate < 0)
        add("                const double rate = rate_before;\n");
    else if (r->rate < r->update)
        add("                const double rate = a.step[at].rate;\n");
    else
        add("                const double rate = at ? a.step[at - 1].rate : rate_before;\n");
    add("                const reel__now now = {rate, (double)(taken[i %% NP] + at + 1), 0};\n"
        "                const reel__rule rule = the_rule();\n"
        "                const reel__step its = optimizer::%s_step(&rule, &now);\n"
        "                table[i] = optimizer::step_of(&its, %u);\n"
        "            }\n"
        "            __syncthreads();\n"
        "        }\n",
        optimizer_of(r), call_of(r, r->update)->with.update.moments);
}

static void add_expectations(writer *w) {
    const resident *r = w->r;
    const int *order = w->order, count = w->exchanges;
    add("    if (threadIdx.x == 0) {\n");
    for (int i = 0; i < count; i++)
        add("        barrier_expect(barrier + %d, E%d::bytes_of_parts(rank));\n"
            "        barrier_expect(barrier + %d, E%d::bytes_of_results%s);\n",
            16 * i, order[i], 16 * i + 8, order[i],
            i == count - 1 && r->totals ? " + the_totals::bytes" : "");
    add("    }\n    cluster_meet();\n");
}

static void add_tail(writer *w) {
    const resident *r = w->r;
    const reel__call *update = call_of(r, r->update);
    const reel__update_call u = reel__update_of(update);
    const int nin = update->nin;
    for (int k = 0; k < r->params; k++) move_param(w, &r->param[k], false);
    add_cells(w, false);
    add("    if (blockIdx.x == 0 && threadIdx.x == 0) {\n");
    for (int k = 0; k < r->params; k++)
        add("        *data<int64_t>(a, %d) = taken[%d] + a.steps;\n",
            reel__resident_word(w, r->update, r->param[k].first + u.width - 1), k);
    add("        *data<int64_t>(a, %d) += a.steps;\n", reel__resident_word(w, r->update, nin - 1));
    if (r->rate >= 0)
        add("        *data<double>(a, %d) = a.step[a.steps - 1].rate;\n",
            reel__resident_word(w, r->update, nin - 2));
    add("    }\n");
    add("    cluster_meet();\n}\n");
}

char *reel__resident_text(resident *r) {
    reel__text text = {0}, step = {0};
    writer all = {.r = r, .t = &step}, *w = &all;
    r->words = 5; /* of the device, of the gather's name and site, and of messages */
    for (int i = 0; i < 5; i++) r->word[i].node = -1;
    reel__resident_step(w);
    w->t = &text;
    add_arguments(w);
    add_sizes(w);
    add_types(w);
    add_layout(w);
    add_slots(w);
    add_rule(w);
    add_head(w);
    add_expectations(w);
    add("#pragma unroll 1\n    for (int t = 0; t < (int)a.steps; t++) {\n"
        "        const u32 step = a.first + t;\n");
    if (r->clusters > 1) add("        message *slots = all_slots + (step & 1) * SLOTS;\n");
    add_table(w);
    if (step.text) add("%s", step.text);
    add("    }\n");
    add_tail(w);
    const bool failed = w->failed || text.failed || step.failed || !text.text;
    free(step.text);
    if (!failed) return text.text;
    free(text.text);
    return NULL;
}
