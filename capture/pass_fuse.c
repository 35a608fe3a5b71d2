/* Nodes as one kernel: each group grows as long as the backend can make one kernel of it, over
 * those behind it. What stands between, and has nothing to do with the group, may step aside:
 * before it, unless it needs what the group makes. */
#include "capture/capture_internal.h"

#include <stdlib.h>
#include <string.h>

const reel__fusing *reel__fusing_of(const reel__group_node *n) {
    const reel__call *c = &n->call;
    const reel_tensor *x = c->nout ? c->out[0] : c->nin ? reel__input(c, 0) : NULL;
    return x ? x->storage->backend->fusing : NULL;
}

/* A kernel of several nodes may leave out what nobody reads, and with it what it fails on. */
bool reel__is_mere_check(const reel__program *p, const reel__group_node *n) {
    if (!reel__may_fail(&n->call)) return false;
    for (int i = 0; i < n->call.nout; i++) {
        const reel__memory *m = &p->memory[n->out[i]];
        if (m->outer || m->first != m->last) return false;
    }
    return true;
}

/* ---- which nodes may change places ---- */

static bool writes(const reel__group_node *n, int value) {
    for (int i = 0; i < n->call.nout; i++)
        if (n->out[i] == value) return true;
    for (int i = 0; i < n->call.nin; i++)
        if (n->in[i] == value && reel__changes(&n->call, i)) return true;
    return false;
}

static bool touches(const reel__group_node *n, int value) {
    for (int i = 0; i < n->call.nin; i++)
        if (n->in[i] == value) return true;
    for (int i = 0; i < n->call.nout; i++)
        if (n->out[i] == value) return true;
    return false;
}

/* Whether they touch the same memory; `written`: which one of them writes. */
static bool meet(const reel__group_node *a, const reel__group_node *b, bool written) {
    for (int i = 0; i < a->call.nout; i++)
        if (touches(b, a->out[i])) return true;
    for (int i = 0; i < a->call.nin; i++)
        if (touches(b, a->in[i]) && (!written || reel__changes(&a->call, i) || writes(b, a->in[i])))
            return true;
    return false;
}

/* ---- a group ---- */

/* What becomes of the nodes from a place on. */
typedef enum { MEMBER, BEFORE, AFTER } role;

typedef struct {
    const reel__program *p;
    int *order, *was;        /* of each place, its node; room for as many */
    int *formed;             /* of each node, its group's number from 1 on, if that is known */
    role *role;              /* of each place from the group's first on */
    reel__group_node *group; /* its nodes */
    int members;
} line;

static const reel__group_node *node_at(const line *l, int place) {
    return &l->p->node[l->order[place]];
}

/* Whether the node at a place meets one of that role, of those from `first` to `end`. */
static bool meets_any(const line *l, int first, int end, int place, role of, bool written) {
    for (int i = first; i < end; i++)
        if (l->role[i - first] == of && meet(node_at(l, i), node_at(l, place), written))
            return true;
    return false;
}

static bool takes(const line *l, const reel__fusing *how, int place) {
    const reel__group_node *n = node_at(l, place);
    return reel__fusing_of(n) == how && how->takes(n) && !reel__is_mere_check(l->p, n);
}

enum { SMALL = 1 << 16 }; /* elements: no more than a launch is worth */

static bool is_small(const reel__group_node *n) {
    return reel_numel(n->call.out[0]) <= SMALL;
}

/* Over others, only what has to do with the group joins it, or is small. */
static bool joins(line *l, const reel__fusing *how, int first, int place, int aside) {
    if (!takes(l, how, place) || meets_any(l, first, place, place, AFTER, true) ||
        (aside > 0 && !is_small(node_at(l, place)) &&
         !meets_any(l, first, place, place, MEMBER, false)))
        return false;
    l->group[l->members] = *node_at(l, place);
    return how->joins(&(reel__group){l->group, l->members + 1});
}

