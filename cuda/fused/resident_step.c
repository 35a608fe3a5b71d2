/* A step of a resident kernel, as text: turns, in which units are computed, and what follows from
 * gradients behind them. Units are written in an order in which what one waits for is behind what
 * another can do meanwhile: an exchange is given, a part of a gradient is computed, and then the
 * exchange is finished. Where there is but one turn, so is what follows from gradients. */
#include "cuda/fused/resident_text_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- meeting ---- */

static void meet(writer *w) {
    LINE("__syncthreads();");
    w->met = ++w->clock;
}

static void put_batch(writer *w, bool end) {
    const bool one_place = w->r->one_place;
    if (!w->fetched || w->put || w->picks_read > w->met || (one_place && !end)) return;
    LINE("%sgather_rows::put(x_of(now + 1), pixels, scale);",
         one_place ? "if (rows_of(now + 1)) " : "");
    LINE("keep(now + 2, found);");
    w->put = true;
    w->clock++;
}

static void before_read(writer *w, int v) {
    if (w->written[v] > w->met) meet(w);
    w->read[v] = ++w->clock;
}
static void before_write(writer *w, int v) {
    if (w->written[v] > w->met || w->read[v] > w->met) meet(w);
    w->written[v] = ++w->clock;
}
static void before_vectors(writer *w) {
    if (w->vectors_written > w->met) meet(w);
    w->vectors_read = ++w->clock;
}

/* ---- formulas ---- */

/* Element e of four neighbours of an operand, at the unit's row m and columns n and on, of which
 * the last may be none. */
static void add_operand(writer *w, int k, const value *v) {
    const resident *r = w->r;
    const unit *u = &r->unit[k];
    const int i = index_of(r, v);
    if (v->kind == REEL__A_NUMBER && v->param < 0)
        add("%af", (double)(float)call_of(r, v->node)->with.fill.value);
    else if (v->kind == REEL__A_NUMBER)
        add("vectors[%d]", r->param[v->param].at);
    else if (v->kind == REEL__A_VECTOR && reel__resident_axis(r, v->axis[0]) == u->m)
        add("vectors[%d + m]", r->param[v->param].at);
    else if (v->kind == REEL__A_VECTOR)
        add("vectors[%d + least(n + e, S%d - 1)]", r->param[v->param].at, u->n);
    else if (v->unit == k)
        add("v%d", i);
    else
        add("x%d[e]", i);
}

static void add_formula(writer *w, int k, int node) {
    const resident *r = w->r;
    const reel__call *c = call_of(r, node);
    const double told[2] = {c->with.map.a, c->with.map.b};
    add("const float v%d = quickly::%s(", r->out[node], reel__ops[c->op].name);
    for (int i = 0; i < c->nin; i++) {
        if (i) add(", ");
        add_operand(w, k, input(r, node, i));
    }
    for (int i = 0; i < reel__fused_constants(c->op); i++) add(", (float)%a", told[i]);
    add(");\n");
}

static int total_of(const resident *r, int node) {
    for (int k = 0; k < r->totals; k++)
        if (r->total[k].node == node) return k;
    return -1;
}

static void add_to_total(writer *w, int k, int node, const char *once) {
    const resident *r = w->r;
    const bool squares = call_of(r, node)->op == REEL_OP_mse;
    add("                sums[%d] += there%s ? ", total_of(r, node), once);
    if (squares) add("square(");
    add_operand(w, k, input(r, node, 0));
    if (squares) {
        add(" - ");
        add_operand(w, k, input(r, node, 1));
        add(")");
    }
    add(" : 0;\n");
}

/* All that unit k's chain reads of shared memory. */
static void before_chain(writer *w, int k) {
    const resident *r = w->r;
    for (int i = 0; i < r->group->count; i++) {
        if (r->unit_of[i] != k || r->role[i] == REEL__PRODUCT) continue;
        for (int j = 0; j < call_of(r, i)->nin; j++) {
            const value *v = input(r, i, j);
            if (v->kind == REEL__A_TILE && v->unit != k) before_read(w, index_of(r, v));
            if (v->param >= 0) before_vectors(w);
        }
    }
}

