/* A step of a recurrent layer behind its product: a thread a unit. */
#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/vector_internal.cuh"

template <class T> struct unit_formula;

#define R(name) name
#define REAL float
template <> struct unit_formula<float> : formula<float> {
#include "tensor/formulas/recurrent_formulas_internal.h"
};
#undef REAL
#define REAL double
template <> struct unit_formula<double> : formula<double> {
#include "tensor/formulas/recurrent_formulas_internal.h"
};
#undef REAL
#undef R

/* Where unit u lies: in states, in gates, and between planes. */
template <class T> struct place {
    int64_t state, gates, hidden, plane;
    T *planes;
    __device__ __forceinline__ place(const reel__recurrent_step &s, int64_t row, int64_t j,
                                     int count)
        : state(row * s.hidden + j), gates(row * count * s.hidden + j), hidden(s.hidden),
          plane(s.plane), planes((T *)s.planes) {}
    __device__ __forceinline__ T &kept(int k) const {
        return planes[k * plane + state];
    }
    __device__ __forceinline__ int64_t gate(int k) const {
        return gates + k * hidden;
    }
};

template <int CELL> struct sizes {
    static constexpr int GATES = CELL == REEL__CELL_LSTM ? 4 : CELL == REEL__CELL_GRU ? 3 : 1;
    static constexpr int PLANES = CELL == REEL__CELL_LSTM ? 6 : CELL == REEL__CELL_GRU ? 5 : 2;
    static constexpr int STATES = CELL == REEL__CELL_LSTM ? 2 : 1;
};

/* The sequence is over: its state stays. */
template <class T, int CELL>
static __device__ __forceinline__ void pass(const reel__recurrent_step &s, const place<T> &p) {
    using S = sizes<CELL>;
#pragma unroll
    for (int k = 0; k < S::PLANES - S::STATES; k++) p.kept(k) = 0;
    ((T *)s.y)[p.state] = 0;
    ((T *)s.h)[p.state] = p.kept(S::PLANES - 1);
    if (CELL == REEL__CELL_LSTM) ((T *)s.c)[p.state] = p.kept(S::PLANES - 2);
}

template <class T, int CELL>
static __device__ __forceinline__ void step(const reel__recurrent_step &s, const place<T> &p,
                                            int64_t j) {
    using F = unit_formula<T>;
    constexpr int GATES = sizes<CELL>::GATES;
    const T *x = (const T *)s.x, *z = (const T *)s.z, *b = (const T *)s.b;
    T in[GATES], weighed[GATES], out;
#pragma unroll
    for (int k = 0; k < GATES; k++) {
        in[k] = x[p.gate(k)];
        weighed[k] = z[p.gate(k)] + (b ? b[k * p.hidden + j] : (T)0);
    }
    if constexpr (CELL == REEL__CELL_LSTM) {
        const typename F::lstm_unit u =
            F::lstm_open(in[0] + weighed[0], in[1] + weighed[1], in[2] + weighed[2],
                         in[3] + weighed[3], p.kept(4));
        const T memory = F::lstm_memory(u);
        p.kept(0) = u.i;
        p.kept(1) = u.f;
        p.kept(2) = u.g;
        p.kept(3) = u.o;
        ((T *)s.c)[p.state] = memory;
        out = u.o * F::tanh(memory);
    } else if constexpr (CELL == REEL__CELL_GRU) {
        const typename F::gru_unit u =
            F::gru_open(in[0] + weighed[0], in[1] + weighed[1], in[2], weighed[2], p.kept(4));
        p.kept(0) = u.r;
        p.kept(1) = u.z;
        p.kept(2) = u.n;
        p.kept(3) = u.q;
        out = F::gru_state(u);
    } else {
        const T sum = in[0] + weighed[0];
        out = CELL == REEL__CELL_TANH ? F::tanh(sum) : sum > 0 || sum != sum ? sum : (T)0;
        p.kept(0) = out;
    }
    ((T *)s.y)[p.state] = out;
    ((T *)s.h)[p.state] = out;
}

