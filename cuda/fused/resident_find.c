/* What a step's nodes are to a resident kernel: which axes are one, which are cut, and what is
 * computed where. */
#include "cuda/fused/cuda_resident_internal.h"

#include <string.h>

typedef reel__resident resident;
typedef reel__resident_value value;

static const reel__call *call_of(const resident *r, int node) {
    return &r->group->node[node].call;
}

/* ---- axes ---- */

int reel__resident_axis(const resident *r, int axis) {
    while (r->parent[axis] != axis) axis = r->parent[axis];
    return axis;
}

static bool unite(resident *r, int a, int b) {
    a = reel__resident_axis(r, a);
    b = reel__resident_axis(r, b);
    r->parent[b] = a;
    return r->size[a] == r->size[b];
}

static bool is_axis(const resident *r, int axis, int wanted) {
    return wanted >= 0 && reel__resident_axis(r, axis) == wanted;
}

/* ---- values ---- */

/* What a value of the plan's is by now: it may be written several times. -1: not seen yet. */
static int latest(const resident *r, int number) {
    for (int i = r->values - 1; i >= 0; i--)
        if (r->value[i].value == number) return i;
    return -1;
}

static bool is_packed(const reel__layout *l, bool *turned) {
    const int64_t *dim = l->shape.dim, *stride = l->stride;
    *turned = l->shape.ndim == 2 && stride[1] != 1;
    if (l->shape.ndim == 1) return stride[0] == 1;
    return l->shape.ndim == 2 && (*turned ? stride[0] == 1 && stride[1] == dim[0]
                                          : stride[0] == dim[1] && stride[1] == 1);
}

static reel__resident_kind kind_of(const reel__layout *l) {
    const bool f32 = l->dtype == REEL_F32;
    if (reel__shape_numel(l->shape) == 1 && (f32 || l->dtype == REEL_F64)) return REEL__A_NUMBER;
    if (f32 && l->shape.ndim == 1) return REEL__A_VECTOR;
    return f32 && l->shape.ndim == 2 ? REEL__A_TILE : REEL__NO_FLOATS;
}

/* The kind of an operand; *turned: it is seen the other way round than it lies. False: it can't be
 * dealt with. */
static bool look(const reel__layout *l, reel__resident_kind *kind, bool *turned) {
    *kind = kind_of(l);
    *turned = false;
    if (*kind == REEL__A_TILE && (l->shape.dim[0] < 2 || l->shape.dim[1] < 2)) return false;
    return (*kind != REEL__A_TILE && *kind != REEL__A_VECTOR) || is_packed(l, turned);
}

/* A value, seen for the first time or written once more. */
static int add_value(resident *r, int number, const reel__layout *l) {
    reel__resident_kind kind;
    bool turned;
    if (!look(l, &kind, &turned) || r->values >= REEL__RESIDENT_VALUES) return -1;
    const int i = r->values++;
    value *v = &r->value[i];
    *v = (value){.value = number,
                 .kind = kind,
                 .dtype = l->dtype,
                 .offset = l->offset,
                 .node = -1,
                 .unit = -1,
                 .param = -1,
                 .same = i,
                 .kept_node = -1};
    for (int d = 0; d < 2 && kind != REEL__NO_FLOATS && d < l->shape.ndim; d++) {
        v->dim[d] = l->shape.dim[turned ? 1 - d : d];
        v->axis[d] = r->axes;
        r->parent[r->axes] = r->axes;
        r->size[r->axes++] = v->dim[d];
    }
    return i;
}

/* The value that an operand is; -1: it is none that can be dealt with. */
static int see(resident *r, int number, const reel__layout *l) {
    reel__resident_kind kind;
    bool turned;
    const int i = latest(r, number);
    if (i < 0) return add_value(r, number, l);
    const value *v = &r->value[i];
    if (!look(l, &kind, &turned) || v->kind != kind || v->dtype != l->dtype) return -1;
    if (kind == REEL__NO_FLOATS) return i;
    if (v->offset != l->offset) return -1;
    for (int d = 0; kind != REEL__A_NUMBER && d < l->shape.ndim; d++)
        if (v->dim[d] != l->shape.dim[turned ? 1 - d : d]) return -1;
    return i;
}

/* An operand as its call sees it. */
typedef struct {
    int value;
    int axis[2];
} seen;