static void add_tile(writer *w, const value *v) {
    if (is_gathered(w->r, v))
        add("x_of(now)");
    else
        add("t%d", index_of(w->r, v));
}

/* ---- the batch's rows that are there ---- */

static bool is_ragged(const resident *r) {
    const int64_t rows = reel__resident_part(r, r->batch);
    return rows * r->turns * (r->across == r->batch ? r->clusters : 1) != r->size[r->batch];
}

/* " && m < rows", if there are rows that are none. */
static const char *present(const resident *r, const unit *u) {
    if (!is_ragged(r)) return "";
    return u->m == r->batch ? " && m < rows" : u->n == r->batch ? " && n + e < rows" : "";
}

/* Where tiles that others made are read, once each, by fours. */
static void load_operands(writer *w, int k) {
    const resident *r = w->r;
    bool loaded[REEL__RESIDENT_VALUES] = {false};
    for (int i = 0; i < r->group->count; i++) {
        if (r->unit_of[i] != k || r->role[i] == REEL__PRODUCT) continue;
        for (int j = 0; j < call_of(r, i)->nin; j++) {
            const value *v = input(r, i, j);
            const int x = index_of(r, v);
            if (v->kind != REEL__A_TILE || v->unit == k || loaded[x]) continue;
            loaded[x] = true;
            add("            float x%d[4];\n            take4(x%d, ", x, x);
            add_tile(w, v);
            add(" + m * P%d + n);\n", x);
        }
    }
}

static bool is_made(const resident *r, int k, int v) {
    return r->value[v].unit == k && r->value[v].stored;
}

/* What unit k's four numbers z become: y%d, of each value that is stored. `once`: what else holds
 * where they are added to totals. */
static void add_chain(writer *w, int k, const char *once) {
    const resident *r = w->r;
    const unit *u = &r->unit[k];
    load_operands(w, k);
    for (int i = 0; i < r->values; i++)
        if (is_made(r, k, i)) add("            float y%d[4];\n", i);
    add("#pragma unroll\n"
        "            for (int e = 0; e < 4; e++) {\n"
        "                const bool there = n + e < S%d%s;\n"
        "                const float v%d = z[e];\n",
        u->n, present(r, u), u->value);
    for (int i = 0; i < r->group->count; i++) {
        if (r->unit_of[i] != k) continue;
        if (r->role[i] == REEL__ELEMENT) {
            add("                ");
            add_formula(w, k, i);
        }
        if (r->role[i] == REEL__TOTAL) add_to_total(w, k, i, once);
    }
    for (int i = 0; i < r->values; i++)
        if (is_made(r, k, i)) add("                y%d[e] = there ? v%d : 0;\n", i, i);
    add("            }\n");
}

/* ---- products ---- */

static void read_operands(writer *w, const unit *u, int p) {
    const value *a, *b;
    operands(w->r, u, p, &a, &b);
    before_read(w, index_of(w->r, a));
    before_read(w, index_of(w->r, b));
}

static void add_operands(writer *w, const unit *u, int p) {
    const value *a, *b;
    operands(w->r, u, p, &a, &b);
    add_tile(w, a);
    add(", ");
    add_tile(w, b);
}

/* ---- products that stay in the block ---- */

static void begin_rounds(writer *w, int k) {
    add("#pragma unroll 1\n"
        "        for (int i = 0; i < U%d::ROUNDS; i++) { /* unit %d */\n"
        "            const int thread = here();\n"
        "            float z[U%d::SIZE];\n",
        k, k, k);
}

/* Where other clusters' numbers are added, all rounds' are given before the first are waited for.
 */
