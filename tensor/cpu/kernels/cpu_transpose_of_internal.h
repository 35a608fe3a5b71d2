/* Tiles of a copy in which two axes change places: included by cpu_transpose.c once for each size
 * of element. T: the element; LANES: how many a vector has; LOW, HIGH: the lanes of two vectors
 * that interleave to the first and to the second half. */

typedef T F(vector) __attribute__((vector_size(16)));

#define LINE (64 / (int)sizeof(T))

static inline F(vector) F(load)(const T *from) {
    F(vector) v;
    memcpy(&v, from, sizeof v);
    return v;
}

/* A square of vectors by as many rounds of interleaving as it takes to halve its side to 1: each
 * puts row i and the row half a square below it side by side. */
static inline void F(square)(T *to, int64_t to_step, const T *from, int64_t from_step) {
    F(vector) row[LANES], next[LANES];
    for (int i = 0; i < LANES; i++) row[i] = F(load)(from + i * from_step);
    for (int round = LANES; round > 1; round /= 2) {
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = __builtin_shufflevector(row[i], row[i + LANES / 2], LOW);
            next[2 * i + 1] = __builtin_shufflevector(row[i], row[i + LANES / 2], HIGH);
        }
        for (int i = 0; i < LANES; i++) row[i] = next[i];
    }
    for (int i = 0; i < LANES; i++) memcpy(to + i * to_step, &row[i], sizeof row[i]);
}

/* A block whose sides are a line of the cache long. Lines come in whole, one after the other, and
 * go out whole: strides of a power of two leave few of them room in the cache at a time. */
static void F(block)(T *to, int64_t to_step, const T *from, int64_t from_step) {
    _Alignas(64) T line[LINE][LINE];
    for (int b = 0; b < LINE; b++) memcpy(line[b], from + b * from_step, sizeof line[b]);
    for (int a = 0; a < LINE; a += LANES)
        for (int b = 0; b < LINE; b += LANES)
            F(square)(to + a * to_step + b, to_step, &line[b][a], LINE);
}

static void F(elements)(T *to, int64_t to_step, const T *from, int64_t from_a, int64_t from_b,
                        int64_t rows, int64_t columns) {
    if (rows < columns) {
        for (int64_t a = 0; a < rows; a++)
            for (int64_t b = 0; b < columns; b++)
                to[a * to_step + b] = from[a * from_a + b * from_b];
    } else {
        for (int64_t b = 0; b < columns; b++)
            for (int64_t a = 0; a < rows; a++) to[a * to_step + b] = from[a * from_a + b * from_b];
    }
}

/* Less than a block: the squares that fit, and the elements to the right of them and below. */
static void F(part)(T *to, int64_t to_step, const T *from, int64_t from_a, int64_t from_b,
                    int64_t rows, int64_t columns) {
    const int64_t m = from_a == 1 ? rows / LANES * LANES : 0,
                  n = from_a == 1 ? columns / LANES * LANES : 0;
    for (int64_t a = 0; a < m; a += LANES)
        for (int64_t b = 0; b < n; b += LANES)
            F(square)(to + a * to_step + b, to_step, from + a + b * from_b, from_b);
    F(elements)(to + n, to_step, from + n * from_b, from_a, from_b, m, columns - n);
    F(elements)(to + m * to_step, to_step, from + m * from_a, from_a, from_b, rows - m, columns);
}

static void F(tile)(void *out, int64_t to_step, const void *in, int64_t from_a, int64_t from_b,
                    int64_t rows, int64_t columns) {
    T *to = out;
    const T *from = in;
    for (int64_t a = 0; a < rows; a += LINE)
        for (int64_t b = 0; b < columns; b += LINE) {
            const int64_t m = rows - a < LINE ? rows - a : LINE,
                          n = columns - b < LINE ? columns - b : LINE;
            T *to_block = to + a * to_step + b;
            const T *from_block = from + a * from_a + b * from_b;
            if (from_a == 1 && m == LINE && n == LINE)
                F(block)(to_block, to_step, from_block, from_b);
            else
                F(part)(to_block, to_step, from_block, from_a, from_b, m, n);
        }
}

#undef LINE
