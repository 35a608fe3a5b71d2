/* matmul: by tiles of our own or, large, by BLAS at one thread; the work is split here. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/nest_internal.h"

#include <cblas.h>
#include <pthread.h>

/* z[M,N] (+)= x[M,K] y[K,N], row-major; an operand that is transposed in memory becomes a flag. */
typedef struct {
    enum CBLAS_TRANSPOSE tx, ty;
    int m, n, k, ldx, ldy, ldz;
    const char *x, *y;
    char *z;
    double beta;
    bool f64, by_rows;
} product;

/* OpenBLAS's own threads would fight with ours; other BLAS libraries have no such function. */
extern void openblas_set_num_threads(int n) __attribute__((weak));

static void one_thread(void) {
    if (openblas_set_num_threads) openblas_set_num_threads(1);
}

static bool operand(const reel_tensor *t, enum CBLAS_TRANSPOSE *flag, int *ld) {
    bool transposed;
    int64_t step;
    if (!reel__blas_operand(t, &transposed, &step)) return false;
    *flag = transposed ? CblasTrans : CblasNoTrans;
    *ld = (int)step;
    return true;
}

/* Rows, or columns, begin..end of z. */
static void work(void *context, int64_t begin, int64_t end) {
    const product *p = context;
    size_t size = p->f64 ? 8 : 4;
    int m = p->m, n = p->n, part = (int)(end - begin);
    size_t skip_x = 0, skip_y = 0, skip_z;
    if (p->by_rows) {
        m = part;
        skip_x = (size_t)begin * (p->tx == CblasNoTrans ? (size_t)p->ldx : 1);
        skip_z = (size_t)begin * (size_t)p->ldz;
    } else {
        n = part;
        skip_y = (size_t)begin * (p->ty == CblasNoTrans ? 1 : (size_t)p->ldy);
        skip_z = (size_t)begin;
    }
    const void *x = p->x + skip_x * size, *y = p->y + skip_y * size;
    void *z = p->z + skip_z * size;
    if (p->f64)
        cblas_dgemm(CblasRowMajor, p->tx, p->ty, m, n, p->k, 1.0, x, p->ldx, y, p->ldy, p->beta, z,
                    p->ldz);
    else
        cblas_sgemm(CblasRowMajor, p->tx, p->ty, m, n, p->k, 1.0f, x, p->ldx, y, p->ldy,
                    (float)p->beta, z, p->ldz);
}

/* The same by Reel's own tiles, which need no copies. */
static void work_tiles(void *context, int64_t begin, int64_t end) {
    const product *p = context;
    const int64_t size = p->f64 ? 8 : 4, part = end - begin;
    const bool tx = p->tx == CblasTrans, ty = p->ty == CblasTrans;
    _Alignas(64) char panel[REEL__GEMM_PANEL];
    reel__gemm g = {.m = p->by_rows ? part : p->m,
                    .n = p->by_rows ? p->n : part,
                    .k = p->k,
                    .x_row = tx ? 1 : p->ldx,
                    .x_step = tx ? p->ldx : 1,
                    .y_step = ty ? 1 : p->ldy,
                    .y_column = ty ? p->ldy : 1,
                    .z_row = p->ldz,
                    .accumulate = p->beta != 0};
    g.x = p->x + (p->by_rows ? begin * g.x_row * size : 0);
    g.y = p->y + (p->by_rows ? 0 : begin * g.y_column * size);
    g.z = p->z + begin * (p->by_rows ? g.z_row : 1) * size;
    reel__cpu_loops()->gemm[p->f64](&g, panel);
}

#define LARGE (1 << 20) /* elements of an operand that BLAS had better copy */

/* As fast as BLAS up to some size, and faster where a copy of an operand would be felt. Not for
 * vectors, which would leave most of a tile empty. */
static bool is_for_tiles(const product *p) {
    const int64_t m = p->m, n = p->n, k = p->k;
    return n >= 4 && (p->ty == CblasNoTrans || m >= 8) && m * k <= LARGE && k * n <= LARGE;
}

static reel_status multiply(product *p) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, one_thread);
    int64_t flops = 2 * (int64_t)p->m * p->n * p->k, parts = flops / 200000 + 1;
    p->by_rows =
        p->m >= p->n || p->m >= 16; /* as elementwise work is cut: the lines are there already */
    int64_t longest = p->by_rows ? p->m : p->n;
    reel__cpu_parallel(longest, longest / parts + 1, is_for_tiles(p) ? work_tiles : work, p);
    return REEL_OK;
}

reel_status reel__cpu_matmul(const reel__call *c) {
    reel_tensor *x = c->in[0], *y = c->in[1], *z = c->out[0];
    product p = {.m = (int)x->layout.shape.dim[0],
                 .k = (int)x->layout.shape.dim[1],
                 .n = (int)y->layout.shape.dim[1],
                 .beta = c->accumulate ? 1 : 0,
                 .f64 = z->layout.dtype == REEL_F64};
    if (p.m == 0 || p.n == 0) return REEL_OK;
    if (p.k == 0)
        return c->accumulate || reel_fill_at_(c->at, z, 0) ? REEL_OK : reel_error_status();
    reel_status status = REEL_OK;
    REEL_SCOPE {
        if (!operand(x, &p.tx, &p.ldx)) x = reel_contiguous_at(c->at, x);
        if (!operand(y, &p.ty, &p.ldy)) y = reel_contiguous_at(c->at, y);
        if (x && y) {
            operand(x, &p.tx, &p.ldx);
            operand(y, &p.ty, &p.ldy);
            p.ldz = p.n;
            p.x = reel__data(x);
            p.y = reel__data(y);
            p.z = reel__data(z);
            status = multiply(&p);
        } else {
            status = reel_error_status();
        }
    }
    return status;
}