static void compute_local(writer *w, int k, int to) {
    const unit *u = &w->r->unit[k];
    begin_rounds(w, k);
    add("            U%d::clear(z);\n            U%d::add(z, ", k, k);
    add_operands(w, u, 0);
    add(", thread, i);\n            U%d::share(z, thread);\n", k);
    if (u->joined) {
        add("            J%d::give(slots + slots%d + i * J%d::of_round, z, cluster, step, "
            "thread);\n        }\n",
            k, k, k);
        begin_rounds(w, k);
        add("            J%d::take(slots + slots%d + i * J%d::of_round, z, step, thread);\n", k, k,
            k);
    }
    add("            U%d::template put<P%d>(t%d, z, thread, i);\n        }\n", k, to, to);
}

static void add_local(writer *w, int k) {
    const resident *r = w->r;
    const unit *u = &r->unit[k];
    read_operands(w, u, 0);
    before_chain(w, k);
    int raw = -1; /* where the product's numbers are put, for what is made of them to take */
    for (int i = 0; i < r->values; i++) {
        if (!is_made(r, k, i)) continue;
        before_write(w, i);
        raw = i;
    }
    if (raw < 0) {
        w->failed = w->done[k] = true;
        return;
    }
    compute_local(w, k, raw);
    w->written[raw] = ++w->clock;
    before_read(w, raw);
    LINE("by_fours<T, S%d, S%d>([&](int m, int n) {", u->m, u->n);
    add("            float z[4];\n            take4(z, t%d + m * P%d + n);\n", raw, raw);
    add_chain(w, k, u->m == r->cut || u->n == r->cut ? "" : " && rank == 0");
    for (int i = 0; i < r->values; i++)
        if (is_made(r, k, i)) add("            put4(t%d + m * P%d + n, y%d);\n", i, i, i);
    LINE("});");
    w->clock++;
    w->done[k] = true;
    meet(w);
    put_batch(w, false);
}

/* ---- gradients ---- */

static bool is_tile_ready(const writer *w, const value *v) {
    return v->param >= 0 || is_gathered(w->r, v) || (v->unit >= 0 && w->done[v->unit]);
}

static bool is_ready(const writer *w, const unit *u, int p) {
    return is_tile_ready(w, input(w->r, u->node[p], 0)) &&
           is_tile_ready(w, input(w->r, u->node[p], 1));
}

/* `all`: both halves, of a product that none was computed of. */
static void add_half(writer *w, int k, bool all) {
    const unit *u = &w->r->unit[k];
    const int p = w->begun[k] / 2, second = w->begun[k] % 2;
    read_operands(w, u, p);
    add("#pragma unroll\n        for (int i = 0; i < U%d::ROUNDS; i++) U%d::", k, k);
    if (all)
        add("add");
    else if (second)
        add("template add<U%d::HALF, U%d::TURNS>", k, k);
    else
        add("template add<0, U%d::HALF>", k);
    add("(g%d[i], ", k);
    add_operands(w, u, p);
    add(", here(), i);\n");
    w->begun[k] += all ? 2 : 1;
}

static bool reads_later(const writer *w, int v) {
    const resident *r = w->r;
    for (int k = 0; k < r->units; k++) {
        const unit *u = &r->unit[k];
        for (int p = 0; p < u->products; p++)
            for (int j = 0; j < 2; j++)
                if (index_of(r, input(r, u->node[p], j)) == v &&
                    (u->kind == REEL__GRADIENT ? w->begun[k] < 2 * (p + 1) : !w->done[k]))
                    return true;
    }
    return false;
}

/* "[&](float p, float g, float *x) {...}", one element's update, of param i. */
static void add_update(writer *w, int i) {
    const resident *r = w->r;
    add("[&](float p, float g, float *x) { return stepped<%u, optimizer::%s>(table[t %% AHEAD * NP "
        "+ %d], p, g, x); });\n",
        call_of(r, r->update)->with.update.moments, optimizer_of(r), i);
}

static void update_tile(writer *w, int i) {
    const resident *r = w->r;
    const reel__resident_param *p = &r->param[i];
    const unit *u = &r->unit[p->unit];
    const int k = p->unit;
    before_write(w, p->p);
    if (u->joined) LINE("J%d::take(slots + slots%d, h%d, step, here());", k, k, k);
    add("        K%d::update<P%d, S%d>(t%d, kept%d, h%d, ", k, p->p, u->n, p->p, k, k);
    add_update(w, i);
    w->clock++;
    w->updated[i] = true;
}

