// CUDA C++ for g++: enough of it to run the kernels of generated modules on a CPU, for tests.
//
// The blocks of a grid run one after the other, the last one first, since CUDA promises no order. The threads of a block are
// fibers: each runs until it must wait for others, at __syncthreads() or a shuffle. Of a kernel that never waits, they run in
// a plain loop. What CUDA leaves undefined is seen: shared memory starts as NaN, as does what an absent lane hands over, and
// threads that would wait forever are an error.
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <type_traits>
#include <utility>

#undef INFINITY  // NVRTC has none of these either
#undef NAN
#undef M_PI
#undef M_E

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };
static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static const int warpSize = 32;

// ---- Threads that wait for each other

namespace cuda_on_cpu {

const int MOST_THREADS = 1024, STACK = 1 << 17, MOST_SHARED = 48 << 10;
enum State { READY, AT_BARRIER, AT_SHUFFLE, DONE };

struct Thread {
  jmp_buf place;  // where it goes on; much faster than swapcontext, which calls the kernel
  bool started;
  State state;
  int line;  // of the source, where it waits
  unsigned mask;
  unsigned long long given, received;
};

static Thread threads[MOST_THREADS];
static char* stacks;  // shared with other libraries: fibers last for a launch
static jmp_buf scheduler;
static int current, count;
static char message[200];
static void (*body)(void*);
static char* dynamic;  // shared memory whose size a launch chooses
static void* body_argument;

static uint3 position(int thread) {
  unsigned x = blockDim.x, y = blockDim.y, t = thread;
  return {t % x, t / x % y, t / x / y};
}

__attribute__((noinline)) static void wait(State state, int line) {
  Thread& self = threads[current];
  self.state = state;
  self.line = line;
  if (_setjmp(self.place) == 0) _longjmp(scheduler, 1);
}

static void live() {  // a fiber serves one block after the other
  for (;;) {
    body(body_argument);
    wait(DONE, 0);
  }
}

__attribute__((noinline)) static void go_on(int thread) {
  Thread& next = threads[thread];
  current = thread;
  threadIdx = position(thread);
  if (_setjmp(scheduler)) return;
  if (next.started) _longjmp(next.place, 1);
  next.started = true;
  static ucontext_t start;
  getcontext(&start);
  start.uc_stack.ss_sp = stacks + size_t(thread) * STACK;
  start.uc_stack.ss_size = STACK;
  makecontext(&start, live, 0);
  setcontext(&start);
}

static bool release_warp(int first) {  // where all its lanes that a shuffle names have come to it
  int last = first + 32 < count ? first + 32 : count, leader = first;
  while (leader < last && threads[leader].state != AT_SHUFFLE) leader++;
  if (leader == last) return false;
  unsigned mask = threads[leader].mask;
  for (int t = first; t < last; t++) {
    bool named = mask >> (t - first) & 1, here = threads[t].state == AT_SHUFFLE;
    bool alike = here && threads[t].mask == mask && threads[t].line == threads[leader].line;
    if (named && threads[t].state != DONE && !alike) return false;
  }
  for (int t = first; t < last; t++) {
    if (!(mask >> (t - first) & 1) || threads[t].state == DONE) continue;
    threads[t].received = threads[t].given;
    threads[t].state = READY;
  }
  for (int t = first; t < last; t++)
    if (threads[t].state == DONE) threads[t].received = ~0ull;
  return true;
}

static bool release_block() {  // where all threads that have not left have come to the same barrier
  int waiting = 0, left = 0, line = 0;
  for (int t = 0; t < count; t++) {
    left += threads[t].state == DONE;
    if (threads[t].state == AT_BARRIER && (!line || threads[t].line == line)) waiting++, line = threads[t].line;
  }
  if (!waiting || waiting + left < count) return false;
  for (int t = 0; t < count; t++)
    if (threads[t].state == AT_BARRIER) threads[t].state = READY;
  return true;
}

static const char* stuck() {
  const char* places[] = {"", "__syncthreads()", "a shuffle", "its end"};
  int other = 0;
  while (other < count - 1 && threads[other].state == threads[0].state && threads[other].line == threads[0].line) other++;
  Thread a = threads[0], b = threads[other];
  snprintf(message, sizeof message, "threads wait forever: thread 0 is at %s (line %d), thread %d at %s (line %d)",
           places[a.state], a.line, other, places[b.state], b.line);
  return message;
}

static const char* run_block() {
  for (int t = 0; t < count; t++) threads[t].state = READY;
  for (;;) {
    for (int t = 0; t < count; t++)
      if (threads[t].state == READY) go_on(t);
    bool released = release_block();
    for (int first = 0; first < count; first += 32) released |= release_warp(first);
    if (released) continue;
    for (int t = 0; t < count; t++)
      if (threads[t].state != DONE) return stuck();
    return nullptr;
  }
}

template <class T> T shuffle(int line, unsigned mask, T value, int source) {
  static_assert(sizeof(T) <= 8, "a shuffle hands over at most 8 bytes");
  int first = current / 32 * 32;
  threads[current].given = 0;
  memcpy(&threads[current].given, &value, sizeof(T));
  threads[current].mask = mask;
  wait(AT_SHUFFLE, line);
  int lane = first + source;
  bool absent = lane >= count || !(mask >> source & 1);
  unsigned long long bits = absent ? ~0ull : threads[lane].received;
  memcpy(&value, &bits, sizeof(T));
  return value;
}

template <class T> T shuffle_from(int line, unsigned mask, T value, int lane, int width = 32) {
  int own = current % 32;
  return shuffle(line, mask, value, own / width * width + lane % width);
}

template <class T> T shuffle_down(int line, unsigned mask, T value, unsigned by, int width = 32) {
  int own = current % 32, lane = own + by;
  return shuffle(line, mask, value, lane < (own / width + 1) * width ? lane : own);
}

template <class T> T shuffle_up(int line, unsigned mask, T value, unsigned by, int width = 32) {
  int own = current % 32, lane = own - by;
  return shuffle(line, mask, value, lane >= own / width * width ? lane : own);
}

template <class T> T shuffle_xor(int line, unsigned mask, T value, int with, int width = 32) {
  int own = current % 32, lane = own ^ with;
  return shuffle(line, mask, value, lane < (own / width + 1) * width ? lane : own);
}

// ---- Launches

template <class P> const char* letter() {  // as NumPy names types; "?" fits all
  using T = std::remove_cv_t<P>;
  if (std::is_same_v<T, bool>) return "b1";
  if (std::is_same_v<T, float>) return "f4";
  if (std::is_same_v<T, double>) return "f8";
  if (!std::is_integral_v<T>) return sizeof(T) == 2 ? "f2" : "?";
  const char* names[] = {"u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8"};
  return names[(std::is_signed_v<T> ? 4 : 0) + (sizeof(T) > 1) + (sizeof(T) > 2) + (sizeof(T) > 4)];
}

template <> inline const char* letter<void>() { return "?"; }

template <class... P> const char* types(void (*)(P...)) {
  static char text[sizeof...(P) * 4 + 1];
  text[0] = 0;
  ((strcat(text, std::is_pointer_v<P> ? "*" : "="), strcat(text, letter<std::remove_pointer_t<P>>()), strcat(text, " ")), ...);
  return text;
}

template <class... P> struct Call {
  void (*kernel)(P...);
  void** arguments;
  template <size_t... I> void run(std::index_sequence<I...>) { kernel(*static_cast<P*>(arguments[I])...); }
  static void run(void* self) { static_cast<Call*>(self)->run(std::index_sequence_for<P...>()); }
};

static const char* run_grid(const unsigned* sizes, bool waits, char* shared, size_t shared_size, size_t dynamic_size) {
  gridDim = {sizes[0], sizes[1], sizes[2]};
  blockDim = {sizes[3], sizes[4], sizes[5]};
  if (size_t(sizes[3]) * sizes[4] * sizes[5] > MOST_THREADS) return "a block has at most 1024 threads";
  if (sizes[0] >> 31 || sizes[1] > 65535 || sizes[2] > 65535) return "a grid has at most 65535 blocks in y and z";
  if (shared_size + dynamic_size > MOST_SHARED) return "a block has at most 48 KB of shared memory";
  static double room[MOST_SHARED / 8 + 128];  // with a margin on either side, which must stay as it is
  dynamic = (char*)(room + 64);
  const char* behind = dynamic + (dynamic_size + 7) / 8 * 8;
  memset(room, 0xff, sizeof room);
  count = sizes[3] * sizes[4] * sizes[5];
  for (int t = 0; t < count; t++) threads[t].started = false;
  for (size_t block = size_t(sizes[0]) * sizes[1] * sizes[2]; block-- > 0;) {
    blockIdx = {unsigned(block % sizes[0]), unsigned(block / sizes[0] % sizes[1]), unsigned(block / sizes[0] / sizes[1])};
    memset(shared, 0xff, shared_size);
    memset(dynamic, 0xff, dynamic_size);
    if (!waits) {
      for (current = 0; current < count; current++) {
        threadIdx = position(current);
        body(body_argument);
      }
    } else if (const char* error = run_block()) {
      return error;
    }
    for (const char* p = (char*)room; p < (char*)room + sizeof room; p++)
      if ((p < dynamic || p >= behind) && *p != char(0xff)) return "a write outside the shared memory that the launch asks for";
  }
  return nullptr;
}

struct Launch {  // as cupy/_kernel.py fills it in
  unsigned sizes[6];  // of the grid and of its blocks
  void** arguments;
  char* stacks;
  size_t shared_mem;
};

template <class... P> const char* launch(void (*kernel)(P...), const Launch& given, bool waits, char* shared, char* end) {
  Call<P...> call{kernel, given.arguments};
  body = Call<P...>::run;
  body_argument = &call;
  stacks = given.stacks;
  return run_grid(given.sizes, waits, shared, end - shared, given.shared_mem);
}

}  // namespace cuda_on_cpu

