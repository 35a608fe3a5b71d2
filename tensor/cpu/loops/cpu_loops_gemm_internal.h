/* The product of matrices, z[m,n] (+)= x[m,k] y[k,n]: included by cpu_loops.c once per type.
 *
 * A tile of z, up to GEMM_ROWS rows of up to GEMM_VECTORS vectors, stays in registers while k goes
 * by: of each row of x an element is broadcast, of y a few vectors are loaded, and all are
 * multiplied. x may lie any way; where its steps lie far apart, a block of it is copied first. Of y
 * the columns must be contiguous; where they are not, or where many rows make it worth while, a
 * panel of it is copied first. Every element of z is summed in the order of k, in one chain: its
 * bits depend neither on the tile it is in nor on how z was cut among threads.
 *
 * Source of the tiles: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
 * (2008); that small products need no copies: Heinecke et al., "LIBXSMM" (2016). */

/* What a tile needs to know; strides in elements. */
typedef struct {
    const REAL *x, *y;
    REAL *z;
    int64_t k, x_row, x_step, y_step, z_row;
    bool accumulate; /* z += */
    R(mask) last;    /* of the last vector */
} R(tile);

INLINE R(wide) R(load)(const REAL *x, bool part, R(mask) mask) {
    if (part) return R(load_part)(x, mask);
    return *(const R(wide_at) *)x;
}

/* `part`: the last vector is not whole. The loops over rows and vectors are unrolled, so that s is
 * registers. */
INLINE void R(multiply_tile)(const R(tile) * t, int rows, int vectors, bool part) {
    R(wide) s[GEMM_ROWS][GEMM_VECTORS];
    const REAL *x = t->x, *y = t->y;
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++)
            if (t->accumulate)
                s[i][j] =
                    R(load)(t->z + i * t->z_row + j * WIDTH, part && j == vectors - 1, t->last);
            else
                s[i][j] = (R(wide)){0};
    for (int64_t p = 0; p < t->k; p++, x += t->x_step, y += t->y_step) {
        R(wide) b[GEMM_VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++)
            b[j] = R(load)(y + j * WIDTH, part && j == vectors - 1, t->last);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            const R(wide) a = x[i * t->x_row] - (R(wide)){0}; /* in all lanes */
#pragma GCC unroll 4
            for (int j = 0; j < vectors; j++) s[i][j] += a * b[j];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) {
            REAL *z = t->z + i * t->z_row + j * WIDTH;
            if (part && j == vectors - 1)
                R(store_part)(z, t->last, s[i][j]);
            else
                *(R(wide_at) *)z = s[i][j];
        }
}

/* A tile of any size, by code that has the size built in. */
INLINE void R(multiply_rows)(const R(tile) * t, int rows, int vectors, bool part) {
    switch (rows) {
    case 1:
        R(multiply_tile)(t, 1, vectors, part);
        break;
    case 2:
        R(multiply_tile)(t, 2, vectors, part);
        break;
    case 3:
        R(multiply_tile)(t, 3, vectors, part);
        break;
#if GEMM_ROWS > 4
    case 5:
        R(multiply_tile)(t, 5, vectors, part);
        break;
    case 6:
        R(multiply_tile)(t, 6, vectors, part);
        break;
    case 7:
        R(multiply_tile)(t, 7, vectors, part);
        break;
    case 8:
        R(multiply_tile)(t, 8, vectors, part);
        break;
#endif
    default:
        R(multiply_tile)(t, 4, vectors, part);
        break;
    }
}

static void R(multiply_1)(const R(tile) * t, int rows) {
    R(multiply_rows)(t, rows, 1, false);
}
static void R(multiply_2)(const R(tile) * t, int rows) {
    R(multiply_rows)(t, rows, 2, false);
}
static void R(multiply_3)(const R(tile) * t, int rows) {
    R(multiply_rows)(t, rows, 3, false);
}
static void R(multiply_part_1)(const R(tile) * t, int rows) {
    R(multiply_rows)(t, rows, 1, true);
}
static void R(multiply_part_2)(const R(tile) * t, int rows) {
    R(multiply_rows)(t, rows, 2, true);
}
static void R(multiply_part_3)(const R(tile) * t, int rows) {
    R(multiply_rows)(t, rows, 3, true);
}

/* ---- panels of y ---- */

#if defined(__GNUC__) && !defined(__clang__)
/* Two vectors of blocks: x gets the lower block of each pair of blocks, y the upper ones. Written
 * out so that the lanes are constants to the compiler. */