static bool see_input(resident *r, int node, int k, seen *s) {
    const reel__group_node *n = &r->group->node[node];
    const reel__layout *l = &reel__input(&n->call, k)->layout;
    reel__resident_kind kind;
    bool turned;
    if (r->in[node][k] < 0) r->in[node][k] = see(r, n->in[k], l);
    s->value = r->in[node][k];
    if (s->value < 0 || !look(l, &kind, &turned)) return false;
    for (int d = 0; d < 2; d++) s->axis[d] = r->value[s->value].axis[turned ? 1 - d : d];
    return true;
}

/* Results lie as they are seen. What is written again is another value from then on, unless `same`:
 * it was there before, and is added to. Inputs are seen first. */
static bool see_result(resident *r, int node, bool same, seen *s) {
    const reel__group_node *n = &r->group->node[node];
    const reel__layout *l = &n->call.out[0]->layout;
    reel__resident_kind kind;
    bool turned;
    if (n->call.nout != 1 || !look(l, &kind, &turned) || turned) return false;
    if (r->out[node] < 0) r->out[node] = same ? see(r, n->out[0], l) : add_value(r, n->out[0], l);
    s->value = r->out[node];
    if (s->value < 0) return false;
    value *v = &r->value[s->value];
    v->node = node;
    if (n->kept & 1) v->kept_node = node;
    memcpy(s->axis, v->axis, sizeof s->axis);
    return true;
}

/* ---- nodes ---- */

static bool find_gather(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    seen rows, index, x;
    if (r->gather >= 0 || c->with.index.axis != 0) return false;
    if (!see_input(r, i, 0, &rows) || !see_input(r, i, 1, &index) || !see_result(r, i, false, &x))
        return false;
    const reel__layout *from = &c->in[0]->layout, *order = &c->in[1]->layout;
    r->gather = i;
    r->role[i] = REEL__GATHER;
    return from->dtype == REEL_U8 && from->shape.ndim == 2 && from->stride[1] == 1 &&
           order->dtype == REEL_I64 && order->shape.ndim == 1 && order->stride[0] == 1 &&
           r->value[x.value].kind == REEL__A_TILE;
}

static bool find_product(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    seen x, y, z;
    r->role[i] = REEL__PRODUCT;
    if (!see_input(r, i, 0, &x) || !see_input(r, i, 1, &y) || !see_result(r, i, c->accumulate, &z))
        return false;
    const seen *const all[] = {&x, &y, &z};
    for (int k = 0; k < 3; k++)
        if (r->value[all[k]->value].kind != REEL__A_TILE) return false;
    return unite(r, x.axis[1], y.axis[0]) && unite(r, x.axis[0], z.axis[0]) &&
           unite(r, y.axis[1], z.axis[1]);
}

static bool find_element(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    seen x, z;
    r->role[i] = REEL__ELEMENT;
    if (reel__fused_constants(c->op) < 0 || reel__may_fail(c)) return false;
    for (int k = 0; k < c->nin; k++)
        if (!see_input(r, i, k, &x)) return false;
    if (!see_result(r, i, false, &z) || r->value[z.value].kind != REEL__A_TILE) return false;
    for (int k = 0; k < c->nin; k++) {
        see_input(r, i, k, &x);
        const reel__resident_kind kind = r->value[x.value].kind;
        if (kind == REEL__NO_FLOATS) return false;
        if (kind == REEL__A_VECTOR && !unite(r, x.axis[0], z.axis[1])) return false;
        if (kind == REEL__A_TILE &&
            !(unite(r, x.axis[0], z.axis[0]) && unite(r, x.axis[1], z.axis[1])))
            return false;
    }
    return true;
}

/* Of numbers: on the host's side of a step, as it were; done where totals are known. */
static bool find_counted(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    seen x, z;
    r->role[i] = REEL__COUNTED;
    if (c->op != REEL_OP_dequantize && reel__fused_constants(c->op) != 0) return false;
    for (int k = 0; k < c->nin; k++)
        if (!see_input(r, i, k, &x) || r->value[x.value].kind != REEL__A_NUMBER) return false;
    return see_result(r, i, true, &z) && r->value[z.value].kind == REEL__A_NUMBER;
}

static bool find_fill(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    seen z;
    const bool fed = r->group->node[i].fed;
    if (!see_result(r, i, false, &z) || r->value[z.value].kind != REEL__A_NUMBER) return false;
    r->role[i] = fed ? REEL__RATE : REEL__CONSTANT;
    if (!fed) return r->value[z.value].dtype == REEL_F32;
    if (r->rate >= 0) return false;
    r->rate = i;
    return c->out[0]->layout.dtype == REEL_F64;
}

