/* A step's calls, written down in a rehearsal, which is undone. */
#include "capture/capture_internal.h"
#include "tensor/core/alive_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- calls ---- */

static reel_status took(reel__recorder *r, const reel__call *c) {
    reel__trace *t = (reel__trace *)r;
    const reel__thread *self = reel__self();
    if (t->status != REEL_OK) return t->status;
    if (!reel__grow((void **)&t->entry, t->count, &t->entry_room, sizeof *t->entry))
        return t->status = reel_error_status();
    reel__operand *operand = malloc((size_t)(c->nin + c->nout + 1) * sizeof *operand);
    if (!operand) return t->status = reel__capture_no_memory(c->at);
    t->entry[t->count++] = (reel__entry){.call = *c,
                                         .operand = operand,
                                         .section = t->open ? t->parts - 1 : -1,
                                         .function = self->composite ? self->composite->name : NULL,
                                         .context = self->context};
    reel__entry *e = &t->entry[t->count - 1];
    for (int i = 0; i < c->nin; i++) operand[i] = reel__trace_operand(t, reel__input(c, i));
    for (int i = 0; i < c->nout; i++) operand[c->nin + i] = reel__trace_operand(t, c->out[i]);
    for (int i = 0; i < c->nin + c->nout; i++)
        if (operand[i].value < 0) return t->status = reel_error_status();
    /* a replay, whose own line is another, names the step's */
    if (!c->at) e->call.at = self->context ? self->context_at : self->call.site;
    reel__tidy_told(&e->call);
    e->call.list = NULL;
    memset(e->call.in, 0, sizeof e->call.in);
    memset(e->call.out, 0, sizeof e->call.out);
    return REEL_OK;
}

/* ---- sections ---- */

static reel_status begin(reel__trace *t, const reel__section *s) {
    const int life = s->life ? reel__trace_operand(t, s->life).value : -1;
    if (s->life && life < 0) return reel_error_status();
    if (!reel__grow((void **)&t->part, t->parts, &t->part_room, sizeof *t->part))
        return reel_error_status();
    t->part[t->parts++] =
        (reel__host_part){.is = *s,
                          .first = t->count,
                          .end = t->count,
                          .life = life,
                          .memory = s->life && s->of == s->life ? s->life->storage : NULL,
                          .alive = s->kind ? reel__alive_number(s->of, s->kind) : 0,
                          .at = reel__self()->call.site};
    t->part[t->parts - 1].is.kept = NULL; /* until its end */
    return REEL_OK;
}

static reel_status section_begin(reel__recorder *r, const reel__section *s) {
    reel__trace *t = (reel__trace *)r;
    if (t->status == REEL_OK && !t->open) t->status = begin(t, s);
    if (t->status == REEL_OK) t->open++;
    return t->status;
}

static void section_end(reel__recorder *r, const reel__section *s, bool more) {
    reel__trace *t = (reel__trace *)r;
    reel__host_part *p = &t->part[t->parts - 1];
    if (--t->open) {
        if (s->forget) s->forget(s->kept);
        return;
    }
    p->is.kept = s->kept;
    p->did = more || !reel_failed();
    if (t->status != REEL_OK) return;
    p->end = t->count;
    p->more = more;
    for (int i = 0; i < REEL__SECTION_RESULTS; i++) {
        p->result[i].value = -1;
        if (!s->result[i]) continue;
        p->result[i] = reel__trace_operand(t, s->result[i]);
        if (p->result[i].value < 0) t->status = reel_error_status();
    }
}

/* ---- what a rehearsal changes, and is undone ---- */

static bool is_saved(const reel__trace *t, const reel__storage *s) {
    for (int i = 0; i < t->saves; i++)
        if (t->saved[i].base->storage == s) return true;
    return false;
}

/* Before a call changes the elements of x. What was made in the step has none before its first
 * call; where it outlives the step, as a meter's sum does that was made late, they are those. */
static reel_status save(reel__trace *t, reel_tensor *x) {
    const bool inner = x->storage->recording == t->number;
    if ((inner && reel__value_of(t, x->storage) < 0) || is_saved(t, x->storage)) return REEL_OK;
    if (!reel__grow((void **)&t->saved, t->saves, &t->saved_room, sizeof *t->saved))
        return reel_error_status();
    reel_tensor *base = reel__whole(x);
    reel_tensor *copy =
        base ? reel__tensor_new(NULL, "capture", &base->layout, x->storage->device) : NULL;
    if (copy && reel__copy_elements(copy, base) == REEL_OK) {
        t->saved[t->saves++] = (reel__backup){base, copy};
        return REEL_OK;
    }
    reel__let_go(base);
    reel_release(copy);
    return reel_error_status();
}