#define LOWER(l) ((l)&half ? WIDTH + (l)-half : (l))
#define UPPER(l) ((l)&half ? WIDTH + (l) : (l) + half)
INLINE void R(exchange)(R(wide) * x, R(wide) * y, int half) {
    const R(wide) a = *x, b = *y;
    *x = __builtin_shuffle(a, b, (R(lanes)){EACH_LANE(LOWER)});
    *y = __builtin_shuffle(a, b, (R(lanes)){EACH_LANE(UPPER)});
}

/* to[i][j] = from[j][i], a square of WIDTH, of which the first `rows` and `steps` of `from` are in
 * memory: blocks of half the size change places, then of a quarter. */
INLINE void R(turn_block)(REAL *to, int64_t to_row, const REAL *from, int64_t from_row, int rows,
                          int steps) {
    const R(mask) mask = R(mask_of)(steps);
    R(wide) v[WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i++)
        if (i < rows)
            v[i] = R(load)(from + i * from_row, steps < WIDTH, mask);
        else
            v[i] = (R(wide)){0};
#pragma GCC unroll 4
    for (int half = WIDTH / 2; half > 0; half /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < WIDTH; i++)
            if (!(i & half)) R(exchange)(&v[i], &v[i + half], half);
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i++) *(R(wide_at) *)(to + i * to_row) = v[i];
}
#else
INLINE void R(turn_block)(REAL *to, int64_t to_row, const REAL *from, int64_t from_row, int rows,
                          int steps) {
    for (int j = 0; j < rows; j++)
        for (int i = 0; i < steps; i++) to[i * to_row + j] = from[j * from_row + i];
}
#endif

/* panel[k][width] from columns that lie along k; in whole blocks, for which there is room. */
static void R(turn_panel)(REAL *panel, int width, const REAL *y, int64_t y_column, int64_t k,
                          int columns) {
    for (int64_t p = 0; p < k; p += WIDTH)
        for (int j = 0; j < columns; j += WIDTH) {
            const int rows = columns - j < WIDTH ? columns - j : WIDTH;
            const int steps = k - p < WIDTH ? (int)(k - p) : WIDTH;
            REAL *to = panel + p * width + j;
            const REAL *from = y + j * y_column + p;
            if (rows == WIDTH && steps == WIDTH)
                R(turn_block)(to, width, from, y_column, WIDTH, WIDTH);
            else
                R(turn_block)(to, width, from, y_column, rows, steps);
        }
}

static void R(copy_panel)(REAL *panel, int width, const REAL *y, int64_t y_step, int64_t k,
                          int columns) {
    for (int64_t p = 0; p < k; p++)
        memcpy(panel + p * width, y + p * y_step, (size_t)columns * sizeof *y);
}

/* ---- x, where its rows lie far apart along k ---- */

/* Rows of x as tiles read them: to[rows / GEMM_ROWS][k][GEMM_ROWS]. */
static void R(turn_rows)(REAL *to, const REAL *x, int64_t x_step, int64_t k, int64_t rows) {
    for (int64_t p = 0; p < k; p++)
        for (int64_t i = 0; i < rows; i += GEMM_ROWS) {
            const int64_t n = rows - i < GEMM_ROWS ? rows - i : GEMM_ROWS;
            REAL *at = to + i * k + p * GEMM_ROWS;
            if (n == GEMM_ROWS)
                memcpy(at, x + p * x_step + i, GEMM_ROWS * sizeof *at);
            else
                memcpy(at, x + p * x_step + i, (size_t)n * sizeof *at);
        }
}

/* ---- all of it ---- */

/* Of k that a panel has room for: a multiple of WIDTH. */
enum { R(DEPTH) = REEL__GEMM_PANEL / (GEMM_VECTORS * WIDE_BYTES) };
/* Rows of x that have the same room; and columns of y, in place, that stay near from block to block
 * of these. */
enum {
    R(BLOCK) = REEL__GEMM_PANEL / (R(DEPTH) * sizeof(REAL)) / GEMM_ROWS * GEMM_ROWS,
    R(COLUMNS) = 12 * GEMM_VECTORS * WIDTH
};
#define MANY 96 /* rows that pay for a panel, or columns for a block of x */
#define FAR 512 /* elements between steps of x that put each into a page of its own, or nearly */