static bool find_reduction(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    seen x, y, z;
    if (c->op != REEL_OP_sum && c->op != REEL_OP_mean && c->op != REEL_OP_mse) return false;
    if (!see_input(r, i, 0, &x) || !see_result(r, i, false, &z)) return false;
    if (r->value[x.value].kind != REEL__A_TILE || c->with.reduce.times != 0) return false;
    if (r->value[z.value].kind == REEL__A_NUMBER) {
        r->role[i] = REEL__TOTAL;
        if (r->totals >= REEL__RESIDENT_TOTALS) return false;
        r->total[r->totals++].node = i;
        if (c->op != REEL_OP_mse) return true;
        return see_input(r, i, 1, &y) && unite(r, x.axis[0], y.axis[0]) &&
               unite(r, x.axis[1], y.axis[1]);
    }
    r->role[i] = REEL__COLUMNS;
    return c->op == REEL_OP_sum && r->value[z.value].kind == REEL__A_VECTOR &&
           c->with.reduce.axes == 1 && unite(r, x.axis[1], z.axis[0]);
}

static bool find_copy(resident *r, int i) {
    seen x, z;
    r->role[i] = REEL__COPY;
    if (!see_input(r, i, 0, &x) || !see_result(r, i, false, &z)) return false;
    value *v = &r->value[z.value];
    v->same = r->value[x.value].same;
    if (v->kind != r->value[x.value].kind || v->dtype != r->value[x.value].dtype) return false;
    return v->kind == REEL__A_NUMBER ||
           (v->kind == REEL__A_VECTOR && unite(r, x.axis[0], z.axis[0]));
}

/* ---- the update ---- */

static bool find_param(resident *r, int i, const reel__update_call *u, int first) {
    const reel__group_node *n = &r->group->node[i];
    if (r->params >= REEL__RESIDENT_PARAMS) return false;
    reel__resident_param *p = &r->param[r->params];
    *p = (reel__resident_param){.first = first, .unit = -1};
    int at[5] = {0};
    for (int k = 0; k < u->width - 1; k++) {
        const reel__layout *l = &n->call.list[first + k]->layout;
        bool turned = false;
        at[k] = see(r, n->in[first + k], l);
        if (at[k] < 0 || r->value[at[k]].dtype != REEL_F32) return false;
        if (r->value[at[k]].kind != REEL__A_NUMBER && (!is_packed(l, &turned) || turned))
            return false;
        const value *v = &r->value[at[k]], *of = &r->value[at[0]];
        if (v->kind != of->kind || v->kind == REEL__NO_FLOATS) return false;
        for (int d = 0; v->kind != REEL__A_NUMBER && d < (v->kind == REEL__A_TILE ? 2 : 1); d++)
            if (!unite(r, of->axis[d], v->axis[d])) return false;
    }
    p->p = at[0];
    p->gradient = r->value[at[1]].same;
    p->moments = u->width - 3;
    for (int k = 0; k < p->moments; k++) p->moment[k] = at[2 + k];
    if (r->value[p->p].param >= 0 || r->value[p->p].node >= 0) return false;
    r->value[p->p].param = r->params++;
    return true;
}

static bool find_update(resident *r, int i) {
    const reel__group_node *n = &r->group->node[i];
    r->role[i] = REEL__UPDATED;
    if (r->update >= 0 || n->call.with.update.carries || !n->call.list) return false;
    r->update = i;
    const reel__update_call u = reel__update_of(&n->call);
    for (int k = 0; k < u.count; k++)
        if (!find_param(r, i, &u, k * u.width)) return false;
    return true;
}

static bool find_node(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    if (reel__ops[c->op].kind == REEL__UPDATE) return find_update(r, i);
    if (reel__ops[c->op].kind == REEL__REDUCE) return find_reduction(r, i);
    if (c->op == REEL_OP_dequantize_rows) return find_gather(r, i);
    if (c->op == REEL_OP_matmul) return find_product(r, i);
    if (c->op == REEL_OP_fill) return find_fill(r, i);
    if (!c->out[0]) return false;
    const bool number = reel_numel(c->out[0]) == 1;
    if (c->op == REEL_OP_copy) return find_copy(r, i);
    if (c->op == REEL_OP_dequantize || (number && c->op < (reel__op)REEL__MAPS))
        return number && find_counted(r, i);
    return c->op < (reel__op)REEL__MAPS && find_element(r, i);
}

