/* How products are spread over a block's threads: of ways that were measured on an H200, the one
 * that costs least. Costs are such that they put the ways of eighteen products, of six steps, in
 * about the order in which these took time. */
#include "cuda/fused/cuda_resident_internal.h"

typedef reel__resident_product product;
typedef reel__resident_way way;

static int parts(int n, int size) {
    return (n + size - 1) / size;
}
static int least(int a, int b) {
    return a < b ? a : b;
}
static int most(int a, int b) {
    return a > b ? a : b;
}

/* Numbers of k that a turn takes. */
static int step_of(const product *p) {
    return p->along[0] || p->along[1] ? 4 : 1;
}

/* The tile, one operand's numbers of a turn, and some of the other's. */
static int registers_of(const product *p, way w) {
    return w.tm * w.tn + step_of(p) * least(w.tm, w.tn) + most(w.tm, w.tn) + 4;
}

/* ---- shared memory ---- */

/* Which of the operand's words of 16 bytes a lane reads: as its place in k, and its tile. */
typedef struct {
    int k, tile;
} word;

static word word_of(const product *p, int operand, way w, int lane) {
    const int tile = lane / w.ks, across = parts(p->n, w.tn);
    return (word){lane % w.ks, operand ? tile % across : tile / across};
}

/* Of 8 banks, each of 16 bytes. */
static int bank_of(const product *p, int operand, word x) {
    const int pitch = p->pitch[operand] / 4;
    if (p->along[operand]) return (x.k + x.tile * pitch) % 8;
    return (x.k * step_of(p) * pitch + x.tile) % 8;
}

static bool is_read(const word *x, int count, word wanted) {
    for (int i = 0; i < count; i++)
        if (x[i].k == wanted.k && x[i].tile == wanted.tile) return true;
    return false;
}

/* Cycles in which a warp's lanes get a word each: 8 lanes at once, unless two words are in one
 * bank. What other 8 lanes read too is read again. */
static int cycles_of_word(const product *p, int operand, way w) {
    int cycles = 0;
    for (int first = 0; first < 32; first += 8) {
        word x[8];
        int of_bank[8] = {0}, worst = 0;
        for (int i = 0; i < 8; i++) {
            x[i] = word_of(p, operand, w, first + i);
            if (is_read(x, i, x[i])) continue;
            worst = most(worst, ++of_bank[bank_of(p, operand, x[i])]);
        }
        cycles += worst;
    }
    return cycles;
}

/* ---- costs ---- */

/* Instructions for one of its numbers in the end, each of which is fetched once a step, and cycles
 * in which the numbers of a thread follow each other. */
static const struct {
    double instructions, cycles;
} after[] = {[REEL__SENT_OFF] = {10, 0},
             [REEL__PUT_DOWN] = {6, 8},
             [REEL__JOINED_FIRST] = {220, 0},
             [REEL__KEPT_HERE] = {20, 8},
             [REEL__SHARED_OUT] = {6, 8}};

/* Turns of a lane that are under way at once: as many as there are copies of the code, unless some
 * lanes have one less than others, and leave the loop before it. */
static int turns_at_once(const product *p, way w, int copies) {
    return parts(p->k, step_of(p)) % w.ks ? 1 : copies;
}

/* About how many cycles: turns, in which multiplications and loads overlap, as far as a scheduler
 * has other warps or turns to take meanwhile; sums over lanes; and code, which is fetched anew in
 * each step. */
static double cost_of(const product *p, way w) {
    const int step = step_of(p), size = w.tm * w.tn, out = size / w.ks;
    const int lanes = parts(p->m, w.tm) * parts(p->n, w.tn) * w.ks;
    const int warps = parts(least(lanes, REEL__RESIDENT_THREADS), 32),
              of_scheduler = parts(warps, 4);
    const int fma = size * step, loads = (w.tm + w.tn) * step / 4;
    const int copies = REEL__RESIDENT_COPIES(fma), at_once = turns_at_once(p, w, copies);
    const double issued = of_scheduler * (fma + loads + 8);
    const double loaded =
        warps * (w.tm * cycles_of_word(p, 0, w) + w.tn * cycles_of_word(p, 1, w)) * (step / 4.0);
    const double longer = issued > loaded ? issued : loaded, other = issued + loaded - longer;
    const double turn = longer + (0.7 * other + 75) / (of_scheduler * at_once);
    const double sums = 3.5 * warps * (size - out);
    const double code =
        copies * (fma + loads) + after[p->after].instructions * out + 4 * (size - out);
    return parts(lanes, REEL__RESIDENT_THREADS) * (parts(parts(p->k, step), w.ks) * turn + sums +
                                                   of_scheduler * out * after[p->after].cycles) +
           1.6 * code;
}

/* Neighbours in a row stay together, where that is how they lie. */
static bool is_way(const product *p, way w) {
    const int out = w.tm * w.tn / w.ks;
    if (w.tm * w.tn % w.ks || registers_of(p, w) > p->room) return false;
    if (!p->along[0] && w.tm % 4) return false;
    if (p->after == REEL__SHARED_OUT && out % 4) return false;
    return p->along[1] || (w.tn % 4 == 0 && (out % 4 == 0 || out < 4));
}

/* For products of two tiles that lie with k as columns, or one does; for those whose result stays
 * in registers; for those whose both lie with k as rows. */
static const way local[] = {{2, 2, 1}, {2, 4, 1}, {2, 5, 1},  {2, 8, 2}, {3, 4, 1}, {4, 4, 1},
                            {4, 4, 2}, {4, 5, 2}, {5, 4, 2},  {6, 4, 2}, {5, 8, 4}, {6, 8, 4},
                            {8, 8, 4}, {9, 8, 8}, {10, 8, 8}, {4, 10, 8}};
static const way gradient[] = {{2, 4, 1},  {2, 4, 2},  {4, 4, 1},  {4, 4, 2},  {4, 4, 4},
                               {4, 8, 1},  {4, 8, 2},  {5, 4, 1},  {6, 4, 2},  {8, 4, 1},
                               {8, 8, 1},  {8, 8, 2},  {5, 12, 1}, {7, 12, 1}, {4, 12, 2},
                               {8, 12, 2}, {10, 12, 1}};
static const way sent[] = {{4, 4, 1}, {4, 4, 2},  {4, 4, 4},  {4, 4, 8},  {4, 4, 16}, {8, 4, 1},
                           {4, 8, 1}, {8, 4, 2},  {8, 4, 4},  {8, 4, 8},  {8, 4, 16}, {4, 8, 8},
                           {8, 8, 4}, {8, 8, 16}, {4, 12, 4}, {8, 12, 2}, {8, 12, 4}};
#define COUNT(list) (int)(sizeof list / sizeof *list)

way reel__resident_way_of(const product *p) {
    const bool kept = p->after == REEL__KEPT_HERE || p->after == REEL__SHARED_OUT;
    const way *list = kept ? gradient : step_of(p) == 4 ? local : sent;
    const int count = kept ? COUNT(gradient) : step_of(p) == 4 ? COUNT(local) : COUNT(sent);
    way best = {4, 4, 1};
    double least_cost = -1;
    for (int i = 0; i < count; i++) {
        if (list[i].ks > parts(p->k, step_of(p)) || !is_way(p, list[i])) continue;
        const double cost = cost_of(p, list[i]);
        if (least_cost >= 0 && cost >= least_cost) continue;
        least_cost = cost;
        best = list[i];
    }
    return best;
}