/* Columns j.. of z by a tile's width; the number of them. */
INLINE int R(columns_at)(const reel__gemm *g, int64_t j, int64_t first, int64_t depth, R(tile) * t,
                         int *vectors) {
    const int64_t left = g->n - j;
    *vectors = left > 2 * WIDTH ? 3 : left > WIDTH ? 2 : 1;
    const int columns = left < *vectors * WIDTH ? (int)left : *vectors * WIDTH;
    *t = (R(tile)){.y = (const REAL *)g->y + first * g->y_step + j * g->y_column,
                   .k = depth,
                   .x_row = g->x_row,
                   .x_step = g->x_step,
                   .y_step = g->y_step,
                   .z_row = g->z_row,
                   .accumulate = g->accumulate || first > 0,
                   .last = R(mask_of)(columns - (*vectors - 1) * WIDTH)};
    return columns;
}

typedef void (*R(multiply))(const R(tile) *, int);
static R(multiply) R(multiply_of)(int vectors, int columns) {
    static const R(multiply) whole[] = {R(multiply_1), R(multiply_2), R(multiply_3)},
                             part[] = {R(multiply_part_1), R(multiply_part_2), R(multiply_part_3)};
    return columns == vectors * WIDTH ? whole[vectors - 1] : part[vectors - 1];
}

/* z[rows] of columns begin..end, of a block of x that was turned. */
static void R(multiply_block)(const reel__gemm *g, const REAL *block, int64_t first, int64_t depth,
                              int64_t row, int64_t rows, int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end;) {
        R(tile) t;
        int vectors;
        const int columns = R(columns_at)(g, j, first, depth, &t, &vectors);
        t.x_row = 1, t.x_step = GEMM_ROWS;
        R(multiply) const multiply = R(multiply_of)(vectors, columns);
        for (int64_t i = 0; i < rows; i += GEMM_ROWS) {
            t.x = block + i * depth;
            t.z = (REAL *)g->z + (row + i) * g->z_row + j;
            multiply(&t, rows - i < GEMM_ROWS ? (int)(rows - i) : GEMM_ROWS);
        }
        j += columns;
    }
}

/* Of x whose steps lie far apart, a block is turned before its rows meet all columns near. */
static void R(gemm_far)(const reel__gemm *g, REAL *block) {
    for (int64_t begin = 0; begin < g->n; begin += R(COLUMNS)) {
        const int64_t end = begin + R(COLUMNS) < g->n ? begin + R(COLUMNS) : g->n;
        for (int64_t first = 0; first < g->k; first += R(DEPTH)) {
            const int64_t depth = first + R(DEPTH) < g->k ? R(DEPTH) : g->k - first;
            for (int64_t row = 0; row < g->m; row += R(BLOCK)) {
                const int64_t rows = g->m - row < R(BLOCK) ? g->m - row : R(BLOCK);
                const REAL *x = (const REAL *)g->x + row + first * g->x_step;
                R(turn_rows)(block, x, g->x_step, depth, rows);
                R(multiply_block)(g, block, first, depth, row, rows, begin, end);
            }
        }
    }
}

static void R(gemm)(const reel__gemm *g, void *panel) {
    const bool turned = g->y_column != 1;
    const bool copies = turned || g->m > MANY;
    if (!turned && g->x_row == 1 && g->x_step >= FAR && g->n > MANY) {
        R(gemm_far)(g, panel);
        return;
    }
    for (int64_t first = 0; first < g->k; first += R(DEPTH)) {
        const int64_t depth = first + R(DEPTH) < g->k ? R(DEPTH) : g->k - first;
        for (int64_t j = 0; j < g->n;) {
            R(tile) t;
            int vectors;
            const int columns = R(columns_at)(g, j, first, depth, &t, &vectors);
            if (turned)
                R(turn_panel)(panel, vectors * WIDTH, t.y, g->y_column, depth, columns);
            else if (copies)
                R(copy_panel)(panel, vectors * WIDTH, t.y, g->y_step, depth, columns);
            if (copies) t.y = panel, t.y_step = vectors * WIDTH;
            R(multiply) const multiply = R(multiply_of)(vectors, columns);
            for (int64_t i = 0; i < g->m; i += GEMM_ROWS) {
                t.x = (const REAL *)g->x + i * g->x_row + first * g->x_step;
                t.z = (REAL *)g->z + i * g->z_row + j;
                multiply(&t, g->m - i < GEMM_ROWS ? (int)(g->m - i) : GEMM_ROWS);
            }
            j += columns;
        }
    }
}

#undef MANY
#undef FAR
#undef LOWER
#undef UPPER
