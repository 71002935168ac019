// A network's picture at another size -> I420 in one pass: kernels/resize.py and kernels/i420.py.
//
// Contract: as i420.cu's compose. A block makes 32 x 16 pixels: it reads the part of the answer
// that they are means of, STRIP rows at a time and sixteen bytes of a plane a load, resizes it
// along rows into shared memory, then along columns, lays it over the backdrop and converts. Both
// sums run over the taps in the order of the CPU.
#include "device.h"
#include "yuv.h"
#include "mark.h"
#include "answer.h"

constexpr int WIDE = 32, TALL = 16;  // a block's tile of the picture
constexpr int STRIP = 8;             // rows of the answer that are read at a time

__device__ __forceinline__ float4 premultiplied(float4 rgba) {
    float alpha = held(rgba.w);
    return make_float4(held(rgba.x) * alpha, held(rgba.y) * alpha, held(rgba.z) * alpha, alpha);
}

// Rows `row` to row + STRIP of the answer from column `first` on -> premultiplied in `strip`
// [STRIP, columns].
template <class T, bool PLANES> __device__ __forceinline__ void read_strip(
    const Answer<T, PLANES>& answer, int row, int last, int first, int columns, float4* strip,
    int thread
) {
    const int N = Pixels<T>::N;
    int pieces = columns / N;
    bool wide = answer.columns % N == 0;  // `first` is a multiple of N
    for (int n = thread; n < STRIP * pieces; n += WIDE * 8) {
        int line = n / pieces, x = (n - line * pieces) * N;
        if (row + line >= last) return;
        float4* to = strip + line * columns + x;
        if (wide && first + x + N <= answer.columns) {
            Words<T> words;
            answer.many(row + line, first + x, words);
#pragma unroll
            for (int k = 0; k < N; ++k) to[k] = premultiplied(answer.of(words, k));
        } else {
#pragma unroll 1
            for (int k = 0; k < N; ++k)
                to[k] =
                    premultiplied(answer.one(row + line, min(first + x + k, answer.columns - 1)));
        }
    }
}

__device__ __forceinline__ void add(float4& sum, float weight, float4 value) {
    sum.x += weight * value.x, sum.y += weight * value.y;
    sum.z += weight * value.z, sum.w += weight * value.w;
}

// A premultiplied colour over a word of the backdrop -> three fields. Cubics overshoot: a colour is
// never more than all of what is seen.
__device__ __forceinline__ u32 blended(float4 sum, u32 behind) {
    float alpha = held(sum.w), rest = 1.0f - alpha;
    return packed(
        truncated(fminf(held(sum.x), alpha) * 255.0f + rest * float(int(behind & 255)) + 0.5f),
        truncated(fminf(held(sum.y), alpha) * 255.0f + rest * float(int(behind >> 8 & 255)) + 0.5f),
        truncated(fminf(held(sum.z), alpha) * 255.0f + rest * float(int(behind >> 16 & 255)) + 0.5f)
    );
}