/* Updates that clusters share out: all of them between two meetings. */
static void update_owned(writer *w) {
    const resident *r = w->r;
    for (int pass = 0, any = 0; pass < 2; pass++) {
        for (int i = 0; i < r->params; i++) {
            const int k = r->param[i].unit, p = r->param[i].p;
            if (k < 0 || !r->unit[k].owned || !w->held[k]) continue;
            if (any++ == pass * r->params) {
                LINE("rank_meet<NC>(counter, 2 * step - %d);", 1 - pass);
                w->met = ++w->clock;
            }
            if (pass == 1) {
                LINE("K%d::take<P%d>(slots + slots%d, t%d);", k, p, k, p);
                w->written[p] = ++w->clock;
                w->updated[i] = true;
                continue;
            }
            add("        K%d::own<P%d, S%d>(slots + slots%d, t%d, kept%d, cluster, ", k, p,
                r->unit[k].n, k, p, k);
            add_update(w, i);
        }
        if (any) any = r->params;
    }
}

static void hold(writer *w, int k) {
    const unit *u = &w->r->unit[k];
    add("#pragma unroll\n"
        "        for (int i = 0; i < U%d::ROUNDS; i++) {\n"
        "            U%d::share(g%d[i], here());\n"
        "#pragma unroll\n"
        "            for (int o = 0; o < U%d::OUT; o++) h%d[i * U%d::OUT + o] = g%d[i][o];\n"
        "        }\n",
        k, k, k, k, k, k, k);
    if (u->owned)
        LINE("K%d::give(slots + slots%d, h%d, cluster);", k, k, k);
    else if (u->joined)
        LINE("J%d::give(slots + slots%d, h%d, cluster, step, here());", k, k, k);
    w->held[k] = true;
}

/* What gradients can be brought to their end is, and updates that nothing waits for are done. */
static void settle(writer *w, bool end) {
    const resident *r = w->r;
    for (int k = 0; k < r->units; k++) {
        const unit *u = &r->unit[k];
        if (u->kind != REEL__GRADIENT || w->held[k]) continue;
        while (w->begun[k] < 2 * u->products && is_ready(w, u, w->begun[k] / 2))
            add_half(w, k, w->begun[k] % 2 == 0);
        if (w->summed && w->begun[k] == 2 * u->products) hold(w, k);
    }
    for (int i = 0; i < r->params; i++) {
        const reel__resident_param *p = &r->param[i];
        if (p->unit < 0 || w->updated[i] || !w->held[p->unit] || r->unit[p->unit].owned) continue;
        if (end || (!r->unit[p->unit].joined && !reads_later(w, p->p))) update_tile(w, i);
    }
}

/* ---- exchanges ---- */

static bool is_last(const writer *w) {
    int count = 0;
    for (int k = 0; k < w->r->units; k++) count += w->r->unit[k].kind == REEL__EXCHANGED;
    return w->exchanges == count - 1;
}

static void fetch(writer *w) {
    if (w->fetched) return;
    LINE("gather_rows::fetch(pixels, picks, bytes, width);");
    LINE("const int64_t found = find(now + 2);");
    w->fetched = true;
    w->picks_read = ++w->clock;
}

/* The first half of a gradient's product, while parts are on their way. */
static int begin_some(writer *w) {
    const resident *r = w->r;
    for (int k = 0; k < r->units; k++) {
        const unit *u = &r->unit[k];
        if (u->kind != REEL__GRADIENT || w->held[k] || w->begun[k] % 2) continue;
        if (w->begun[k] == 2 * u->products || !is_ready(w, u, w->begun[k] / 2)) continue;
        add_half(w, k, false);
        return k;
    }
    return -1;
}

