/* Sums, products and truth values. */
#include "cuda/kernels/fold_internal.cuh"
#include "cuda/kernels/fold_sums_internal.cuh"

cudaError_t reel__cuda_launch_sum(const reel__cuda_fold_work *w, reel_dtype dtype,
                                  reel__cuda_queue *queue) {
    return launch_rows<sum_of>(w, dtype, queue);
}

cudaError_t reel__cuda_launch_product(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue) {
    return launch_rows<product_of>(w, dtype, queue);
}

cudaError_t reel__cuda_launch_truth(const reel__cuda_fold_work *w, reel_dtype dtype,
                                    reel__cuda_queue *queue) {
    return launch_rows<truth_of>(w, dtype, queue);
}

/* ---- how many parts ---- */

int reel__cuda_fold_parts(int64_t outer, int64_t rows, int64_t columns) {
    int64_t blocks = outer, worth = rows / PART;
    if (columns > 1) {
        const int n = columns % 4 == 0 ? 4 : 1, lanes = lanes_for(columns, n);
        blocks = outer * ((columns + lanes * n - 1) / (lanes * n));
        worth = rows / (BLOCK / lanes * AHEAD);
    } else if (is_for_cluster(outer, rows)) {
        return 1;
    }
    if (worth < 2 || 2 * blocks > ENOUGH) return 1;
    return (int)(worth < ENOUGH / blocks ? worth : ENOUGH / blocks);
}
