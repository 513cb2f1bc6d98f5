struct Waves { A sine, cosine; };
__device__ Waves sine_and_cosine(A x) { Waves found; sincos(x, &found.sine, &found.cosine); return found; }

__device__ A infinity() { return A(1e300 * 1e300); }

__device__ A nan_() { return infinity() - infinity(); }

__device__ A square(A x) { return x * x; }

__device__ A sign(A x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

__device__ A larger(A a, A b) { return a > b || a != a ? a : b; }

__device__ A smaller(A a, A b) { return a < b || a != a ? a : b; }

__device__ A modulo(A a, A b) {  // of the sign of b
    const A rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

__device__ A logaddexp(A a, A b) {
    return a == b ? a + A(0.6931471805599453) : larger(a, b) + log1p(exp(-fabs(a - b)));
}

__device__ A bell(A x) {  // exp(-x**2), with what is lost in rounding the square
    const A square = x * x;
    const A lost = fma(x, x, -square);
    return square < 1000 ? exp(-square) * (1 - lost) : x == x ? 0 : x;
}

struct Sum {
    static __device__ A none() { return 0; }
    static __device__ A of(A a, A b) { return a + b; }
};

struct Product {
    static __device__ A none() { return 1; }
    static __device__ A of(A a, A b) { return a * b; }
};

struct Largest {
    static __device__ A none() { return -infinity(); }
    static __device__ A of(A a, A b) { return larger(a, b); }
};

struct Smallest {
    static __device__ A none() { return infinity(); }
    static __device__ A of(A a, A b) { return smaller(a, b); }
};

// Room for a number of each thread of a block.
__device__ A* lane_values() {
    __shared__ A values[1024];
    return values;
}

// For every `lanes` threads side by side (a power of 2, or all of the block) what all of them have together.
template <class Law> __device__ A over_lanes(A value, unsigned lanes) {
    A* values = lane_values();
    const unsigned lane = threadIdx.x % lanes;
    __syncthreads();
    values[threadIdx.x] = value;
    for (unsigned n = lanes; n > 1;) {
        const unsigned half = (n + 1) / 2;
        __syncthreads();
        if (lane + half < n) values[threadIdx.x] = Law::of(values[threadIdx.x], values[threadIdx.x + half]);
        n = half;
    }
    __syncthreads();
    return values[threadIdx.x - lane];
}

// The same of the lanes of a row, of which as many as 32 need not wait for the rest of the block.
template <class Law> __device__ A over_row(A value, unsigned lanes) {
    if (lanes > 32) return over_lanes<Law>(value, lanes);
    const unsigned first = threadIdx.x % 32 / lanes * lanes;
    const unsigned mask = (lanes < 32 ? (1u << lanes) - 1 : ~0u) << first;
    for (unsigned n = lanes / 2; n > 0; n /= 2) value = Law::of(value, __shfl_xor_sync(mask, value, n));
    return __shfl_sync(mask, value, first);
}

// Whether all other blocks (of this column) have written their shares. The counter goes back to 0.
__device__ bool is_last_block(unsigned* done) {
    __shared__ bool is_last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) is_last = atomicInc(done + blockIdx.y, gridDim.x - 1) == gridDim.x - 1;
    __syncthreads();
    __threadfence();
    return is_last;
}

// What the shares of all blocks have together.
template <class Law> __device__ A over_blocks(const volatile A* shares) {
    A value = Law::none();
    for (unsigned block = threadIdx.x; block < gridDim.x; block += blockDim.x) value = Law::of(value, shares[block]);
    return over_lanes<Law>(value, blockDim.x);
}

// The same of one column, of which every chunk of the rows has a share.
template <class Law> __device__ A over_chunks(const volatile A* shares, unsigned chunks, size_t columns) {
    A value = Law::none();
    for (unsigned chunk = 0; chunk < chunks; chunk++) value = Law::of(value, shares[chunk * columns]);
    return value;
}

// For each of `width` threads side by side, a group, what all groups of a block have together.
template <class Law> __device__ A over_groups(A value, unsigned width) {
    A* values = lane_values();
    const unsigned group = threadIdx.x / width;
    __syncthreads();
    values[threadIdx.x] = value;
    for (unsigned n = blockDim.x / width; n > 1;) {
        const unsigned half = (n + 1) / 2;
        __syncthreads();
        if (group + half < n) values[threadIdx.x] = Law::of(values[threadIdx.x], values[threadIdx.x + half * width]);
        n = half;
    }
    __syncthreads();
    return values[threadIdx.x % width];
}

// The share of a block: what its groups have together, of each column.
template <class Law> __device__ void share_columns(const A* sums, volatile A* shares, unsigned groups, I columns) {
    for (I column = threadIdx.x; column < columns; column += blockDim.x)
        shares[(size_t)blockIdx.x * columns + column] = over_chunks<Law>(sums + column, groups, columns);
}

// Of each column what the shares of some blocks have together, as what a group has.
template <class Law> __device__ void take_columns(A* sums, const volatile A* shares, unsigned lanes, I columns) {
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    const unsigned blocks = (gridDim.x + groups - 1 - group) / groups;
    shares += (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes)
        sums[column] = over_chunks<Law>(shares + column, blocks, (size_t)groups * columns);
}