/* Before each call. What an optimizer would do need not be done, nor undone: it is as large as the
 * model, and decides nothing that follows. */
static reel__answer save_first(reel__recorder *r, reel__call *c, const reel__layout *layout) {
    (void)layout;
    reel__trace *t = (reel__trace *)r;
    if (reel__ops[c->op].kind == REEL__UPDATE)
        return took(r, c) == REEL_OK ? REEL__ANSWERED : REEL__REFUSED;
    REEL__UNRECORDED;
    for (int i = 0; t->status == REEL_OK && i < c->nin; i++)
        if (reel__changes(c, i)) t->status = save(t, reel__input(c, i));
    if (c->out[0] && t->status == REEL_OK) t->status = save(t, c->out[0]);
    return t->status == REEL_OK ? REEL__RUNS : REEL__REFUSED;
}

static void let_saved_go(reel__trace *t) {
    for (int i = 0; i < t->saves; i++) {
        reel__let_go(t->saved[i].base);
        reel_release(t->saved[i].copy);
    }
    free(t->saved);
    t->saved = NULL;
    t->saves = t->saved_room = 0;
}

static void forget_parts(reel__trace *t) {
    for (int k = 0; k < t->parts; k++) reel__part_forget(&t->part[k]);
}

static reel_status undo_all(reel__trace *t) {
    for (int k = t->parts - 1; k >= 0; k--) reel__part_back(&t->part[k]);
    reel__gradients_undo(t);
    for (int i = 0; i < t->saves; i++)
        if (t->saved[i].base->storage->data) /* else the step let it go */
            REEL_TRY(reel__copy_elements(t->saved[i].base, t->saved[i].copy));
    return reel_error_status();
}

/* A failure of the step's stays the one that is kept. */
static void undo(reel__trace *t) {
    reel__failure failure;
    reel__failure_put_aside(&failure);
    undo_all(t);
    reel__failure_put_back(&failure);
}

/* ---- a step ---- */

static void note_what_outlives(reel__trace *t) {
    for (int i = 0; i < t->values; i++) {
        reel__value *v = &t->value[i];
        v->outlives = v->inner && reel__is_held(v->base);
        if (v->outlives) v->base->storage->weak = false;
    }
    for (int k = 0; k < t->parts; k++) {
        reel__host_part *p = &t->part[k];
        const bool lives = p->life < 0 || !t->value[p->life].inner || t->value[p->life].outlives;
        p->gone = !lives || !reel__part_lives(p);
    }
}

static void note_what_is_fed(reel__trace *t) {
    for (int k = 0; k < t->parts; k++) {
        const reel__host_part *p = &t->part[k];
        for (int i = 0; i < REEL__SECTION_RESULTS; i++)
            if (p->result[i].value >= 0) t->value[p->result[i].value].fed = true;
        for (int e = p->first; e < p->end; e++)
            for (int i = 0; i < t->entry[e].call.nin; i++)
                t->value[t->entry[e].operand[i].value].fed = true;
    }
}

/* What the step uses of outside, and puts another in the place of, so that each step has another.
 */
static reel_status check_nothing_replaced(const reel__trace *t) {
    for (int k = 0; k < t->count; k++)
        for (int i = 0; i < t->entry[k].call.nin; i++) {
            const reel__value *v = &t->value[t->entry[k].operand[i].value];
            if (!v->inner && !v->fed && !v->gradient && !reel__is_held(v->base))
                return reel_fail(REEL_ERR_STATE, t->entry[k].call.at,
                                 "%s: an input comes from before the captured step, which lets it "
                                 "go: replays need one that stays, so copy into it (reel_copy_)",
                                 reel__ops[t->entry[k].call.op].name);
        }
    return REEL_OK;
}

static bool run_recorded(reel__trace *t, reel_step step, void *user) {
    reel__thread *self = reel__self();
    REEL_SCOPE;
    self->recorder = &t->recorder;
    self->recording = t->number;
    const bool did = step(user);
    self->recorder = NULL;
    self->recording = 0;
    return did;
}

uint64_t reel__switches(void) {
    const reel__thread *self = reel__self();
    return self->switches ^ (uint64_t)self->no_grad;
}

static reel__trace *trace_new(void) {
    static atomic_uint_fast64_t numbers;
    reel__trace *t = calloc(1, sizeof *t);
    if (!t) {
        reel__capture_no_memory(NULL);
        return NULL;
    }
    t->recorder = (reel__recorder){.took = took,
                                   .answers = save_first,
                                   .gradient = reel__gradient_noted,
                                   .section_begin = section_begin,
                                   .section_end = section_end};
    t->number = atomic_fetch_add(&numbers, 1) + 1;
    t->switches = reel__switches();
    return t;
}

