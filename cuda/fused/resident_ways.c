/* How products are spread over a block's threads: of ways that were measured on an H200, the one
 * that costs least. Costs are such that they put the ways of a dozen products in their order. */
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
 * bank. */
static int cycles_of_word(const product *p, int operand, way w) {
    word x[32];
    int cycles = 0;
    for (int first = 0; first < 32; first += 8) {
        int of_bank[8] = {0}, worst = 0, anew = 0;
        for (int lane = first; lane < first + 8; lane++) {
            x[lane] = word_of(p, operand, w, lane);
            if (is_read(x + first, lane - first, x[lane])) continue;
            worst = most(worst, ++of_bank[bank_of(p, operand, x[lane])]);
            anew += !is_read(x, first, x[lane]);
        }
        if (anew) cycles += worst;
    }
    return cycles;
}

/* ---- costs ---- */

/* Instructions for one of its numbers in the end, each of which is fetched once a step, and cycles
 * in which the numbers of a thread follow each other. */
static const struct {
    double instructions, cycles;
} after[] = {[REEL__SENT_OFF] = {40, 0},
             [REEL__PUT_DOWN] = {6, 8},
             [REEL__JOINED_FIRST] = {90, 0},
             [REEL__KEPT_HERE] = {20, 8},
             [REEL__SHARED_OUT] = {6, 8}};

/* About how many cycles: turns, whose multiplications and loads overlap, more or less; sums over
 * lanes; and code, which is fetched anew in each step. */
static double cost_of(const product *p, way w) {
    const int step = step_of(p), size = w.tm * w.tn, out = size / w.ks;
    const int lanes = parts(p->m, w.tm) * parts(p->n, w.tn) * w.ks;
    const int warps = parts(least(lanes, REEL__RESIDENT_THREADS), 32),
              of_scheduler = parts(warps, 4);
    const int fma = size * step, loads = (w.tm + w.tn) * step / 4;
    const int copies = REEL__RESIDENT_COPIES(fma);
    const double issued = of_scheduler * (fma + loads + 8);
    const double loaded =
        warps * (w.tm * cycles_of_word(p, 0, w) + w.tn * cycles_of_word(p, 1, w)) * (step / 4.0);
    double turn = issued > loaded ? issued + loaded / 10 : loaded + issued / 10;
    turn += 60.0 / (of_scheduler * copies);
    if (of_scheduler == 1) turn += 0.5 * fma; /* nothing else to do while a word is on its way */
    double sums = 3.5 * warps * (size - out);
    for (int i = 1; i < w.ks; i *= 2) sums += 100;
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
static const way local[] = {{2, 2, 1}, {2, 4, 1}, {2, 8, 2}, {3, 4, 1},  {4, 4, 1},
                            {4, 4, 2}, {4, 5, 2}, {5, 4, 2}, {6, 4, 2},  {5, 8, 4},
                            {6, 8, 4}, {8, 8, 4}, {9, 8, 8}, {10, 8, 8}, {4, 10, 8}};
static const way gradient[] = {{2, 4, 1},  {2, 4, 2},  {4, 4, 1},  {4, 4, 2},  {4, 4, 4},
                               {4, 8, 1},  {4, 8, 2},  {5, 4, 1},  {6, 4, 2},  {8, 4, 1},
                               {8, 8, 1},  {8, 8, 2},  {5, 12, 1}, {7, 12, 1}, {4, 12, 2},
                               {8, 12, 2}, {10, 12, 1}};
static const way sent[] = {{4, 4, 1},  {4, 4, 2},  {4, 4, 4},  {4, 4, 8},  {4, 4, 16}, {4, 8, 1},
                           {8, 4, 2},  {8, 4, 4},  {8, 4, 8},  {8, 4, 16}, {4, 8, 8},  {8, 8, 4},
                           {8, 8, 16}, {4, 12, 4}, {8, 12, 2}, {8, 12, 4}};
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
