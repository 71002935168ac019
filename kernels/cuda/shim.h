// Stand-in for the CUDA language, so that g++ compiles the kernels as they are and a CPU runs them.
//
// A thread of a block is a fiber: it runs until it waits at a barrier or for its warp, and goes on
// when all that it waits for have come. Threads that never wait share one fiber after another, as a
// plain loop would run them. A barrier that some threads of a block never reach aborts, as it would
// hang a GPU. Shared memory is poisoned before each block. With SHIM_REVERSED threads and blocks run
// from the last to the first: what changes then depends on an order that a GPU does not promise.
//
// Not modelled: races between barriers, memory ordering, tensor cores, fast-math, speed.
#pragma once
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("shim_shared")))

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

#define SHIM_VECTORS(T, N)                                                                     \
    struct alignas(2 * sizeof(T)) N##2 { T x, y; };                                            \
    struct N##3 { T x, y, z; };                                                                \
    struct alignas(4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)) N##4 { T x, y, z, w; };            \
    inline N##2 make_##N##2(T x, T y) { return {x, y}; }                                       \
    inline N##3 make_##N##3(T x, T y, T z) { return {x, y, z}; }                               \
    inline N##4 make_##N##4(T x, T y, T z, T w) { return {x, y, z, w}; }
SHIM_VECTORS(signed char, char)
SHIM_VECTORS(unsigned char, uchar)
SHIM_VECTORS(short, short)
SHIM_VECTORS(unsigned short, ushort)
SHIM_VECTORS(int, int)
SHIM_VECTORS(unsigned, uint)
SHIM_VECTORS(long long, longlong)
SHIM_VECTORS(unsigned long long, ulonglong)
SHIM_VECTORS(float, float)
SHIM_VECTORS(double, double)
#undef SHIM_VECTORS

inline dim3 threadIdx, blockIdx, blockDim, gridDim;
constexpr int warpSize = 32;

// ---- numbers

inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
#define SHIM_LEAST_MOST(T)                                  \
    inline T min(T a, T b) { return b < a ? b : a; }        \
    inline T max(T a, T b) { return a < b ? b : a; }
SHIM_LEAST_MOST(int)
SHIM_LEAST_MOST(unsigned)
SHIM_LEAST_MOST(long)
SHIM_LEAST_MOST(unsigned long)
SHIM_LEAST_MOST(long long)
SHIM_LEAST_MOST(unsigned long long)
#undef SHIM_LEAST_MOST

template <class To, class From> To shim_bits(From value) {
    static_assert(sizeof(To) == sizeof(From));
    To result;
    memcpy(&result, &value, sizeof result);
    return result;
}
inline int __float_as_int(float f) { return shim_bits<int>(f); }
inline unsigned __float_as_uint(float f) { return shim_bits<unsigned>(f); }
inline float __int_as_float(int n) { return shim_bits<float>(n); }
inline float __uint_as_float(unsigned n) { return shim_bits<float>(n); }
inline int __popc(unsigned n) { return __builtin_popcount(n); }
inline int __ffs(int n) { return __builtin_ffs(n); }
inline int __clz(int n) { return n ? __builtin_clz(unsigned(n)) : 32; }
inline float rsqrtf(float f) { return 1.0f / sqrtf(f); }
inline float __saturatef(float f) { return f > 0 ? (f < 1 ? f : 1) : 0; }  // NaN -> 0
inline float __fdividef(float a, float b) { return a / b; }
inline float __expf(float f) { return expf(f); }
// As the hardware converts: rounded, held at the ends of the range, 0 for what is no number.
inline int shim_int(double d) {
    return d != d ? 0 : d >= 2147483647.0 ? 2147483647 : d <= -2147483648.0 ? -2147483647 - 1 : int(d);
}
inline int __float2int_rz(float f) { return shim_int(f); }
inline int __float2int_rd(float f) { return shim_int(floorf(f)); }
inline int __float2int_rn(float f) { return shim_int(rintf(f)); }
inline int __double2int_rz(double d) { return shim_int(d); }
template <class T> T __ldg(const T* p) { return *p; }

// ---- half precision: gcc's _Float16 rounds as __float2half_rn does

