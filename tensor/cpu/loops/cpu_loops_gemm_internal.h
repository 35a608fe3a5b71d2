/* The product of matrices, z[m,n] (+)= x[m,k] y[k,n]: included by cpu_loops.c once per type.
 *
 * A tile of z, up to GEMM_ROWS rows of up to GEMM_VECTORS vectors, stays in registers while k goes
 * by: of each row of x an element is broadcast, of y a few vectors are loaded, and all are
 * multiplied. x may lie any way; where its steps lie far apart, a block of it is copied first. Of y
 * the columns must be contiguous: where they are not, a panel of it is turned first, and where z
 * has more than a few rows, the first tile of rows leaves a copy of y behind. Every element of z is
 * summed in the order of k, in one chain: where k is cut, a partial sum is stored as it is and
 * resumed. So its bits depend neither on the tile it is in nor on how z was cut among threads.
 *
 * Source of the tiles: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
 * (2008); that products of few rows need no copies: Heinecke et al., "LIBXSMM" (2016). */

/* What a tile needs to know; strides in elements. */
typedef struct {
    const REAL *x, *y;
    REAL *z;
    int64_t k, x_row, x_step, y_step, z_row;
    bool accumulate;  /* z += */
    R(mask) last;     /* of the last vector */
    const REAL *next; /* z of the next tile of as many rows, to be fetched meanwhile; or NULL */
} R(tile);

INLINE R(wide) R(load)(const REAL *x, bool part, R(mask) mask) {
    if (part) return R(load_part)(x, mask);
    return *(const R(wide_at) *)x;
}

/* `part`: the last vector is not whole. What it reads of y it leaves in `panel`, if that is not
 * NULL. The loops over rows and vectors are unrolled, so that s is registers. */