template <class T, bool PLANES> __device__ __forceinline__ void resize(
    const T* rgba, const int* first_x, const float* weight_x, const int* first_y,
    const float* weight_y, const Figure* figures, const int* who, u8* out, int rows, int columns,
    int taps_x, int taps_y, int held_rows, int held_columns, int height, int width
) {
    SHARED(float4, kept);                     // [held_rows, WIDE] resized along rows
    float4* strip = kept + held_rows * WIDE;  // [STRIP, held_columns]
    __shared__ __align__(16) u8 bytes[TALL * WIDE * 3 / 2];
    int lane = int(threadIdx.x), row = int(threadIdx.y), thread = row * WIDE + lane;
    int x0 = int(blockIdx.x) * WIDE, y0 = int(blockIdx.y) * TALL;
    int x = x0 + lane < width ? x0 + lane : width - 1;
    int last_x = x0 + WIDE < width ? x0 + WIDE - 1 : width - 1;
    int last_y = y0 + TALL < height ? y0 + TALL - 1 : height - 1;
    Answer<T, PLANES> answer = {rgba + (i64)blockIdx.z * 4 * rows * columns, rows, columns};

    // Sixteen bytes of a plane begin at a multiple of N.
    int left = first_x[x0] / Pixels<T>::N * Pixels<T>::N, top = first_y[y0];
    int wide = (first_x[last_x] + taps_x - left + Pixels<T>::N - 1) / Pixels<T>::N * Pixels<T>::N;
    wide = wide < held_columns ? wide : held_columns;
    int bottom = first_y[last_y] + taps_y;
    bottom = bottom < top + held_rows ? bottom : top + held_rows;
    int at = first_x[x] - left;
    for (int begin = top; begin < bottom; begin += STRIP) {
        read_strip(answer, begin, bottom, left, wide, strip, thread);
        __syncthreads();
        if (begin + row < bottom) {
            float4 sum = make_float4(0, 0, 0, 0);
            for (int k = 0; k < taps_x; ++k)
                add(sum, __ldg(weight_x + (i64)k * width + x), strip[row * wide + at + k]);
            kept[(begin - top + row) * WIDE + lane] = sum;
        }
        __syncthreads();
    }

    const Figure* figure = figures + who[blockIdx.z];
    u8* chroma = bytes + TALL * WIDE;
    u32 both = 0;
    for (int n = 0; n < 2; ++n) {
        int line = 2 * row + n, y = y0 + line < height ? y0 + line : height - 1;
        const float4* from = kept + (first_y[y] - top) * WIDE + lane;
        float4 sum = make_float4(0, 0, 0, 0);
        for (int k = 0; k < taps_y; ++k)
            add(sum, __ldg(weight_y + (i64)k * height + y), from[k * WIDE]);
        u32 fields =
            stamped(figure, blended(sum, __ldg(figure->backdrop + (i64)y * width + x)), x, y);
        bytes[line * WIDE + lane] = (u8)luma(fields);
        both += fields;
    }
    both += __shfl_xor_sync(~0u, both, 1);
    if (lane % 2 == 0) {
        chroma[row * (WIDE / 2) + lane / 2] = (u8)chroma_u(both);
        chroma[(8 + row) * (WIDE / 2) + lane / 2] = (u8)chroma_v(both);
    }
    __syncthreads();
    out += (i64)blockIdx.z * (height + height / 2) * width;
    int tall = last_y + 1 - y0, broad = last_x + 1 - x0, half = width / 2;
    copy_rows(bytes, WIDE, out + (i64)y0 * width + x0, width, tall, broad, thread, 256);
    u8* plane = out + (i64)height * width + (i64)(y0 / 2) * half + x0 / 2;
    copy_rows(chroma, WIDE / 2, plane, half, tall / 2, broad / 2, thread, 256);
    plane += (i64)(height / 2) * half;
    copy_rows(chroma + 8 * (WIDE / 2), WIDE / 2, plane, half, tall / 2, broad / 2, thread, 256);
}

// first_x int [width], weight_x float [taps_x, width], first_y, weight_y [taps_y, height]: of
// kernels.resize.taps, weights by tap. held_rows, held_columns: what a tile needs at most of the
// answer, columns a multiple of N. Grid (ceil(width / 32), ceil(height / 16), B), block (32, 8),
// shared 16 (32 held_rows + 8 held_columns).
#define RESIZE(name, T, PLANES)                                                                    \
    extern "C" __global__ void __launch_bounds__(256, 4) name(                                     \
        const T* __restrict__ rgba, const int* __restrict__ first_x,                               \
        const float* __restrict__ weight_x, const int* __restrict__ first_y,                       \
        const float* __restrict__ weight_y, const Figure* __restrict__ figures,                    \
        const int* __restrict__ who, u8* __restrict__ out, int rows, int columns, int taps_x,      \
        int taps_y, int held_rows, int held_columns, int height, int width                         \
    ) {                                                                                            \
        resize<T, PLANES>(                                                                         \
            rgba, first_x, weight_x, first_y, weight_y, figures, who, out, rows, columns, taps_x,  \
            taps_y, held_rows, held_columns, height, width                                         \
        );                                                                                         \
    }
RESIZE(resize_half, __half, true)
RESIZE(resize_float, float, true)
RESIZE(resize_half_last, __half, false)