/* ---- axes that are cut ---- */

int64_t reel__resident_rows_of_turn(const resident *r) {
    const int64_t parts = r->turns * (r->across == r->batch ? r->clusters : 1);
    return (r->size[r->batch] + parts - 1) / parts;
}

int64_t reel__resident_part(const resident *r, int axis) {
    const int64_t size = r->size[reel__resident_axis(r, axis)];
    if (is_axis(r, axis, r->cut)) return size / r->blocks;
    if (is_axis(r, axis, r->batch)) return (reel__resident_rows_of_turn(r) + 3) / 4 * 4;
    return is_axis(r, axis, r->across) ? size / r->clusters : size;
}

/* The cut axis before the batch's, and that before the others. */
static int rank_of(const resident *r, int axis) {
    return is_axis(r, axis, r->cut) ? 0 : is_axis(r, axis, r->batch) ? 1 : 2;
}

int reel__resident_rows(const resident *r, const value *v) {
    return rank_of(r, v->axis[1]) < rank_of(r, v->axis[0]) ? 1 : 0;
}

static bool has_axis(const resident *r, const value *v, int axis) {
    const int count = v->kind == REEL__A_TILE ? 2 : v->kind == REEL__A_VECTOR ? 1 : 0;
    for (int d = 0; d < count; d++)
        if (is_axis(r, v->axis[d], axis)) return true;
    return false;
}

/* ---- units ---- */

static int param_of_gradient(const resident *r, int v) {
    for (int k = 0; k < r->params; k++)
        if (r->param[k].gradient == v) return k;
    return -1;
}

static bool add_product(resident *r, int i) {
    seen x, y, z;
    const reel__call *c = call_of(r, i);
    see_input(r, i, 0, &x);
    see_input(r, i, 1, &y);
    see_result(r, i, true, &z);
    value *v = &r->value[z.value];
    if (c->accumulate) {
        reel__resident_unit *u = v->unit >= 0 ? &r->unit[v->unit] : NULL;
        if (!u || u->products != 1 || u->kind != REEL__GRADIENT || !is_axis(r, x.axis[1], u->k))
            return false;
        r->unit_of[i] = v->unit;
        u->node[u->products++] = i;
        return true;
    }
    if (r->units >= REEL__RESIDENT_UNITS) return false;
    const int rows = reel__resident_rows(r, v), k = reel__resident_axis(r, x.axis[1]);
    reel__resident_unit *u = &r->unit[r->units];
    *u = (reel__resident_unit){.node = {i}, .products = 1, .value = z.value, .result = -1, .k = k};
    u->m = reel__resident_axis(r, z.axis[rows]);
    u->n = reel__resident_axis(r, z.axis[1 - rows]);
    u->param = param_of_gradient(r, z.value);
    u->kind = k == r->cut ? REEL__EXCHANGED : u->param >= 0 ? REEL__GRADIENT : REEL__LOCAL;
    if (u->param >= 0) {
        if (k == r->cut) return false;
        r->param[u->param].unit = r->units;
    }
    r->unit_of[i] = v->unit = r->units++;
    return u->m != u->n && u->m != k && u->n != k;
}

/* A tile that a later unit reads. */
static bool store(resident *r, int at) {
    value *v = &r->value[at];
    if (v->param >= 0 || v->node == r->gather) return true;
    if (v->node < 0 || v->unit < 0) return false;
    reel__resident_unit *u = &r->unit[v->unit];
    if (u->kind == REEL__GRADIENT) return false;
    if (u->kind == REEL__EXCHANGED) {
        if (u->result >= 0 && u->result != at) return false;
        u->result = at;
    }
    v->stored = true;
    return true;
}

