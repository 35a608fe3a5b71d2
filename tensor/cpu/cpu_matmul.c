/* matmul: BLAS at one thread, the work split here. */
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

static reel_status multiply(product *p) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, one_thread);
    int64_t flops = 2 * (int64_t)p->m * p->n * p->k, parts = flops / 200000 + 1;
    p->by_rows =
        p->m >= p->n || p->m >= 16; /* as elementwise work is cut: the lines are there already */
    int64_t longest = p->by_rows ? p->m : p->n;
    reel__cpu_parallel(longest, longest / parts + 1, work, p);
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
