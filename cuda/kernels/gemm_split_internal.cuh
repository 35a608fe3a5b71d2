/* What products by the tensor cores are made of (gemm_split.cu): tiles and where their operands
 * lie, wgmma, barriers, and the splitting of numbers. For Hopper alone. */
#ifndef REEL_CUDA_KERNELS_GEMM_SPLIT_INTERNAL_CUH
#define REEL_CUDA_KERNELS_GEMM_SPLIT_INTERNAL_CUH

#include "cuda/kernels/launch_internal.cuh"

#define MULTIPLIERS 256
#define ROWS 128 /* of a tile */

/* N columns a tile, STEP of k a step, STAGES of them in the ring; x is read AHEAD_X steps ahead of
 * what is multiplied, y AHEAD_Y steps ahead of what is put. */
template <int N_, int STEP_, int STAGES_, int AHEAD_X_, int AHEAD_Y_, int FEEDERS_> struct tiling {
    static constexpr int N = N_, STEP = STEP_, STAGES = STAGES_;
    static constexpr int AHEAD_X = AHEAD_X_, AHEAD_Y = AHEAD_Y_;
    static constexpr int FEEDERS = FEEDERS_, THREADS = MULTIPLIERS + FEEDERS;
    static constexpr int SUMS = N / 2;       /* of a multiplier */
    static constexpr int HALVES = STEP / 16; /* what one wgmma takes of k */
    static constexpr int UNITS = STEP / 8;   /* of 8 elements, of a column of y */
    /* In shared memory: units of all columns, padded against bank conflicts; a plane of bf16. */
    static constexpr int ROW = (N + (UNITS == 2 ? 4 : 2)) * 16, PLANE = UNITS * ROW;
    static constexpr int STAGE = 3 * PLANE;
    static constexpr int PARKED = N + 4, CHUNK = 40; /* rows of a parked tile, of a chunk */
    static constexpr int RING =
        STAGES * STAGE > ROWS *PARKED * 4 ? STAGES *STAGE : ROWS *PARKED * 4;
    static constexpr int CHUNKS = MULTIPLIERS / 32 * 16 * CHUNK * 4;
    static constexpr int SHARED = RING + CHUNKS + 16 * STAGES;
    /* Registers: what each thread begins with, what a multiplier needs, what is left. */
    static constexpr int EVEN = 65536 / THREADS / 8 * 8;
    static constexpr int NEED = (SUMS * 2 + HALVES * (8 * AHEAD_X + 12) + 40) / 8 * 8;
    static constexpr bool MOVES = NEED > EVEN;
    static constexpr int MANY = NEED;
    static constexpr int FEW = (EVEN * THREADS - MANY * MULTIPLIERS) / FEEDERS / 8 * 8;
};

/* ---- wgmma: d[64,N] (+)= x[64,16] y[16,N] ---- */

#define DESTINATION_8(i)                                                                           \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]),    \
        "+f"(d[i + 6]), "+f"(d[i + 7])
#define NAMES_0 "%0, %1, %2, %3, %4, %5, %6, %7"
#define NAMES_8 NAMES_0 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define NAMES_16 NAMES_8 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define NAMES_24 NAMES_16 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define NAMES_32 NAMES_24 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define NAMES_40 NAMES_32 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define NAMES_48 NAMES_40 ", %48, %49, %50, %51"
#define NAMES_56 NAMES_48 ", %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"

template <int N> struct wgmma;
/* X, Y and ADD are the numbers of the operands behind d's. */
#define WGMMA(N, D, X, Y, ADD, ...)                                                                \
    template <> struct wgmma<N> {                                                                  \
        static __device__ __forceinline__ void send(float (&d)[N / 2], const uint32_t (&x)[4],     \
                                                    uint64_t y, bool add) {                        \
            asm volatile("{.reg .pred p; setp.ne.b32 p, " ADD ", 0;\n"                             \
                         "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" D "}, {" X   \
                         "}, " Y ", p, 1, 1, 0;}"                                                  \
                         : __VA_ARGS__                                                             \
                         : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "l"(y), "r"((int)add));     \
        }                                                                                          \
    };
WGMMA(64, NAMES_24, "%32, %33, %34, %35", "%36", "%37", DESTINATION_8(0), DESTINATION_8(8),
      DESTINATION_8(16), DESTINATION_8(24))
WGMMA(104, NAMES_48, "%52, %53, %54, %55", "%56", "%57", DESTINATION_8(0), DESTINATION_8(8),
      DESTINATION_8(16), DESTINATION_8(24), DESTINATION_8(32), DESTINATION_8(40), "+f"(d[48]),
      "+f"(d[49]), "+f"(d[50]), "+f"(d[51]))