reel__trace *reel__trace_rehearse(reel_step step, void *user, bool *did) {
    *did = false;
    reel__trace *t = trace_new();
    if (!t) return NULL;
    *did = run_recorded(t, step, user);
    if (!reel_failed()) reel__gradients_after(t);
    note_what_outlives(t);
    if (!reel_failed()) note_what_is_fed(t);
    if (*did || reel_failed()) undo(t);
    if (*did && !reel_failed()) check_nothing_replaced(t);
    let_saved_go(t);
    forget_parts(t);
    if (!reel_failed()) return t;
    reel__trace_free(t);
    return NULL;
}

void reel__trace_free(reel__trace *t) {
    if (!t) return;
    let_saved_go(t);
    forget_parts(t);
    reel__gradients_free(t);
    for (int i = 0; i < t->count; i++) free(t->entry[i].operand);
    for (int i = 0; i < t->values; i++) reel__let_go(t->value[i].base);
    free(t->entry);
    free(t->value);
    free(t->part);
    free(t);
}

void reel__trace_let_go(reel__trace *t) {
    for (int i = 0; i < t->values; i++) {
        reel__value *v = &t->value[i];
        if (!v->inner || v->outlives) continue;
        reel__let_go(v->base);
        v->base = NULL;
    }
}

/* ---- two steps ---- */

static bool same_storage(const reel__value *a, const reel__value *b) {
    return a->base->storage == b->base->storage;
}

static bool same_entry(const reel__entry *a, const reel__entry *b, char *why, size_t size) {
    const char *what = NULL;
    if (a->call.op != b->call.op || a->call.nin != b->call.nin || a->call.nout != b->call.nout ||
        a->section != b->section || a->call.accumulate != b->call.accumulate)
        what = "another call";
    else if (a->section < 0 && memcmp(&a->call.with, &b->call.with, sizeof a->call.with) != 0)
        what = "told something else";
    for (int i = 0; !what && i < a->call.nin + a->call.nout; i++) {
        if (a->operand[i].value != b->operand[i].value)
            what = "of other tensors";
        else if (!reel__same_layout(&a->operand[i].layout, &b->operand[i].layout, a->section >= 0))
            what = "of other shapes";
    }
    if (!what) return true;
    char site[200];
    reel__site_text(site, sizeof site, b->call.at ? b->call.at : "a step of the library's");
    snprintf(why, size, "%s, %s (%s)", reel__ops[b->call.op].name, what, site);
    return false;
}

static bool same_parts(const reel__trace *a, const reel__trace *b) {
    if (a->parts != b->parts) return false;
    for (int k = 0; k < a->parts; k++) {
        const reel__host_part *p = &a->part[k], *q = &b->part[k];
        if (p->is.again != q->is.again || p->is.number != q->is.number ||
            ((p->is.of != q->is.of || p->alive != q->alive) && !p->gone) || p->first != q->first ||
            p->end != q->end || p->more != q->more || p->gone != q->gone)
            return false;
        for (int i = 0; i < REEL__SECTION_RESULTS; i++)
            if (p->result[i].value != q->result[i].value ||
                (p->result[i].value >= 0 &&
                 !reel__same_layout(&p->result[i].layout, &q->result[i].layout, true)))
                return false;
    }
    return true;
}

static bool same_values(const reel__trace *a, const reel__trace *b, char *why, size_t size) {
    if (a->values != b->values) return false;
    bool good = true;
    for (int i = 0; good && i < a->values; i++) {
        const reel__value *x = &a->value[i], *y = &b->value[i];
        good = x->inner == y->inner && x->bytes == y->bytes &&
               reel_device_equal(x->device, y->device) &&
               (x->inner || x->fed || same_storage(x, y) || !reel__is_held(x->base));
    }
    if (!good) snprintf(why, size, "tensors that come from outside it are others");
    return good;
}

bool reel__trace_agrees(const reel__trace *a, const reel__trace *b, char *why, size_t size) {
    snprintf(why, size, "%d calls, then %d", a->count, b->count);
    for (int i = 0; i < a->count && i < b->count; i++)
        if (!same_entry(&a->entry[i], &b->entry[i], why, size)) return false;
    if (a->count != b->count || !same_parts(a, b)) return false;
    if (!reel__gradients_agree(a, b)) {
        snprintf(why, size, "gradients come and go otherwise");
        return false;
    }
    return same_values(a, b, why, size);
}

bool reel__trace_same_outer(const reel__trace *a, const reel__trace *b) {
    for (int i = 0; i < a->values; i++) {
        const reel__value *x = &a->value[i], *y = &b->value[i];
        if (!x->inner && !x->fed && !same_storage(x, y)) return false;
    }
    return true;
}