struct __half {
    _Float16 v;
};
struct alignas(4) __half2 {
    __half x, y;
};
typedef __half half;
typedef __half2 half2;
inline float __half2float(__half h) { return float(h.v); }
inline __half __float2half_rn(float f) { return {_Float16(f)}; }
inline __half __float2half(float f) { return {_Float16(f)}; }
inline __half __ushort_as_half(unsigned short n) { return shim_bits<__half>(n); }
inline unsigned short __half_as_ushort(__half h) { return shim_bits<unsigned short>(h); }
inline float2 __half22float2(__half2 h) { return {float(h.x.v), float(h.y.v)}; }
inline __half2 __floats2half2_rn(float a, float b) { return {{_Float16(a)}, {_Float16(b)}}; }
inline __half2 __float22half2_rn(float2 f) { return __floats2half2_rn(f.x, f.y); }
inline __half2 __halves2half2(__half a, __half b) { return {a, b}; }
inline float __low2float(__half2 h) { return float(h.x.v); }
inline float __high2float(__half2 h) { return float(h.y.v); }

// ---- atomics: one thread runs at a time

template <class T, class U> T shim_swap(T* at, U next) {
    T before = *at;
    *at = T(next);
    return before;
}
template <class T> T atomicAdd(T* at, std::common_type_t<T> n) { return shim_swap(at, T(*at + n)); }
template <class T> T atomicMin(T* at, std::common_type_t<T> n) { return shim_swap(at, n < *at ? n : *at); }
template <class T> T atomicMax(T* at, std::common_type_t<T> n) { return shim_swap(at, *at < n ? n : *at); }
template <class T> T atomicOr(T* at, std::common_type_t<T> n) { return shim_swap(at, T(*at | n)); }
template <class T> T atomicAnd(T* at, std::common_type_t<T> n) { return shim_swap(at, T(*at & n)); }
template <class T> T atomicExch(T* at, std::common_type_t<T> n) { return shim_swap(at, n); }
template <class T> T atomicCAS(T* at, std::common_type_t<T> was, std::common_type_t<T> n) {
    return shim_swap(at, *at == was ? n : *at);
}
inline void __threadfence() {}
inline void __threadfence_block() {}

// ---- fibers

struct ShimBlock {
    enum State : char { WAITING_WARP = 1, WAITING_BLOCK, READY, DONE, UNBORN };
    static constexpr size_t STACK = 128 << 10;
    int count = 0, current = 0, unborn = 0;
    std::vector<State> state;          // [count]
    std::vector<int> fiber;            // [count] that a thread runs on
    std::vector<uint64_t> lanes;       // [count] what each offers to its warp
    std::vector<ucontext_t> context;   // by fiber
    std::vector<std::vector<char>> stack;
    std::vector<int> idle;             // fibers without a thread
    std::vector<char> dynamic;         // the block's dynamic shared memory, 16 bytes aligned
    ucontext_t scheduler;
    void (*body)(void*) = nullptr;
    void* argument = nullptr;
};
inline ShimBlock shim;
extern "C" char __start_shim_shared[] __attribute__((weak));
extern "C" char __stop_shim_shared[] __attribute__((weak));

inline void* dyn_smem() { return (void*)((uintptr_t(shim.dynamic.data()) + 15) & ~uintptr_t(15)); }

