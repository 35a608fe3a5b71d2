/* matmul: by tiles of our own or, large, by BLAS at one thread; the work is split here. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/cpu/runtime/cpu_blas_internal.h"
#include "tensor/ops/nest_internal.h"

/* z (+)= x y of single matrices, row-major. */
typedef struct {
    const reel__product *of;
    const void *x, *y;
    void *z;
    double beta;
    bool f64, by_rows;
} product;

static void gemm(const product *p, int m, int n, const void *x, const void *y, void *z) {
    const reel__product *of = p->of;
    const enum CBLAS_TRANSPOSE tx = of->transpose_x ? CblasTrans : CblasNoTrans,
                               ty = of->transpose_y ? CblasTrans : CblasNoTrans;
    const int k = (int)of->k, ldx = (int)of->ldx, ldy = (int)of->ldy, ldz = (int)of->n;
    const reel__blas *b = reel__blas_functions();
    reel__blas_call_begin();
    if (p->f64)
        b->dgemm(CblasRowMajor, tx, ty, m, n, k, 1.0, x, ldx, y, ldy, p->beta, z, ldz);
    else
        b->sgemm(CblasRowMajor, tx, ty, m, n, k, 1.0f, x, ldx, y, ldy, (float)p->beta, z, ldz);
    reel__blas_call_end();
}

/* The same by Reel's own tiles. */
static void tiles(const product *p, int m, int n, const void *x, const void *y, void *z) {
    const reel__product *of = p->of;
    _Alignas(64) char room[REEL__GEMM_ROOM];
    const reel__gemm g = {.x = x,
                          .y = y,
                          .z = z,
                          .m = m,
                          .n = n,
                          .k = of->k,
                          .x_row = of->transpose_x ? 1 : of->ldx,
                          .x_step = of->transpose_x ? of->ldx : 1,
                          .y_step = of->transpose_y ? 1 : of->ldy,
                          .y_column = of->transpose_y ? of->ldy : 1,
                          .z_row = of->n,
                          .accumulate = p->beta != 0};
    reel__cpu_loops()->gemm[p->f64](&g, room);
}

#define LARGE (1 << 20) /* elements of an operand that BLAS had better copy */

/* As fast as BLAS up to some size, or any, and faster where a copy of an operand would be felt. Not
 * for vectors, which would leave most of a tile empty. */
static bool is_for_tiles(const reel__product *of) {
    if (of->n < 4 || (of->transpose_y && of->m < 8)) return false;
    return reel__cpu_loops()->multiplies_large ||
           (of->m * of->k <= LARGE && of->k * of->n <= LARGE);
}

/* z[rows] (+)= a[rows,k] v[k], transposed in memory or not: a third of what gemm takes. */
static void gemv(const product *p, bool transposed, int rows, const void *a, int lda, const void *v,
                 int step, void *z) {
    const enum CBLAS_TRANSPOSE t = transposed ? CblasTrans : CblasNoTrans;
    const int k = (int)p->of->k, m = transposed ? k : rows, n = transposed ? rows : k;
    const reel__blas *b = reel__blas_functions();
    reel__blas_call_begin();
    if (p->f64)
        b->dgemv(CblasRowMajor, t, m, n, 1.0, a, lda, v, step, p->beta, z, 1);
    else
        b->sgemv(CblasRowMajor, t, m, n, 1.0f, a, lda, v, step, (float)p->beta, z, 1);
    reel__blas_call_end();
}

/* Rows, or columns, begin..end of z. */
static void work(void *context, int64_t begin, int64_t end) {
    const product *p = context;
    const reel__product *of = p->of;
    const size_t size = p->f64 ? 8 : 4;
    int m = (int)of->m, n = (int)of->n, part = (int)(end - begin);
    size_t skip_x = 0, skip_y = 0, skip_z;
    if (p->by_rows) {
        m = part;
        skip_x = (size_t)begin * (of->transpose_x ? 1 : (size_t)of->ldx);
        skip_z = (size_t)begin * (size_t)of->n;
    } else {
        n = part;
        skip_y = (size_t)begin * (of->transpose_y ? (size_t)of->ldy : 1);
        skip_z = (size_t)begin;
    }
    const void *x = (const char *)p->x + skip_x * size, *y = (const char *)p->y + skip_y * size;
    void *z = (char *)p->z + skip_z * size;
    if (!reel__blas_functions())
        tiles(p, m, n, x, y, z);
    else if (of->n == 1)
        gemv(p, of->transpose_x, m, x, (int)of->ldx, y, of->transpose_y ? 1 : (int)of->ldy, z);
    else if (of->m == 1)
        gemv(p, !of->transpose_y, n, y, (int)of->ldy, x, of->transpose_x ? (int)of->ldx : 1, z);
    else
        (is_for_tiles(of) ? tiles : gemm)(p, m, n, x, y, z);
}

