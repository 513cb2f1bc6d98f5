"""Kernels by hand, as tests of the stand-in for CuPy run them."""

from __future__ import annotations

ELEMENTWISE = """
template <class T> __device__ T bent(T x, T w) { return x > 0 ? log1p(exp(-w * x)) : fma(w, x, pow(fabs(x), T(1.5))); }
extern "C" __global__ void bend(const TYPE* __restrict__ x, TYPE* __restrict__ y, TYPE w, long long n) {
  long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (i >= n) return;
  y[i] = bent(x[i], w);
}
"""
TOTAL = """
#include <cuda_fp16.h>
#define WIDEST 256
extern "C" __global__ void total(const TYPE* x, TYPE* parts, unsigned* counter, TYPE* out, long long n) {
  __shared__ TYPE sums[WIDEST];
  __shared__ bool last;
  TYPE own = 0;
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
    own += x[i];
  sums[threadIdx.x] = own;
  __syncthreads();
  for (int step = WIDEST / 2; step > 0; step >>= 1) {
    if (threadIdx.x < step && threadIdx.x + step < blockDim.x) sums[threadIdx.x] += sums[threadIdx.x + step];
    __syncthreads();
  }
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = sums[0];
    __threadfence();
    last = atomicInc(counter, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last || threadIdx.x > 0) return;
  TYPE all = 0;
  for (int b = 0; b < gridDim.x; b++) all += parts[b];
  *out = all;
}
"""
SHUFFLES = """
extern "C" __global__ void shuffles(const double* x, double* down, float* broadcast, int* exchanged) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  double sum = x[i];
  for (int by = 16; by > 0; by >>= 1) sum += __shfl_down_sync(0xffffffffu, sum, by);
  down[i] = sum;
  broadcast[i] = __shfl_sync(0xffffffffu, (float)x[i], 3);
  exchanged[i] = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);
}
"""
SOURCES = {
    "elementwise in double": ELEMENTWISE.replace("TYPE", "double"),
    "elementwise in float": ELEMENTWISE.replace("TYPE", "float"),
    "a sum in double": TOTAL.replace("TYPE", "double").replace("#include <cuda_fp16.h>", ""),
    "a sum in float": TOTAL.replace("TYPE", "float").replace("#include <cuda_fp16.h>", ""),
    "shuffles": SHUFFLES,
}