inline int shim_turn(int n) {
#ifdef SHIM_REVERSED
    return shim.count - 1 - n;
#else
    return n;
#endif
}
inline void shim_enter(int thread) {
    shim.current = thread;
    threadIdx = dim3(thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / (blockDim.x * blockDim.y));
}
inline void shim_wait(ShimBlock::State state) {
    int thread = shim.current;
    shim.state[thread] = state;
    swapcontext(&shim.context[shim.fiber[thread]], &shim.scheduler);
}
// A fiber runs threads not begun yet, one after another, until one waits: then the scheduler gives
// the rest to another fiber.
inline void shim_main(int fiber) {
    for (;;) {
        while (shim.unborn < shim.count) {
            int thread = shim_turn(shim.unborn++);
            shim.fiber[thread] = fiber;
            shim_enter(thread);
            shim.state[thread] = ShimBlock::READY;
            shim.body(shim.argument);
            shim.state[thread] = ShimBlock::DONE;
        }
        shim.idle.push_back(fiber);
        swapcontext(&shim.context[fiber], &shim.scheduler);
    }
}
inline void shim_resume(int fiber) { swapcontext(&shim.scheduler, &shim.context[fiber]); }
inline int shim_fiber() {
    if (!shim.idle.empty()) {
        int fiber = shim.idle.back();
        shim.idle.pop_back();
        return fiber;
    }
    int fiber = int(shim.stack.size());
    // Contexts hold pointers into themselves: they must not move.
    if (fiber == 0) shim.context.reserve(1025), shim.stack.reserve(1025);
    shim.context.emplace_back();
    shim.stack.emplace_back(ShimBlock::STACK);
    ucontext_t& made = shim.context.back();
    getcontext(&made);
    made.uc_stack.ss_sp = shim.stack.back().data();
    made.uc_stack.ss_size = ShimBlock::STACK;
    made.uc_link = nullptr;
    makecontext(&made, (void (*)())shim_main, 1, fiber);
    return fiber;
}
// Lets go whole warps, or the block, when all their threads wait or are done.
inline bool shim_release() {
    bool any = false, all = true, left = false;
    for (int w = 0; w < shim.count; w += 32) {
        int end = w + 32 < shim.count ? w + 32 : shim.count;
        bool here = true, one = false;
        for (int t = w; t < end; ++t) {
            here &= shim.state[t] == ShimBlock::WAITING_WARP || shim.state[t] == ShimBlock::DONE;
            one |= shim.state[t] == ShimBlock::WAITING_WARP;
            left |= shim.state[t] != ShimBlock::DONE;
            all &= shim.state[t] == ShimBlock::WAITING_BLOCK || shim.state[t] == ShimBlock::DONE;
        }
        for (int t = w; here && one && t < end; ++t)
            if (shim.state[t] == ShimBlock::WAITING_WARP) shim.state[t] = ShimBlock::READY, any = true;
    }
    for (int t = 0; all && left && t < shim.count; ++t)
        if (shim.state[t] == ShimBlock::WAITING_BLOCK) shim.state[t] = ShimBlock::READY, any = true;
    return any;
}
__attribute__((no_sanitize("address"))) inline void shim_poison() {
    for (volatile char* p = __start_shim_shared; p && p < __stop_shim_shared; ++p) *p = char(0xA5);
    for (char& c : shim.dynamic) c = char(0xA5);
}
inline void shim_block() {
    shim_poison();
    shim.unborn = 0;
    for (int t = 0; t < shim.count; ++t) shim.state[t] = ShimBlock::UNBORN;
    while (shim.unborn < shim.count) shim_resume(shim_fiber());
    while (shim_release())
        for (int n = 0; n < shim.count; ++n) {
            int t = shim_turn(n);
            if (shim.state[t] != ShimBlock::READY) continue;
            shim_enter(t);
            shim_resume(shim.fiber[t]);
        }
    for (int t = 0; t < shim.count; ++t)
        if (shim.state[t] != ShimBlock::DONE) {
            fprintf(stderr, "shim: thread %d waits at a barrier that others never reach\n", t);
            abort();
        }
}
template <class F> void shim_grid(dim3 grid, dim3 block, size_t shared, F kernel) {
    gridDim = grid, blockDim = block;
    shim.count = int(block.x * block.y * block.z);
    shim.state.resize(shim.count), shim.fiber.resize(shim.count), shim.lanes.resize(shim.count + 32);
    shim.dynamic.resize(shared ? shared + 15 : 0);
    shim.argument = &kernel;
    shim.body = [](void* f) { (*(F*)f)(); };
    uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
    for (uint64_t n = 0; n < blocks; ++n) {
#ifdef SHIM_REVERSED
        uint64_t b = blocks - 1 - n;
#else
        uint64_t b = n;
#endif
        blockIdx = dim3(unsigned(b % grid.x), unsigned(b / grid.x % grid.y), unsigned(b / grid.x / grid.y));
        shim_block();
    }
}
inline void __syncthreads() { shim_wait(ShimBlock::WAITING_BLOCK); }
inline void __syncwarp(unsigned = ~0u) { shim_wait(ShimBlock::WAITING_WARP); }

// ---- what the threads of a warp tell each other