/* An elementwise op's, or a total's, unit: the last that made one of its inputs. */
static bool add_element(resident *r, int i) {
    const reel__call *c = call_of(r, i);
    int unit = -1;
    seen x, z;
    for (int k = 0; k < c->nin; k++) {
        see_input(r, i, k, &x);
        const value *v = &r->value[x.value];
        if (v->kind == REEL__A_TILE && v->unit > unit) unit = v->unit;
    }
    if (unit < 0 || r->unit[unit].kind == REEL__GRADIENT) return false;
    r->unit_of[i] = unit;
    for (int k = 0; k < c->nin; k++) {
        see_input(r, i, k, &x);
        const value *v = &r->value[x.value];
        if (v->kind == REEL__A_TILE && v->unit != unit && !store(r, x.value)) return false;
        if (v->kind == REEL__A_VECTOR && v->param < 0) return false;
        if (v->kind == REEL__A_NUMBER && v->param < 0 &&
            (v->node < 0 || r->role[v->node] != REEL__CONSTANT))
            return false;
    }
    if (r->role[i] != REEL__ELEMENT) return true;
    see_result(r, i, true, &z);
    r->value[z.value].unit = unit;
    return r->value[z.value].kept_node < 0;
}

static bool add_total(resident *r, int i) {
    if (!add_element(r, i)) return false;
    for (int k = 0; k < r->totals; k++)
        if (r->total[k].node == i) r->total[k].unit = r->unit_of[i];
    return true;
}

static bool add_columns(resident *r, int i) {
    seen x;
    see_input(r, i, 0, &x);
    return is_axis(r, x.axis[0], r->batch) && store(r, x.value);
}

static bool store_operands(resident *r, int i) {
    seen x;
    for (int k = 0; k < 2; k++)
        if (!see_input(r, i, k, &x) || !store(r, x.value)) return false;
    return true;
}

static bool make_units(resident *r) {
    for (int i = 0; i < r->group->count; i++) {
        const reel__resident_role role = r->role[i];
        bool good = true;
        if (role == REEL__PRODUCT) good = add_product(r, i) && store_operands(r, i);
        if (role == REEL__ELEMENT) good = add_element(r, i);
        if (role == REEL__TOTAL) good = add_total(r, i);
        if (role == REEL__COLUMNS) good = add_columns(r, i);
        if (!good) return false;
    }
    for (int u = 0; u < r->units; u++)
        if (r->unit[u].kind == REEL__EXCHANGED && r->unit[u].result < 0) return false;
    return r->units > 0;
}

/* Gradients of vectors and numbers come from sums that are known. */
static bool check_params(resident *r) {
    for (int k = 0; k < r->params; k++) {
        const reel__resident_param *p = &r->param[k];
        const value *v = &r->value[p->p], *g = &r->value[p->gradient];
        if (v->kind == REEL__A_TILE) {
            if (p->unit < 0 || v->axis[0] == v->axis[1]) return false;
            continue;
        }
        if (g->node < 0) return false;
        if (r->role[g->node] != (v->kind == REEL__A_VECTOR ? REEL__COLUMNS : REEL__TOTAL))
            return false;
    }
    return true;
}

/* A tile's axes are two, and each of them is cut once at most. */
static bool check_values(const resident *r) {
    for (int i = 0; i < r->values; i++) {
        const value *v = &r->value[i];
        if (v->kind == REEL__A_TILE &&
            reel__resident_axis(r, v->axis[0]) == reel__resident_axis(r, v->axis[1]))
            return false;
        if (v->kept_node >= 0 && v->kind != REEL__A_NUMBER && v->node != r->gather) return false;
    }
    return true;
}

/* The rate is the update's, and the host's numbers are made of totals. */
static bool check_numbers(const resident *r) {
    const reel__group_node *n = &r->group->node[r->update];
    if (r->rate >= 0 && r->group->node[r->rate].out[0] != n->in[n->call.nin - 2]) return false;
    for (int i = 0; i < r->group->count; i++) {
        if (r->role[i] != REEL__COUNTED) continue;
        for (int k = 0; k < call_of(r, i)->nin; k++) {
            const value *v = &r->value[r->in[i][k]];
            if (v->param >= 0 || v->node == r->rate) return false;
        }
    }
    return true;
}

bool reel__resident_find(resident *r, const reel__group *g) {
    memset(r, 0, sizeof *r);
    r->group = g;
    r->gather = r->update = r->rate = r->cut = r->batch = r->across = -1;
    r->clusters = r->turns = 1;
    r->blocks = 16;
    memset(r->in, -1, sizeof r->in);
    memset(r->out, -1, sizeof r->out);
    if (g->count > REEL__RESIDENT_NODES) return false;
    for (int i = 0; i < g->count; i++) {
        r->unit_of[i] = -1;
        if (!find_node(r, i)) return false;
    }
    if (r->gather < 0 || r->update < 0) return false;
    const value *x = &r->value[r->out[r->gather]];
    r->batch = reel__resident_axis(r, x->axis[0]);
    r->cut = reel__resident_axis(r, x->axis[1]);
    if (r->batch == r->cut) return false;
    return check_values(r) && make_units(r) && check_params(r) && check_numbers(r);
}