static void finish(writer *w, int k) {
    const resident *r = w->r;
    const unit *u = &r->unit[k];
    LINE("E%d::finish<P%d>(in, rank, t%d, barrier + %d, [&](int m, int n, float *z, bool first) {",
         k, u->result, u->result, 16 * w->exchanges + 8);
    add_chain(w, k, " && first");
    add("            put4(z, y%d);\n        });\n", u->result);
    w->clock++;
}

static void add_exchange(writer *w, int k) {
    const resident *r = w->r;
    const unit *u = &r->unit[k];
    const int at = 16 * w->exchanges;
    const bool last = is_last(w) && r->totals > 0;
    read_operands(w, u, 0);
    before_write(w, u->result);
    LINE("E%d::give_product<U%d>(", k, k);
    w->t->used--;
    add_operands(w, u, 0);
    add(", rank, in_there, barrier + %d);\n", at);
    fetch(w);
    put_batch(w, false);
    const int begun = begin_some(w);
    before_chain(w, k);
    LINE("barrier_pass(barrier + %d, parity, E%d::bytes_of_parts(rank));", at, k);
    finish(w, k);
    w->done[k] = true;
    for (int i = 0; last && i < r->totals; i++)
        if (!w->done[r->total[i].unit]) w->failed = true;
    if (last) LINE("the_totals::give(sums, rank, totals_there, barrier + %d);", at + 8);
    w->done[k] = false;
    if (begun >= 0) add_half(w, begun, false);
    settle(w, false);
    LINE("barrier_pass(barrier + %d, parity, E%d::bytes_of_results%s);", at + 8, k,
         last ? " + the_totals::bytes" : "");
    w->written[u->result] = 0; /* what came from other blocks is there for all */
    w->done[k] = true;
    w->order[w->exchanges++] = k;
}

/* ---- vectors and numbers ---- */

static bool has_vectors(const resident *r) {
    for (int k = 0; k < r->params; k++)
        if (r->value[r->param[k].p].kind == REEL__A_VECTOR) return true;
    return false;
}

static const value *gradient_of(const resident *r, const reel__resident_param *p) {
    return &r->value[p->gradient];
}

static void add_vector_sums(writer *w) {
    const resident *r = w->r;
    if (!has_vectors(r)) return;
    for (int k = 0; k < r->params; k++) {
        const reel__resident_param *p = &r->param[k];
        if (r->value[p->p].kind != REEL__A_VECTOR) continue;
        before_read(w, index_of(r, input(r, gradient_of(r, p)->node, 0)));
    }
    add("#pragma unroll\n        for (int k = 0; k < VR; k++) {\n"
        "            const int i = here() + k * T;\n");
    for (int k = 0; k < r->params; k++) {
        const reel__resident_param *p = &r->param[k];
        if (r->value[p->p].kind != REEL__A_VECTOR) continue;
        const value *x = input(r, gradient_of(r, p)->node, 0);
        const bool rows =
            reel__resident_axis(r, row_axis(r, x)) != r->batch; /* a vector's element has a row */
        add("            if (i >= %d && i < %d) gv[k] += %s<S%d, P%d>(", p->at, p->at + p->count,
            rows ? "row_sum" : "column_sum", r->batch, index_of(r, x));
        add_tile(w, x);
        add(", i - %d);\n", p->at);
    }
    add("        }\n");
}

static void add_totals(writer *w) {
    if (w->r->totals)
        LINE("if (threadIdx.x >= T - 32) the_totals::take(totals_now, sm + at_totals);");
}

/* What is added up, to other clusters. */
static void give_sums(writer *w) {
    const resident *r = w->r;
    if (has_vectors(r) && r->across >= 0 && r->across == r->batch)
        LINE("join_vectors::give(slots + slots_vectors, gv, cluster, step, here());");
    if (r->totals == 0 || r->clusters == 1) return;
    LINE("if (threadIdx.x >= T - 32)");
    LINE("    join_totals::give(slots + slots_totals, totals_now, cluster, step, threadIdx.x & "
         "31);");
}