template <class T, int CELL>
static __device__ __forceinline__ void step_back(const reel__recurrent_step &s, const place<T> &p) {
    using F = unit_formula<T>;
    const T dh = ((const T *)s.g)[p.state] + ((const T *)s.dh)[p.state];
    T *dx = (T *)s.dx, *dz = (T *)s.dz, through = 0;
    if constexpr (CELL == REEL__CELL_LSTM) {
        const typename F::lstm_unit u = {p.kept(0), p.kept(1), p.kept(2), p.kept(3), p.kept(4)};
        const typename F::lstm_unit d = F::lstm_back(u, dh, ((const T *)s.dc)[p.state]);
        dx[p.gate(0)] = d.i;
        dx[p.gate(1)] = d.f;
        dx[p.gate(2)] = d.g;
        dx[p.gate(3)] = d.o;
        ((T *)s.dc)[p.state] = d.c;
    } else if constexpr (CELL == REEL__CELL_GRU) {
        const typename F::gru_unit u = {p.kept(0), p.kept(1), p.kept(2), p.kept(3), p.kept(4)};
        const typename F::gru_unit d = F::gru_back(u, dh);
        dx[p.gate(0)] = dz[p.gate(0)] = d.r;
        dx[p.gate(1)] = dz[p.gate(1)] = d.z;
        dx[p.gate(2)] = d.n;
        dz[p.gate(2)] = d.q;
        through = d.h;
    } else {
        const T h = p.kept(0);
        dx[p.gate(0)] = CELL == REEL__CELL_TANH ? dh * (1 - h * h) : h > 0 ? dh : (T)0;
    }
    if (s.keeps) ((T *)s.dh)[p.state] = through;
}

/* Of a sequence that is over nothing goes through the gates; dh and dc stay. */
template <class T, int CELL>
static __device__ __forceinline__ void pass_back(const reel__recurrent_step &s, const place<T> &p) {
#pragma unroll
    for (int k = 0; k < sizes<CELL>::GATES; k++) {
        ((T *)s.dx)[p.gate(k)] = 0;
        if (CELL == REEL__CELL_GRU) ((T *)s.dz)[p.gate(k)] = 0;
    }
}

template <class T, int CELL, bool BACK, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    recurrent(const __grid_constant__ reel__recurrent_step s, COUNT n) {
    begin();
    const COUNT hidden = (COUNT)s.hidden;
    EACH(COUNT, u, n) {
        const COUNT row = u / hidden, j = u - row * hidden;
        const place<T> p(s, row, j, sizes<CELL>::GATES);
        const bool over = s.lengths && s.t >= s.lengths[row];
        if (BACK && over)
            pass_back<T, CELL>(s, p);
        else if (BACK)
            step_back<T, CELL>(s, p);
        else if (over)
            pass<T, CELL>(s, p);
        else
            step<T, CELL>(s, p, j);
    }
}

template <class T, int CELL, bool BACK>
static cudaError_t launch_cell(const reel__recurrent_step *s, reel__cuda_queue *queue) {
    const int64_t n = s->batch * s->hidden;
    return is_short(n * sizes<CELL>::GATES) ? launch(recurrent<T, CELL, BACK, uint32_t>, grid(n),
                                                     THREADS, queue, *s, (uint32_t)n)
                                            : launch(recurrent<T, CELL, BACK, uint64_t>, grid(n),
                                                     THREADS, queue, *s, (uint64_t)n);
}

template <class T, bool BACK>
static cudaError_t launch_step(const reel__recurrent_step *s, reel__cuda_queue *queue) {
    if (s->cell == REEL__CELL_LSTM) return launch_cell<T, REEL__CELL_LSTM, BACK>(s, queue);
    if (s->cell == REEL__CELL_GRU) return launch_cell<T, REEL__CELL_GRU, BACK>(s, queue);
    if (s->cell == REEL__CELL_RELU) return launch_cell<T, REEL__CELL_RELU, BACK>(s, queue);
    return launch_cell<T, REEL__CELL_TANH, BACK>(s, queue);
}

cudaError_t reel__cuda_launch_recurrent(const reel__recurrent_step *s, bool back, reel_dtype dtype,
                                        reel__cuda_queue *queue) {
    if (dtype == REEL_F32)
        return back ? launch_step<float, true>(s, queue) : launch_step<float, false>(s, queue);
    return back ? launch_step<double, true>(s, queue) : launch_step<double, false>(s, queue);
}
