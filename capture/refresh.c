/* What the host does anew before a replay. A section's function is run again, and its calls are
 * answered instead of run: what they are told, and which outer tensors they take, goes to the nodes
 * that stand for them. */
#include "capture/capture_internal.h"

#include <stddef.h>
#include <string.h>

static reel__program *program_of(reel__recorder *r) {
    return (reel__program *)((char *)r - offsetof(reel__program, refresh));
}

static bool fits(const reel__layout *now, const reel__layout *then) {
    return reel__same_layout(now, then, true);
}

/* ---- inputs ---- */

static void put_input(reel__program *p, int k, int i, reel_tensor *x) {
    reel__group_node *n = &p->node[k];
    reel__let_go(p->tensors[k][i]);
    p->tensors[k][i] = x;
    if (!n->call.list) n->call.in[i] = x;
}

/* Another tensor in its place, unless it is where the last one was. */
static bool take_input(reel__program *p, int k, int i, reel_tensor *x) {
    const reel_tensor *then = p->tensors[k][i];
    if (!fits(&x->layout, &then->layout)) return false;
    if (x->storage == then->storage && x->layout.offset == then->layout.offset) return true;
    reel_tensor *own = reel__hold(x, &x->layout, NULL);
    if (own) put_input(p, k, i, own);
    return own != NULL;
}

static bool same_call(const reel__group_node *n, const reel__call *c, const reel__layout *layout) {
    const reel__call *then = &n->call;
    if (c->op != then->op || c->nin != then->nin || c->nout != then->nout ||
        c->accumulate != then->accumulate)
        return false;
    if (c->out[0]) /* given */
        return c->out[0]->storage == then->out[0]->storage &&
               fits(&c->out[0]->layout, &then->out[0]->layout);
    for (int i = 0; i < c->nout; i++)
        if (layout[i].dtype != then->out[i]->layout.dtype ||
            !reel_shape_equal(layout[i].shape, then->out[i]->layout.shape))
            return false;
    return true;
}

/* In a section that will be undone, since its calls are others: what makes a tensor runs as it is,
 * what only changes some is not done. */
static reel__answer answer_other(const reel__call *c) {
    return c->out[0] || c->nout == 0 ? REEL__ANSWERED : REEL__RUNS;
}

static reel__answer answers(reel__recorder *r, reel__call *c, const reel__layout *layout) {
    reel__program *p = program_of(r);
    const int entry = p->next++;
    if (p->outcome != REEL__FITS) return answer_other(c);
    const int k = entry < p->trace->part[p->now].end ? p->node_of[entry] : -1;
    bool good = k >= 0 && same_call(&p->node[k], c, layout);
    for (int i = 0; good && i < c->nin; i++) good = take_input(p, k, i, reel__input(c, i));
    if (!good) {
        p->outcome = REEL__OTHER;
        return answer_other(c);
    }
    reel__call *node = &p->node[k].call;
    node->with = c->with;
    if (c->out[0]) return REEL__ANSWERED;
    for (int i = 0; i < c->nout; i++) c->out[i] = reel_retain(node->out[i]);
    return REEL__ANSWERED;
}

/* What runs as it is, beside a program that does not fit, is nobody's to write down. */
static reel_status took(reel__recorder *r, const reel__call *c) {
    (void)r;
    (void)c;
    return REEL_OK;
}

/* ---- what a section hands over ---- */

/* Every operand of the value moves to where the new tensor is. */
static bool rebind(reel__program *p, const reel__operand *then, reel_tensor *now) {
    if (!fits(&now->layout, &then->layout)) return false;
    const int64_t by = now->layout.offset - then->layout.offset;
    for (int k = 0; k < p->count; k++)
        for (int i = 0; i < p->node[k].call.nin; i++) {
            if (p->operand[k][i].value != then->value) continue;
            reel__layout l = p->operand[k][i].layout;
            if (l.dtype != now->layout.dtype) return false;
            l.offset += by;
            reel_tensor *x = reel__hold(now, &l, NULL);
            if (!x) return false;
            put_input(p, k, i, x);
        }
    return true;
}

static bool is_its_own(const reel__program *p, const reel__operand *then, const reel_tensor *now) {
    const reel__memory *m = &p->memory[then->value];
    return p->trace->value[then->value].inner && m->base && m->base->storage == now->storage;
}

static reel_status section_begin(reel__recorder *r, const reel__section *s) {
    reel__program *p = program_of(r);
    if (!p->depth++) p->trace->part[p->now].is.was = s->was;
    return REEL_OK;
}

static void section_end(reel__recorder *r, const reel__section *s, bool more) {
    reel__program *p = program_of(r);
    reel__host_part *part = &p->trace->part[p->now];
    if (--p->depth) {
        if (s->forget) s->forget(s->kept);
        return;
    }
    reel__part_forget(part);
    part->is.kept = s->kept;
    part->did = more || !reel_failed();
    if (p->outcome != REEL__FITS) return;
    bool good = p->next == part->end && more == part->more;
    for (int i = 0; good && i < REEL__SECTION_RESULTS; i++) {
        const reel__operand *then = &part->result[i];
        reel_tensor *now = s->result[i];
        if ((now != NULL) != (then->value >= 0))
            good = false;
        else if (now && !is_its_own(p, then, now))
            good = rebind(p, then, now);
    }
    if (!good) p->outcome = REEL__OTHER;
}

void reel__program_refresh(reel__program *p, int k) {
    reel__thread *self = reel__self();
    const reel__section *s = &p->trace->part[k].is;
    p->trace->part[k].did = false;
    if (p->trace->part[k].gone) return;
    if (s->over && s->over(s->of) == p->trace->part[k].more) {
        p->outcome = REEL__OTHER;
        return;
    }
    p->refresh = (reel__recorder){.took = took,
                                  .answers = answers,
                                  .section_begin = section_begin,
                                  .section_end = section_end};
    p->now = k;
    p->next = p->trace->part[k].first;
    p->depth = 0;
    REEL_SCOPE;
    const reel_site here = self->call;
    if (p->trace->part[k].at)
        self->call.site = p->trace->part[k].at; /* in messages the step's own line */
    self->recorder = &p->refresh;
    s->again(s->of, s->number);
    self->recorder = NULL;
    self->call = here;
}