static void add_step_of(writer *w, int param, const char *index, const char *gradient,
                        const char *indent) {
    const resident *r = w->r;
    const reel__resident_param *p = &r->param[param];
    add("%sfloat x[4] = {0, 0, 0, 0};\n", indent);
    for (int k = 0; k < p->moments; k++)
        add("%sx[%d] = vectors[%d * NV + %s];\n", indent, k, k + 1, index);
    add("%svectors[%s] = stepped<%u, optimizer::%s>(table[t %% AHEAD * NP + %d], vectors[%s], %s, "
        "x);\n",
        indent, index, call_of(r, r->update)->with.update.moments, optimizer_of(r), param, index,
        gradient);
    for (int k = 0; k < p->moments; k++)
        add("%svectors[%d * NV + %s] = x[%d];\n", indent, k + 1, index, k);
}

/* What is made of the totals: gradients of numbers, and what the host counts. */
static void add_number(writer *w, int node) {
    const resident *r = w->r;
    const reel__call *c = call_of(r, node);
    const int out = r->out[node];
    const value *v = &r->value[out];
    const reel__resident_role role = r->role[node];
    if (role == REEL__TOTAL) {
        const double count =
            c->op == REEL_OP_sum ? 1 : (double)reel__shape_numel(c->in[0]->layout.shape);
        add("            const float v%d = totals_now[%d] / %af;\n", out, total_of(r, node), count);
    } else if (role == REEL__COPY) {
        add("            const %s v%d = v%d;\n", type_of(v), out, index_of(r, input(r, node, 0)));
    } else if (c->op == REEL_OP_dequantize) {
        add("            const %s v%d = (%s)(%a * (double)v%d);\n", type_of(v), out, type_of(v),
            c->with.cast.scale, index_of(r, input(r, node, 0)));
    } else {
        add("            const %s v%d = formula<%s>::%s(", type_of(v), out, type_of(v),
            reel__ops[c->op].name);
        for (int k = 0; k < c->nin; k++) {
            const value *x = input(r, node, k);
            add("%s%s%d", k ? ", " : "", is_cell(r, x) ? "c" : "v", index_of(r, x));
        }
        add(");\n");
    }
    if (is_cell(r, v)) add("            c%d = v%d;\n", out, out);
}

static bool is_number_node(const resident *r, int i) {
    return r->out[i] >= 0 && r->value[r->out[i]].kind == REEL__A_NUMBER &&
           (r->role[i] == REEL__TOTAL || r->role[i] == REEL__COPY || r->role[i] == REEL__COUNTED);
}

static void end_totals(writer *w) {
    const resident *r = w->r;
    bool joined = false;
    if (r->totals == 0) return;
    LINE("if (threadIdx.x >= T - 32) {");
    for (int k = 0; k < r->totals; k++) joined = joined || r->total[k].joined;
    if (joined) {
        LINE("    float all[4] = {totals_now[0], totals_now[1], totals_now[2], totals_now[3]};");
        LINE("    join_totals::take(slots + slots_totals, all, step, threadIdx.x & 31);");
    }
    for (int k = 0; k < r->totals; k++)
        if (r->total[k].joined) LINE("    totals_now[%d] = all[%d];", k, k);
    for (int i = 0; i < r->group->count; i++)
        if (is_number_node(r, i)) add_number(w, i);
    for (int k = 0; k < r->params; k++) {
        const reel__resident_param *p = &r->param[k];
        char index[20], gradient[20];
        if (r->value[p->p].kind != REEL__A_NUMBER) continue;
        snprintf(index, sizeof index, "%d", p->at);
        snprintf(gradient, sizeof gradient, "v%d", p->gradient);
        LINE("    if (threadIdx.x == T - 1 - %d) {", k);
        add_step_of(w, k, index, gradient, "                ");
        LINE("    }");
    }
    LINE("}");
}