#define WORTH_A_PART 200000.0
#define NEAR (1 << 17) /* elements of an operand that each thread's cache has room for */

static double flops_of(const product *p) {
    return 2.0 * (double)p->of->m * (double)p->of->n * (double)p->of->k;
}

/* As elementwise work is cut: the lines are there already. But a y that is no longer near had
 * better be read, and turned, by one thread. */
static bool is_cut_by_rows(const reel__product *of) {
    return of->m >= of->n || (of->m >= 16 && of->k * of->n <= NEAR);
}

static void multiply(product *p) {
    const int64_t m = p->of->m, n = p->of->n, parts = (int64_t)(flops_of(p) / WORTH_A_PART) + 1;
    p->by_rows = is_cut_by_rows(p->of);
    const int64_t longest = p->by_rows ? m : n;
    reel__cpu_parallel(longest, longest / parts + 1, work, p);
}

/* ---- batches ---- */

#define F(name) name##_f32
#define T float
#include "tensor/cpu/kernels/cpu_matmul_of_internal.h"
#undef F
#undef T
#define F(name) name##_f64
#define T double
#include "tensor/cpu/kernels/cpu_matmul_of_internal.h"

#define FEW 128 /* flops that take less time than to call BLAS */

/* The matrices that number i of the batch multiplies. */
static product item(const product *p, int64_t i) {
    const reel__product *of = p->of;
    const size_t size = p->f64 ? 8 : 4;
    product one = *p;
    for (int a = of->ndim - 1; a >= 0; a--) {
        const int64_t at = i % of->dim[a];
        one.x = (const char *)one.x + (size_t)(at * of->x_step[a]) * size;
        one.y = (const char *)one.y + (size_t)(at * of->y_step[a]) * size;
        one.z = (char *)one.z + (size_t)(at * of->z_step[a]) * size;
        i /= of->dim[a];
    }
    return one;
}

static void work_items(void *context, int64_t begin, int64_t end) {
    const product *p = context;
    const bool few = flops_of(p) <= FEW;
    for (int64_t i = begin; i < end; i++) {
        product one = item(p, i);
        one.by_rows = true;
        if (few)
            (p->f64 ? few_f64 : few_f32)(&one);
        else
            work(&one, 0, one.of->m);
    }
}

/* A batch of fewer than there are threads goes item by item, each cut into parts. */
static void multiply_batch(product *p) {
    int64_t count = 1;
    for (int a = 0; a < p->of->ndim; a++) count *= p->of->dim[a];
    if (count >= reel_threads()) {
        reel__cpu_parallel(count, (int64_t)(WORTH_A_PART / flops_of(p)) + 1, work_items, p);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        product one = item(p, i);
        multiply(&one);
    }
}

static bool is_for_blas(const product *p) {
    const reel__product *of = p->of;
    if (!reel__blas_functions() || (of->ndim && flops_of(p) <= FEW)) return false;
    return of->m == 1 || of->n == 1 || !is_for_tiles(of);
}

reel_status reel__cpu_matmul(const reel__call *c) {
    reel_tensor *z = c->out[0];
    const reel_shape *x = &c->in[0]->layout.shape;
    if (reel_numel(z) == 0) return REEL_OK;
    if (x->dim[x->ndim - 1] == 0)
        return c->accumulate || reel_fill_at_(c->at, z, 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE;
    reel__product of;
    REEL_TRY(reel__product_make(&of, c));
    product p = {.of = &of,
                 .x = reel__data(of.x),
                 .y = reel__data(of.y),
                 .z = reel__data(z),
                 .beta = c->accumulate ? 1 : 0,
                 .f64 = z->layout.dtype == REEL_F64};
    const int callers = is_for_blas(&p) ? reel_threads() : 0;
    if (callers && !reel__blas_enter(callers))
        return reel__fail_call(REEL_ERR_MEMORY, c,
                               "out of memory: BLAS needs %d MB for each of %d threads",
                               REEL__BLAS_MB, callers);
    of.ndim ? multiply_batch(&p) : multiply(&p);
    if (callers) reel__blas_leave(callers);
    return REEL_OK;
}
