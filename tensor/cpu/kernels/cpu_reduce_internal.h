/* A reduction under way (cpu_reduce.c), for who has the elements part by part. */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_REDUCE_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_REDUCE_INTERNAL_H

#include "tensor/cpu/kernels/cpu_copy_internal.h"
#include "tensor/cpu/loops/cpu_fold_internal.h"
#include "tensor/ops/nest_internal.h"

#define REEL__REDUCED_RUN 16384 /* elements of a contiguous part */

typedef struct {
    reel__reduction form;
    const reel__fold *fold, *parts_fold; /* of x, and of cells a of parts */
    reel__map_loop map, apart;           /* NULL: x is folded as it is */
    reel__sum_loop sum;                  /* of a mapped run, in one pass; NULL: other folds */
    reel__end_loop end;                  /* NULL: what is left behind is whole, and the result */
    reel__tile tile;
    const char *x, *y;
    char *out;
    size_t size, out_size;
    double times;       /* each element counts so often */
    reel__left left_of; /* what the end is told, and the map: p */
    reel__fold_name name;
    bool is_whole;               /* what parts leave behind */
    bool far;                    /* too much for a cache */
    int64_t chunks, parts, each; /* of columns; of rows, each of so many */
    reel__tally left;            /* by several parts: [outer, parts, columns] */
} reel__reducing;

/* Of all n elements of contiguous inputs, as reel__cpu_reduce does it: part i is elements
 * i RUN..(i + 1) RUN - 1, from x and y on; parts may come in any order, and from any thread. `left`
 * has two cells for each. */
void reel__cpu_reduce_all_begin(reel__reducing *r, const reel__call *c, int64_t n, void *out,
                                reel__cell *left);
void reel__cpu_reduce_all_part(reel__reducing *r, int64_t part, const void *x, const void *y);
void reel__cpu_reduce_all_end(reel__reducing *r);

#endif