template <class T> uint64_t shim_offer(T value) {
    static_assert(sizeof(T) <= 8);
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    shim.lanes[shim.current] = bits;
    __syncwarp();
    return bits;
}
template <class T> T shim_shuffle(T value, int lane) {
    T result;
    shim_offer(value);
    memcpy(&result, &shim.lanes[(shim.current & ~31) + (lane & 31)], sizeof result);
    __syncwarp();
    return result;
}
template <class T> T __shfl_sync(unsigned, T v, int lane, int = 32) { return shim_shuffle(v, lane); }
template <class T> T __shfl_xor_sync(unsigned, T v, int o, int = 32) { return shim_shuffle(v, (shim.current & 31) ^ o); }
template <class T> T __shfl_down_sync(unsigned, T v, unsigned o, int = 32) {
    int lane = shim.current & 31;
    return shim_shuffle(v, lane + int(o) < 32 ? lane + int(o) : lane);
}
template <class T> T __shfl_up_sync(unsigned, T v, unsigned o, int = 32) {
    int lane = shim.current & 31;
    return shim_shuffle(v, lane >= int(o) ? lane - int(o) : lane);
}
inline unsigned __ballot_sync(unsigned, int predicate) {
    int first = shim.current & ~31, count = shim.count - first < 32 ? shim.count - first : 32;
    unsigned result = 0;
    shim_offer(uint64_t(predicate != 0));
    for (int lane = 0; lane < count; ++lane)
        if (shim.state[first + lane] != ShimBlock::DONE && shim.lanes[first + lane]) result |= 1u << lane;
    __syncwarp();
    return result;
}
template <class T, class F> T shim_reduce(T value, F both) {
    int first = shim.current & ~31, count = shim.count - first < 32 ? shim.count - first : 32;
    shim_offer(value);
    for (int lane = 0; lane < count; ++lane)
        if (first + lane != shim.current && shim.state[first + lane] != ShimBlock::DONE)
            value = both(value, T(shim.lanes[first + lane]));
    __syncwarp();
    return value;
}
template <class T> T __reduce_max_sync(unsigned, T v) { return shim_reduce(v, [](T a, T b) { return a < b ? b : a; }); }
template <class T> T __reduce_min_sync(unsigned, T v) { return shim_reduce(v, [](T a, T b) { return b < a ? b : a; }); }
template <class T> T __reduce_add_sync(unsigned, T v) { return shim_reduce(v, [](T a, T b) { return T(a + b); }); }
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }
inline int __syncthreads_count(int predicate) {
    shim.lanes[shim.current] = predicate != 0;
    __syncthreads();
    int result = 0;
    for (int t = 0; t < shim.count; ++t) result += shim.state[t] != ShimBlock::DONE && shim.lanes[t];
    __syncthreads();
    return result;
}
inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
inline int __syncthreads_and(int predicate) { return __syncthreads_count(!predicate) == 0; }

// ---- how a kernel is called: as cuLaunchKernel does, with the address of each argument

template <class T> constexpr char shim_kind() {
    if (std::is_pointer_v<T>) return 'p';
    if (std::is_same_v<T, int>) return 'i';
    if (std::is_same_v<T, unsigned>) return 'u';
    if (std::is_same_v<T, float>) return 'f';
    return std::is_same_v<T, long long> ? 'l' : '?';
}
template <class... A> const char* shim_kinds(void (*)(A...)) {
    static const char kinds[] = {shim_kind<A>()..., 0};
    return kinds;
}
template <class... A, size_t... N>
void shim_call(void (*kernel)(A...), dim3 grid, dim3 block, size_t shared, void** given, std::index_sequence<N...>) {
    shim_grid(grid, block, shared, [&] { kernel(*(A*)given[N]...); });
}
template <class... A> void shim_launch(void (*kernel)(A...), const unsigned* shape, size_t shared, void** given) {
    shim_call(kernel, dim3(shape[0], shape[1], shape[2]), dim3(shape[3], shape[4], shape[5]), shared, given,
              std::index_sequence_for<A...>());
}
#define SHIM_KERNEL(name)                                                                      \
    extern "C" void launch_##name(const unsigned* shape, size_t shared, void** given) {        \
        shim_launch(name, shape, shared, given);                                               \
    }                                                                                          \
    extern "C" const char* kinds_##name() { return shim_kinds(name); }