/* How many nodes there are from a place on that go together. */
static int together(const line *l, int place) {
    const int group = l->formed[l->order[place]];
    int count = 1;
    while (group && place + count < l->p->count && l->formed[l->order[place + count]] == group)
        count++;
    return count;
}

/* `count` nodes from a place on step aside. */
static void step_aside(line *l, int first, int place, int count) {
    bool waits = false;
    for (int i = 0; i < count; i++)
        waits = waits || meets_any(l, first, place, place + i, MEMBER, true) ||
                meets_any(l, first, place, place + i, AFTER, true);
    for (int i = 0; i < count; i++) l->role[place + i - first] = waits ? AFTER : BEFORE;
}

/* The group that begins at a place, up to the end that is returned. */
static int grow(line *l, int first) {
    const reel__fusing *how = reel__fusing_of(node_at(l, first));
    int end = first + 1, aside = 0, count;
    l->role[0] = MEMBER;
    l->group[0] = *node_at(l, first);
    l->members = 1;
    if (!how || !takes(l, how, first)) return end;
    for (int i = end; i < l->p->count && aside <= how->reach; i += count) {
        count = together(l, i);
        if (!l->formed[l->order[i]] && joins(l, how, first, i, aside)) {
            l->role[i - first] = MEMBER;
            l->members++;
            end = i + 1;
            continue;
        }
        step_aside(l, first, i, count);
        aside++;
    }
    return end;
}

/* Those of a role go to `to` and behind it, in their order; returns where the next ones go. */
static int put(const line *l, int first, int end, role of, int *to) {
    int count = 0;
    for (int i = first; i < end; i++)
        if (l->role[i - first] == of) to[count++] = l->was[i - first];
    return count;
}

/* Returns the group's first place. */
static int rearrange(line *l, int first, int end) {
    memcpy(l->was, l->order + first, (size_t)(end - first) * sizeof *l->was);
    const int group = first + put(l, first, end, BEFORE, l->order + first),
              after = group + put(l, first, end, MEMBER, l->order + group);
    put(l, first, end, AFTER, l->order + after);
    return group;
}

/* ---- all of them ---- */

/* What stood aside before a group is looked at in its turn. */
static void form_items(line *l, int *item_of, int *items) {
    int groups = 0;
    for (int at = 0; at < l->p->count;) {
        int count = together(l, at);
        if (!l->formed[l->order[at]]) {
            const int end = grow(l, at), group = rearrange(l, at, end);
            groups++;
            for (int i = 0; i < l->members; i++) l->formed[l->order[group + i]] = groups;
            if (group > at) continue;
            count = l->members;
        }
        for (int i = 0; i < count; i++) item_of[at + i] = *items;
        ++*items;
        at += count;
    }
}

reel_status reel__pass_fuse(const reel__program *p, int *place, int *item_of, int *items) {
    const size_t room = (size_t)p->count + 1;
    line l = {.p = p,
              .order = calloc(room, sizeof *l.order),
              .was = calloc(room, sizeof *l.was),
              .formed = calloc(room, sizeof *l.formed),
              .role = calloc(room, sizeof *l.role),
              .group = calloc(room, sizeof *l.group)};
    const bool good = l.order && l.was && l.formed && l.role && l.group;
    *items = 0;
    for (int k = 0; good && k < p->count; k++) l.order[k] = k;
    if (good) form_items(&l, item_of, items);
    for (int k = 0; good && k < p->count; k++) place[l.order[k]] = k;
    free(l.order);
    free(l.was);
    free(l.formed);
    free(l.role);
    free(l.group);
    return good ? REEL_OK : reel__capture_no_memory(NULL);
}

void reel__mark_kept(reel__program *p, const int *item_of) {
    for (int k = 0; k < p->count; k++) {
        reel__group_node *n = &p->node[k];
        n->kept = 0;
        for (int i = 0; i < n->call.nout; i++) {
            const reel__memory *m = &p->memory[n->out[i]];
            if (m->outer || m->last > item_of[k] || m->first < item_of[k]) n->kept |= 1u << i;
        }
    }
}