WGMMA(128, NAMES_56, "%64, %65, %66, %67", "%68", "%69", DESTINATION_8(0), DESTINATION_8(8),
      DESTINATION_8(16), DESTINATION_8(24), DESTINATION_8(32), DESTINATION_8(40), DESTINATION_8(48),
      DESTINATION_8(56))

/* Where units of y lie, for wgmma: 8 columns are 128 bytes, the next 8 of k are `row` on. */
static __device__ __forceinline__ uint64_t describe(unsigned at, unsigned row) {
    return (uint64_t)(at >> 4 & 0x3fff) | (uint64_t)(row >> 4) << 16 | (uint64_t)(128 >> 4) << 32;
}

/* ---- barriers ---- */

static __device__ __forceinline__ void make_barrier(unsigned at, unsigned count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(at), "r"(count) : "memory");
}
static __device__ __forceinline__ void arrive(unsigned at) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(at) : "memory");
}
static __device__ __forceinline__ void await(unsigned at, unsigned parity) {
    asm volatile("{.reg .pred p;\n"
                 "again: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
                 "@!p bra again;}" ::"r"(at),
                 "r"(parity)
                 : "memory");
}
static __device__ __forceinline__ bool any_multiplier(bool mine) {
    int any;
    asm volatile("{.reg .pred p, q; setp.ne.b32 p, %1, 0;\n"
                 "barrier.cta.red.or.pred q, 1, %2, p; selp.b32 %0, 1, 0, q;}"
                 : "=r"(any)
                 : "r"((int)mine), "n"(MULTIPLIERS)
                 : "memory");
    return any;
}
static __device__ __forceinline__ void meet_block() {
    asm volatile("barrier.cta.sync 0;" ::: "memory");
}
/* What blocks left in shared memory is there. */
static __device__ __forceinline__ void meet_cluster() {
    asm volatile("barrier.cluster.arrive.release.aligned;\n"
                 "barrier.cluster.wait.acquire.aligned;" ::
                     : "memory");
}
/* What they read there has been read. */
static __device__ __forceinline__ void part_from_cluster() {
    asm volatile("barrier.cluster.arrive.relaxed.aligned;\n"
                 "barrier.cluster.wait.aligned;" ::
                     : "memory");
}

/* ---- places ---- */

/* A ring of stages, with a barrier each for "it is full" and "it is free"; `turn` counts the steps
 * that a thread has been through. */
struct ring {
    const char *memory;
    unsigned at, full, free;
};
template <class T> static __device__ __forceinline__ unsigned slot_of(unsigned turn) {
    return turn % T::STAGES;
}
template <class T> static __device__ __forceinline__ unsigned parity_of(unsigned turn) {
    return turn / T::STAGES & 1;
}

/* A tile begins at row m and column n, and sums k .. k_end - 1. */
struct tile {
    int64_t m, n, k, k_end;
};
template <class T> static __device__ __forceinline__ int steps_of(const tile &t) {
    return (int)((t.k_end - t.k + T::STEP - 1) / T::STEP);
}

/* Lines of a tile, rows of x or columns of y: an element is at[line * line_step + k * k_step], k
 * from the tile's first on. */
struct lines {
    const float *at;
    int64_t line_step;
    int k_step, count;
    int vector; /* elements along k that can be read at a time */
};
static __device__ __forceinline__ lines lines_of(const float *data, int64_t ld, bool along_k,
                                                 int64_t first, int64_t end, int64_t k,
                                                 int64_t k_all) {
    const int64_t line = along_k ? ld : 1, step = along_k ? 1 : ld, left = end - first;
    const uintptr_t bits = (uintptr_t)data | (uintptr_t)ld * 4 | (uintptr_t)k_all * 4;
    return {data + first * line + k * step, line, (int)step, (int)(left < ROWS ? left : ROWS),
            !along_k || bits % 8 != 0 ? 1
            : bits % 16 != 0          ? 2
                                      : 4};
}
static __device__ __forceinline__ lines x_of(const reel__cuda_product &p, const tile &t) {
    return lines_of(p.x, p.ldx, !p.transpose_x, t.m, p.m, t.k, p.k);
}
static __device__ __forceinline__ lines y_of(const reel__cuda_product &p, const tile &t) {
    return lines_of(p.y, p.ldy, p.transpose_y, t.n, p.n, t.k, p.k);
}

/* ---- splitting ---- */

/* a and b as bf16, rounded; they keep what is left. */
static __device__ __forceinline__ uint32_t peel(float &a, float &b) {
    uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(b), "f"(a));
    a -= __uint_as_float(both << 16);
    b -= __uint_as_float(both & 0xffff0000u);
    return both;
}

#endif