// A kernel of the file `id` is started by launch_id_kernel; its shared variables lie together in a section of the library.
#define SHARED(id) static __attribute__((section("shared_" #id)))
#define BOUNDS(id)                                               \
  extern "C" __attribute__((weak, visibility("hidden"))) char    \
      __start_shared_##id[], __stop_shared_##id[];
#define LAUNCHER(id, kernel, waits)                                                                       \
  extern "C" __attribute__((visibility("default"))) const char* types_##id##_##kernel() {                \
    return cuda_on_cpu::types(id::kernel);                                                                \
  }                                                                                                       \
  extern "C" __attribute__((visibility("default"))) const char* launch_##id##_##kernel(                  \
      const cuda_on_cpu::Launch* given) {                                                                 \
    return cuda_on_cpu::launch(id::kernel, *given, waits, __start_shared_##id, __stop_shared_##id);       \
  }

#define __syncthreads() cuda_on_cpu::wait(cuda_on_cpu::AT_BARRIER, __LINE__)
#define __shfl_sync(...) cuda_on_cpu::shuffle_from(__LINE__, __VA_ARGS__)
#define __shfl_down_sync(...) cuda_on_cpu::shuffle_down(__LINE__, __VA_ARGS__)
#define __shfl_up_sync(...) cuda_on_cpu::shuffle_up(__LINE__, __VA_ARGS__)
#define __shfl_xor_sync(...) cuda_on_cpu::shuffle_xor(__LINE__, __VA_ARGS__)
inline void __threadfence() {}
inline void __threadfence_block() {}

// ---- Atomic operations: no thread is interrupted in one

#define ATOMIC(name, T, changed)              \
  inline T name(T* place, T value) {          \
    T old = *place;                           \
    *place = changed;                         \
    return old;                               \
  }
#define ATOMIC_OF_INTEGERS(name, changed) \
  ATOMIC(name, int, changed)              \
  ATOMIC(name, unsigned, changed)         \
  ATOMIC(name, unsigned long long, changed)
ATOMIC_OF_INTEGERS(atomicAdd, old + value)
ATOMIC(atomicAdd, float, old + value)
ATOMIC(atomicAdd, double, old + value)
ATOMIC_OF_INTEGERS(atomicMax, old > value ? old : value)
ATOMIC_OF_INTEGERS(atomicMin, old < value ? old : value)
ATOMIC_OF_INTEGERS(atomicExch, value)
ATOMIC(atomicExch, float, value)
ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)
template <class T> T atomicCAS(T* place, T expected, T value) {
  T old = *place;
  if (old == expected) *place = value;
  return old;
}