static void update_vectors(writer *w) {
    const resident *r = w->r;
    if (w->vectors_read > w->met) meet(w);
    if (!has_vectors(r)) return;
    if (r->across >= 0 && r->across == r->batch)
        LINE("join_vectors::take(slots + slots_vectors, gv, step, here());");
    add("#pragma unroll\n        for (int k = 0; k < VR; k++) {\n"
        "            const int i = here() + k * T;\n");
    for (int k = 0; k < r->params; k++) {
        const reel__resident_param *p = &r->param[k];
        if (r->value[p->p].kind != REEL__A_VECTOR) continue;
        add("            if (i >= %d && i < %d) {\n", p->at, p->at + p->count);
        add_step_of(w, k, "i", "gv[k]", "                ");
        add("            }\n");
    }
    add("        }\n");
}

/* ---- a step ---- */

static int next_unit(const writer *w, reel__resident_unit_kind kind) {
    const resident *r = w->r;
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].kind == kind && !w->done[k] && is_ready(w, &r->unit[k], 0)) return k;
    return -1;
}

/* All that is added up in a step. */
static void clear_sums(writer *w) {
    const resident *r = w->r;
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].kind == REEL__GRADIENT)
            add("        float g%d[U%d::ROUNDS][U%d::SIZE], h%d[U%d::ROUNDS * U%d::OUT];\n"
                "#pragma unroll\n"
                "        for (int i = 0; i < U%d::ROUNDS; i++) U%d::clear(g%d[i]);\n",
                k, k, k, k, k, k, k, k, k);
    if (has_vectors(r)) LINE("float gv[VR] = {};");
    if (r->totals) LINE("float totals_now[4] = {0, 0, 0, 0};");
}

static void add_units(writer *w) {
    const resident *r = w->r;
    for (int k;;) {
        if ((k = next_unit(w, REEL__EXCHANGED)) >= 0)
            add_exchange(w, k);
        else if ((k = next_unit(w, REEL__LOCAL)) >= 0)
            add_local(w, k);
        else
            break;
    }
    for (int k = 0; k < r->units; k++)
        if (r->unit[k].kind != REEL__GRADIENT && !w->done[k]) w->failed = true;
}

/* The last step's rows stay behind, if anybody reads them. */
static void keep_rows(writer *w) {
    const resident *r = w->r;
    const value *x = &r->value[r->out[r->gather]];
    if (x->kept_node < 0) return;
    LINE("if (t + 1 == (int)a.steps)");
    add("            for (int i = threadIdx.x; %si < S%d * rows_of(now); i += T)\n"
        "                (",
        r->across == r->batch ? "" : "cluster == 0 && ", r->cut);
    reel__resident_memory(w, x);
    add(")[(first_of(now) + i / S%d) * (int64_t)%" PRId64
        " + i %% S%d] = x_of(now)[i %% S%d * P%d + i / S%d];\n",
        r->cut, x->dim[1], r->cut, r->cut, index_of(r, x), r->cut);
}

static void end_turn(writer *w) {
    const resident *r = w->r;
    keep_rows(w);
    fetch(w);
    if (!w->put && (r->one_place || w->picks_read > w->met)) meet(w);
    put_batch(w, true);
    LINE("parity ^= 1;");
    meet(w);
}

/* What follows from gradients that are whole. */
static void add_updates(writer *w) {
    const resident *r = w->r;
    w->summed = true;
    give_sums(w);
    settle(w, false);
    update_vectors(w);
    end_totals(w);
    update_owned(w);
    settle(w, true);
    for (int i = 0; i < r->params; i++)
        if (r->param[i].unit >= 0 && !w->updated[i]) w->failed = true;
}

void reel__resident_step(writer *w) {
    const resident *r = w->r;
    const bool turns = r->turns > 1;
    w->summed = !turns;
    clear_sums(w);
    if (turns) add("#pragma unroll 1\n        for (int turn = 0; turn < TURNS; turn++) {\n");
    LINE("const int now = t%s;", turns ? " * TURNS + turn" : "");
    if (is_ragged(r)) LINE("const int rows = rows_of(now);");
    if (r->totals) LINE("float sums[4] = {0, 0, 0, 0};");
    add_units(w);
    add_vector_sums(w);
    add_totals(w);
    if (!turns) add_updates(w);
    settle(w, false);
    end_turn(w);
    if (!turns) return;
    LINE("}");
    add_updates(w);
    meet(w);
}
