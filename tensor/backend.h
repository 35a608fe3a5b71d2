/* Backends: what a device must be able to do. A backend is one const table; tensor/cpu/ has the
 * CPU's, cuda/ CUDA's.
 *
 * Every op goes through reel__dispatch (dispatch.c), the one funnel: check dtypes and devices,
 * apply the row's shape rule, allocate, run the backend's kernel, tell the tape. A kernel sees
 * operands that have been checked. Inputs may have any strides, and anything may be empty; the
 * result of a MAP, a fill, a cast or a copy may have any strides too, and an input of these is
 * broadcast to it; the result of others is contiguous. */
#ifndef REEL_TENSOR_BACKEND_H
#define REEL_TENSOR_BACKEND_H

#include "tensor/ops/reduction_internal.h"
#include "tensor/ops/with_internal.h"

typedef enum {
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient) REEL_OP_##name,
#include "tensor/ops/ops.def"
    REEL_OP_COUNT
} reel__op;

/* Elementwise ops come first: those below REEL__MAPS. */
enum {
    REEL__MAPS = 0
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient) +1
#include "tensor/ops/ops_map.def"
};

/* Dtypes; the first of them are those that are computed with. */
#define REEL__NUMBERS (REEL_U8 + 1)
#define REEL__DTYPES (REEL_BF16 + 1)

#define REEL__NO_NAMES (-1)

#define REEL__MOST_INPUTS 8 /* of an op, those over lists apart */
#define REEL__MOST_RESULTS 4
#define REEL__MOST_MAPPED 3 /* inputs of an elementwise kernel */

/* One op on its way through the funnel: a value, which can be kept and run again while its tensors
 * live. out[0] set beforehand: the result goes there, in place. */
typedef struct reel__call {
    reel__op op;
    const char *at;
    int first; /* which of the arguments written at the call site is in[0], or REEL__NO_NAMES */
    int nin, nout;
    reel_tensor *in[REEL__MOST_INPUTS];
    reel_tensor *const *list; /* of an op over a list: its inputs instead, the caller's array */
    reel_tensor *out[REEL__MOST_RESULTS];
    reel_device device; /* where the result goes; filled in from the inputs if there are any */
    bool accumulate;    /* matmul: out += x y */
    bool given;         /* out[0] was there before: it is no new reference */
    bool in_place;      /* x = f(x): in messages the name has its underscore */
    reel__with with;
} reel__call;

/* The inputs of any op, of which there are nin. */
static inline reel_tensor *const *reel__inputs(const reel__call *c) {
    return c->list ? c->list : c->in;
}
static inline reel_tensor *reel__input(const reel__call *c, int i) {
    return reel__inputs(c)[i];
}

typedef reel_status (*reel__kernel)(const reel__call *c);

struct reel__storage;

typedef struct reel__backend {
    const char *name;
    bool host; /* the host can read and write its memory */
    /* REEL_OK if there is such a device, else a failure that says why not. */
    reel_status (*check)(int index);
    void *(*alloc)(int index, size_t bytes); /* aligned to 64 bytes; NULL when out of memory */
    void (*free)(int index, void *memory, size_t bytes);
    /* Ordered with the kernels before and after; to_host waits for the bytes, and `host` may be
     * changed as soon as from_host returns. */
    reel_status (*to_host)(int index, void *host, const void *device, size_t bytes);
    reel_status (*from_host)(int index, void *device, const void *host, size_t bytes);
    /* From one device of this backend to another. */
    reel_status (*between)(int to, void *there, int from, const void *here, size_t bytes);
    reel_status (*wait)(int index); /* for all that was asked of the device */
    /* Calls from here on come after all that `beside` names, which is cleared. NULL where nothing
     * is done beside them. */
    void (*await)(struct reel__storage *s);
    int (*count)(void); /* devices */
    /* Waits, and gives a profile what launches took (profile_internal.h); asked only while their
     * times are taken. NULL: kernels have run when they return. */
    reel_status (*tell_times)(void);
    /* Copies beside kernels (upload.c): memory of the host that they may come from, begun by
     * upload, in time for the kernels after arrive, which ends the ticket. NULL: there are none. */
    const struct reel__backend *pinned;
    reel_status (*upload)(int index, void *device, const void *host, size_t bytes, void **ticket);
    reel_status (*arrive)(int index, void *ticket);
    const reel__kernel *kernels;       /* by op; NULL for views */
    const struct reel__fusing *fusing; /* nodes of captured steps (group_internal.h); NULL: none */
} reel__backend;

/* The backend of a device that can be used; NULL, and a failure kept, if there is none. */
const reel__backend *reel__backend_of(const char *at, reel_device d);

extern const reel__backend reel__cpu_backend;
/* cuda/ answers; NULL, and *why set, in a build without CUDA. */
const reel__backend *reel__cuda_backend(const char **why);

/* Runs a call. Results that the funnel made have one reference, which is the caller's; on failure
 * they are NULL. */
reel_status reel__dispatch(reel__call *c);

/* The call's op, or the function that it is part of: a literal. */
const char *reel__call_name(const reel__call *c);
/* Keeps the failure that input i is NULL, unless one is kept, which then made it so. */
reel_status reel__fail_absent(const reel__call *c, int i);
/* Keeps a failure "op: what: x[2, 3] @ y[4, 5] (site)" about the call and returns `code`. */
reel_status reel__fail_call(reel_status code, const reel__call *c, const char *format, ...)
    REEL__PRINTF(3, 4);

/* ---- the table's columns ---- */

typedef enum {
    REEL__MAP,
    REEL__REDUCE,
    REEL__CALL,
    REEL__STRICT,
    REEL__VIEW,
    REEL__UPDATE
} reel__kind;
typedef enum {
    REEL__FLOAT,
    REEL__FULL,
    REEL__NUMBER,
    REEL__ALIKE,
    REEL__INDEXED,
    REEL__INDEXED_NUMBER,
    REEL__INDEXED_FLOAT,
    REEL__MASKED
} reel__dtypes;
typedef enum {
    REEL__GRAD,
    REEL__FLAT,
    REEL__FUSED_X,
    REEL__FUSED_Y,
    REEL__SECOND,
    REEL__CONST, /* from here on there is none */
    REEL__NONE
} reel__gradient;
/* The bits of the saves column. */
#define REEL__IN(i) (1u << (i))
#define REEL__OUT(i) (1u << (REEL__MOST_INPUTS + (i)))
#define REEL__CROSS REEL__OUT(REEL__MOST_RESULTS)

typedef struct {
    const char *name;
    int inputs; /* -1: any number */
    reel__kind kind;
    reel__dtypes dtypes;
    reel__told told;
    unsigned saves;
    reel__gradient gradient;
} reel__op_info;

extern const reel__op_info reel__ops[REEL_OP_COUNT];
/* Whether a call may fail on what its inputs hold: the strict ones, and a bce that is asked to
 * look. */
bool reel__may_fail(const reel__call *c);

/* ---- what the dtypes column stands for (dtype_sets.c) ---- */

/* Whether its inputs may be of the dtype, those apart that are indices or a mask. */
bool reel__op_takes(reel__op op, reel_dtype dtype);
/* The dtype that the funnel casts them to before a kernel sees them, and results from: f32 for
 * f16 and bf16, until a row's kernels compute in these. */
reel_dtype reel__compute_dtype(reel__op op, reel_dtype dtype);
/* The inputs that are of one dtype: from *first up to *end. */
void reel__alike(const reel__call *c, int *first, int *end);
reel_status reel__check_dtypes(const reel__call *c);

#endif