// ---- Functions that CUDA has besides those of <math.h>, whose float arguments give float already

template <class A, class B> auto min(A a, B b) -> std::common_type_t<A, B> { return b < a ? b : a; }
template <class A, class B> auto max(A a, B b) -> std::common_type_t<A, B> { return a < b ? b : a; }
inline float pow(float x, int n) { return powf(x, n); }
inline void sincos(float x, float* s, float* c) { sincosf(x, s, c); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline double rcbrt(double x) { return 1 / cbrt(x); }
inline double normcdf(double x) { return erfc(-x * sqrt(0.5)) / 2; }

inline double erfcinv(double z) {  // Halley's method, from the leading term of erfc
  if (!(z > 0 && z < 2)) return z == 0 ? HUGE_VAL : z == 2 ? -HUGE_VAL : __builtin_nan("");
  if (z > 1) return -erfcinv(2 - z);
  double t = sqrt(-2 * log(z / 2)), y = (t - (2.30753 + t * 0.27061) / (1 + t * (0.99229 + t * 0.04481))) * sqrt(0.5);
  for (int i = 0; i < 3; i++) {
    double step = (erfc(y) - z) / (1.1283791670955126 * exp(-y * y));
    y += step / (1 - y * step);
  }
  return y;
}

inline double erfinv(double x) {
  if (!(fabs(x) < 0.5)) return x < 0 ? -erfcinv(1 + x) : erfcinv(1 - x);
  double y = x * 0.886226925452758;
  for (int i = 0; i < 4; i++) {
    double step = (erf(y) - x) / (1.1283791670955126 * exp(-y * y));
    y -= step / (1 + y * step);
  }
  return y;
}

#define ALSO_OF_FLOAT(name) \
  inline float name(float x) { return name(double(x)); } \
  inline float name##f(float x) { return name(double(x)); }
ALSO_OF_FLOAT(rsqrt)
ALSO_OF_FLOAT(rcbrt)
ALSO_OF_FLOAT(normcdf)
ALSO_OF_FLOAT(erfcinv)
ALSO_OF_FLOAT(erfinv)

template <class T> T __ldg(const T* place) { return *place; }
template <class To, class From> To bits_as(From from) {
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
inline float __int_as_float(int x) { return bits_as<float>(x); }
inline int __float_as_int(float x) { return bits_as<int>(x); }
inline double __longlong_as_double(long long x) { return bits_as<double>(x); }
inline long long __double_as_longlong(double x) { return bits_as<long long>(x); }

// ---- Half precision: kept in 16 bits, computed in float

struct __half {
  unsigned short bits;
  __half() = default;
  template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>> __half(T x) : bits(from(float(x))) {}
  operator float() const {
    unsigned sign = (bits & 0x8000u) << 16, rest = bits & 0x7fff;
    if (rest >= 0x7c00) return bits_as<float>(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    return bits_as<float>(sign | bits_as<unsigned>(bits_as<float>(rest << 13) * 0x1p112f));
  }

 private:
  static unsigned short from(float x) {
    unsigned sign = bits_as<unsigned>(x) >> 16 & 0x8000;
    double size = fabs(double(x));
    if (!(size < 65520)) return sign | (size != size ? 0x7fff : 0x7c00);
    int exponent = 0;
    frexp(size, &exponent);
    if (exponent < -13 || size == 0) return sign | unsigned(nearbyint(size * 0x1p24));
    return sign + ((exponent + 13) << 10) + unsigned(nearbyint(ldexp(size, 11 - exponent)));
  }
};
typedef __half half;
inline float __half2float(__half x) { return x; }
inline __half __float2half(float x) { return x; }