INLINE void R(multiply_tile)(const R(tile) * t, int rows, int vectors, bool part, REAL *panel) {
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
    if (t->accumulate && t->next)
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            __builtin_prefetch(t->next + i * t->z_row, 1);
            __builtin_prefetch(t->next + i * t->z_row + vectors * WIDTH - 1, 1);
        }
    for (int64_t p = 0; p < t->k; p++, x += t->x_step, y += t->y_step) {
        R(wide) b[GEMM_VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++)
            b[j] = R(load)(y + j * WIDTH, part && j == vectors - 1, t->last);
        if (panel) {
#pragma GCC unroll 4
            for (int j = 0; j < vectors; j++) *(R(wide_at) *)(panel + j * WIDTH) = b[j];
            panel += vectors * WIDTH;
        }
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

/* A tile of any size, by code that has the size built in. With a panel, of GEMM_ROWS. */
INLINE void R(multiply_rows)(const R(tile) * t, int rows, int vectors, bool part, REAL *panel) {
    if (panel) {
        R(multiply_tile)(t, GEMM_ROWS, vectors, part, panel);
        return;
    }
    switch (rows) {
    case 1:
        R(multiply_tile)(t, 1, vectors, part, NULL);
        break;
    case 2:
        R(multiply_tile)(t, 2, vectors, part, NULL);
        break;
    case 3:
        R(multiply_tile)(t, 3, vectors, part, NULL);
        break;
#if GEMM_ROWS > 4
    case 5:
        R(multiply_tile)(t, 5, vectors, part, NULL);
        break;
    case 6:
        R(multiply_tile)(t, 6, vectors, part, NULL);
        break;
    case 7:
        R(multiply_tile)(t, 7, vectors, part, NULL);
        break;
    case 8:
        R(multiply_tile)(t, 8, vectors, part, NULL);
        break;
#endif
    default:
        R(multiply_tile)(t, 4, vectors, part, NULL);
        break;
    }
}

static void R(multiply_1)(const R(tile) * t, int rows, REAL *panel) {
    R(multiply_rows)(t, rows, 1, false, panel);
}
static void R(multiply_2)(const R(tile) * t, int rows, REAL *panel) {
    R(multiply_rows)(t, rows, 2, false, panel);
}
static void R(multiply_3)(const R(tile) * t, int rows, REAL *panel) {
    R(multiply_rows)(t, rows, 3, false, panel);
}
static void R(multiply_part_1)(const R(tile) * t, int rows, REAL *panel) {
    R(multiply_rows)(t, rows, 1, true, panel);
}
static void R(multiply_part_2)(const R(tile) * t, int rows, REAL *panel) {
    R(multiply_rows)(t, rows, 2, true, panel);
}
static void R(multiply_part_3)(const R(tile) * t, int rows, REAL *panel) {
    R(multiply_rows)(t, rows, 3, true, panel);
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

/* ---- x, where its rows lie far apart along k ---- */

/* Rows of x as tiles read them: to[rows / GEMM_ROWS][k][GEMM_ROWS]. A few cache lines' worth of x
 * at a time, so that few places are written to. */
static void R(turn_rows)(REAL *to, const REAL *x, int64_t x_step, int64_t k, int64_t rows) {
    enum { NEAR = 4 * GEMM_ROWS };
    for (int64_t first = 0; first < rows; first += NEAR) {
        const int64_t end = first + NEAR < rows ? first + NEAR : rows;
        for (int64_t p = 0; p < k; p++)
            for (int64_t i = first; i < end; i += GEMM_ROWS) {
                const int64_t n = end - i < GEMM_ROWS ? end - i : GEMM_ROWS;
                REAL *at = to + i * k + p * GEMM_ROWS;
                if (n == GEMM_ROWS)
                    memcpy(at, x + p * x_step + i, GEMM_ROWS * sizeof *at);
                else
                    memcpy(at, x + p * x_step + i, (size_t)n * sizeof *at);
            }
    }
}

/* ---- all of it ---- */

/* Of k that a panel of y has room for: a multiple of WIDTH. A block of x has the rest. */
enum { R(DEPTH) = GEMM_PANEL / (GEMM_VECTORS * WIDE_BYTES) };
#define MANY_COLUMNS 96  /* that pay for a block of x */
#define MOST_COLUMNS 576 /* that are near from block to block: a multiple of a tile's */
#define DEEP 64          /* steps from which y had better be copied for a block of x */
#define FAR 512 /* elements between steps of x that put each into a page of its own, or nearly */

_Static_assert(R(DEPTH) % (WIDE_BYTES / sizeof(REAL)) == 0, "panels are turned by whole vectors");
_Static_assert(GEMM_FEW >= GEMM_ROWS, "the rows that copy y are a whole tile");
_Static_assert(REEL__GEMM_ROOM - GEMM_PANEL >= R(DEPTH) * GEMM_ROWS * sizeof(REAL),
               "a block of x is a tile of rows at least");

/* Steps of k from `first` on that are done at once: k is cut evenly, at multiples of WIDTH. */
static int64_t R(depth_at)(const reel__gemm *g, int64_t first) {
    const int64_t times = (g->k + R(DEPTH) - 1) / R(DEPTH),
                  even = ((g->k + times - 1) / times + WIDTH - 1) / WIDTH * WIDTH;
    return first + even < g->k ? even : g->k - first;
}

/* Columns j.. of z by a tile's width, of `depth` steps from `first` on: their number. Four vectors
 * go as two and two: tiles of one would wait for their own sums. */
INLINE int R(columns_at)(const reel__gemm *g, int64_t j, int64_t first, int64_t depth, R(tile) * t,
                         int *vectors) {
    const int64_t left = (g->n - j + WIDTH - 1) / WIDTH;
    *vectors = left == 4 ? 2 : left > 3 ? 3 : (int)left;
    const int columns = g->n - j < *vectors * WIDTH ? (int)(g->n - j) : *vectors * WIDTH;
    *t = (R(tile)){.x = (const REAL *)g->x + first * g->x_step,
                   .y = (const REAL *)g->y + first * g->y_step + j * g->y_column,
                   .z = (REAL *)g->z + j,
                   .k = depth,
                   .x_row = g->x_row,
                   .x_step = g->x_step,
                   .y_step = g->y_step,
                   .z_row = g->z_row,
                   .accumulate = g->accumulate || first > 0,
                   .last = R(mask_of)(columns - (*vectors - 1) * WIDTH)};
    return columns;
}

/* From here on y is read from a panel. */
INLINE void R(take_panel)(R(tile) * t, const REAL *panel, int vectors) {
    t->y = panel;
    t->y_step = vectors * WIDTH;
}

/* Rows of z from the tile on, whose rows of x are x_tile apart; y's columns are left in the panel
 * if there is one. */
static void R(multiply_columns)(R(tile) * t, int64_t rows, int64_t x_tile, int columns, int vectors,
                                REAL *panel) {
    static void (*const by_size[][3])(const R(tile) *, int, REAL *) = {
        {R(multiply_1), R(multiply_2), R(multiply_3)},
        {R(multiply_part_1), R(multiply_part_2), R(multiply_part_3)}};
    void (*const multiply)(const R(tile) *, int, REAL *) =
        by_size[columns < vectors * WIDTH][vectors - 1];
    for (; rows > 0; rows -= GEMM_ROWS, t->x += x_tile, t->z += GEMM_ROWS * t->z_row) {
        t->next = rows >= 2 * GEMM_ROWS ? t->z + GEMM_ROWS * t->z_row : NULL;
        multiply(t, rows < GEMM_ROWS ? (int)rows : GEMM_ROWS, panel);
        if (rows <= GEMM_ROWS) return;
        if (panel) R(take_panel)(t, panel, vectors);
        panel = NULL;
    }
}

/* Rows of z from `row` on, of a block of x that was turned. */
static void R(multiply_block)(const reel__gemm *g, const REAL *block, int64_t first, int64_t depth,
                              int64_t row, int64_t rows, REAL *panel) {
    for (int64_t j = 0; j < g->n;) {
        R(tile) t;
        int vectors;
        const int columns = R(columns_at)(g, j, first, depth, &t, &vectors);
        t.x = block;
        t.x_row = 1;
        t.x_step = GEMM_ROWS;
        t.z += row * g->z_row;
        REAL *const copy = depth >= DEEP && rows > GEMM_FEW ? panel : NULL;
        R(multiply_columns)(&t, rows, GEMM_ROWS * depth, columns, vectors, copy);
        j += columns;
    }
}

/* Of x whose steps lie far apart, a block is turned before its rows meet all columns. */
static void R(multiply_far)(const reel__gemm *g, REAL *room) {
    REAL *const block = room + GEMM_PANEL / sizeof *room;
    for (int64_t first = 0, depth; first < g->k; first += depth) {
        depth = R(depth_at)(g, first);
        const int64_t most = (REEL__GEMM_ROOM - GEMM_PANEL) / (depth * (int64_t)sizeof *block) /
                             GEMM_ROWS * GEMM_ROWS;
        for (int64_t row = 0; row < g->m; row += most) {
            const int64_t rows = g->m - row < most ? g->m - row : most;
            const REAL *x = (const REAL *)g->x + row + first * g->x_step;
            R(turn_rows)(block, x, g->x_step, depth, rows);
            R(multiply_block)(g, block, first, depth, row, rows, room);
        }
    }
}

static void R(gemm_far)(const reel__gemm *g, REAL *room) {
    for (int64_t j = 0; j < g->n; j += MOST_COLUMNS) {
        reel__gemm part = *g;
        part.n = g->n - j < MOST_COLUMNS ? g->n - j : MOST_COLUMNS;
        part.y = (const REAL *)g->y + j;
        part.z = (REAL *)g->z + j;
        R(multiply_far)(&part, room);
    }
}

static void R(gemm)(const reel__gemm *g, void *room) {
    const bool turned = g->y_column != 1;
    if (!turned && g->x_row == 1 && g->x_step >= FAR && g->n > MANY_COLUMNS) {
        R(gemm_far)(g, room);
        return;
    }
    for (int64_t first = 0, depth; first < g->k; first += depth) {
        depth = R(depth_at)(g, first);
        for (int64_t j = 0; j < g->n;) {
            R(tile) t;
            int vectors;
            const int columns = R(columns_at)(g, j, first, depth, &t, &vectors);
            const bool copies = !turned && g->m > GEMM_FEW && g->y_step > vectors * WIDTH;
            REAL *const copy = copies ? room : NULL;
            if (turned) {
                R(turn_panel)(room, vectors * WIDTH, t.y, g->y_column, depth, columns);
                R(take_panel)(&t, room, vectors);
            }
            R(multiply_columns)(&t, g->m, GEMM_ROWS * g->x_row, columns, vectors, copy);
            j += columns;
        }
    }
}

#undef MANY_COLUMNS
#undef MOST_COLUMNS
#undef DEEP
#undef FAR
#undef LOWER
#undef UPPER