/* ---- over clusters ---- */

static void place_vectors(resident *r) {
    r->vectors = 0;
    for (int k = 0; k < r->params; k++) {
        reel__resident_param *p = &r->param[k];
        const value *v = &r->value[p->p];
        if (v->kind == REEL__A_TILE) continue;
        p->at = r->vectors;
        p->count = v->kind == REEL__A_NUMBER ? 1 : (int)reel__resident_part(r, v->axis[0]);
        r->vectors += p->count;
    }
}

bool reel__resident_cut(resident *r, int axis, int clusters) {
    r->across = clusters > 1 ? axis : -1;
    r->clusters = clusters;
    if (r->size[r->cut] % r->blocks != 0) return false;
    if (clusters > 1 && axis != r->batch && r->size[axis] % clusters != 0) return false;
    if (clusters > 1 && axis == r->cut) return false;
    for (int u = 0; u < r->units; u++) {
        r->unit[u].joined = r->across >= 0 && r->unit[u].k == r->across;
        if (r->unit[u].joined && r->unit[u].kind == REEL__EXCHANGED) return false;
        r->unit[u].owned = r->shares && r->unit[u].joined && r->unit[u].kind == REEL__GRADIENT;
    }
    for (int k = 0; k < r->totals; k++) {
        const int v = r->in[r->total[k].node][0];
        r->total[k].joined = r->across >= 0 && has_axis(r, &r->value[v], r->across);
    }
    place_vectors(r);
    return true;
}

int64_t reel__resident_told(const resident *r) {
    int64_t n = r->vectors + 512;
    for (int u = 0; u < r->units; u++)
        if (r->unit[u].joined)
            n += reel__resident_part(r, r->unit[u].m) * reel__resident_part(r, r->unit[u].n) / 2;
    return r->clusters > 1 ? n : 0;
}

int64_t reel__resident_moments(const resident *r) {
    int64_t n = 0;
    for (int u = 0; u < r->units; u++) {
        const reel__resident_unit *of = &r->unit[u];
        if (!of->owned) continue;
        const int64_t all = reel__resident_part(r, of->m) * reel__resident_part(r, of->n);
        n += r->param[of->param].moments *
             (REEL__RESIDENT_SPARE * all / r->clusters + 4 * REEL__RESIDENT_THREADS);
    }
    return n * r->clusters * r->blocks;
}

bool reel__resident_is_tile(const resident *r, const value *v) {
    return v->kind == REEL__A_TILE && (v->stored || v->node == r->gather || v->param >= 0);
}

static int64_t up_to(int64_t n, int64_t step) {
    return (n + step - 1) / step * step;
}

int64_t reel__resident_pitch(int64_t columns) {
    return 4 * (up_to(columns, 4) / 4 | 1);
}

/* Floats that arrive at a block in an exchange of unit u's. */
static int64_t parts_of(const resident *r, const reel__resident_unit *u) {
    const int64_t items = reel__resident_part(r, u->m) * up_to(reel__resident_part(r, u->n), 4) / 4;
    return 4 * up_to(items, r->blocks);
}

int64_t reel__resident_bytes(const resident *r) {
    const int moments = r->params ? r->param[0].moments : 0;
    int64_t floats = r->blocks * REEL__RESIDENT_THREADS / 8 + (1 + moments) * r->vectors, parts = 0;
    for (int i = 0; i < r->values; i++) {
        const value *v = &r->value[i];
        if (!reel__resident_is_tile(r, v)) continue;
        const int rows = reel__resident_rows(r, v);
        const int places = v->node == r->gather && !r->one_place ? 2 : 1;
        floats += places * reel__resident_part(r, v->axis[rows]) *
                  reel__resident_pitch(reel__resident_part(r, v->axis[1 - rows]));
    }
    for (int u = 0; u < r->units; u++) {
        const reel__resident_unit *of = &r->unit[u];
        if (of->kind == REEL__EXCHANGED && parts_of(r, of) > parts) parts = parts_of(r, of);
        if (of->kind == REEL__GRADIENT && !of->owned)
            floats += moments * reel__resident_part(r, of->m) * reel__resident_part(r, of->n);
    }
    return (floats + parts) * (int64_t)sizeof(float);
}
