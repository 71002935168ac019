// A network's picture -> I420 in one pass, and RGB -> I420.
//
// Contract: the answer is straight (not premultiplied) RGBA; it is laid over the figure's backdrop
// as kernels.texture.composite and kernels.resize do, and converted as kernels.i420 does, without a
// picture in between. `out` may be pinned host memory: every byte is written once, none is read.
//
// Memory is all there is to these kernels. A thread reads sixteen bytes of each plane at a time and
// writes eight bytes of luma: a naive thread per 2 x 2 block reads halves one by one (LDG.U16).
#include "device.h"
#include "yuv.h"

// ---- where an answer's numbers lie: sixteen bytes of four planes are N pixels, and so are 4 x 16
// bytes of interleaved ones

template <class T> struct Pixels {
    static constexpr int N = 16 / sizeof(T);
};
template <class T> struct Words {
    union {
        uint4 quad[4];
        T value[4 * Pixels<T>::N];
    };
};
__device__ __forceinline__ float number(float value) { return value; }
__device__ __forceinline__ float number(__half value) { return __half2float(value); }

// Strides in numbers of one picture [4, h, w] (planes) or [h, w, 4].
template <class T, bool PLANES> struct Answer {
    const T* at;
    int rows, columns;

    __device__ __forceinline__ long long place(int channel, int y, int x) const {
        long long pixel = (long long)y * columns + x;
        return PLANES ? (long long)channel * rows * columns + pixel : 4 * pixel + channel;
    }
    __device__ __forceinline__ float4 one(int y, int x) const {
        return make_float4(
            number(at[place(0, y, x)]), number(at[place(1, y, x)]), number(at[place(2, y, x)]),
            number(at[place(3, y, x)])
        );
    }
    // N pixels from (y, x) on; x and `columns` are multiples of N.
    __device__ __forceinline__ void many(int y, int x, Words<T>& words) const {
        for (int q = 0; q < 4; ++q) {
            const T* from = PLANES ? at + place(q, y, x) : at + place(0, y, x) + q * Pixels<T>::N;
            words.quad[q] = __ldg((const uint4*)from);
        }
    }
    static __device__ __forceinline__ float4 of(const Words<T>& words, int n) {
        const int step = PLANES ? Pixels<T>::N : 1, first = PLANES ? n : 4 * n;
        return make_float4(
            number(words.value[first]), number(words.value[first + step]),
            number(words.value[first + 2 * step]), number(words.value[first + 3 * step])
        );
    }
};

__device__ __forceinline__ unsigned over(float value, float alpha, unsigned behind) {
    float below = float(int(behind));
    return truncated(below + alpha * (held(value) * 255.0f - below) + 0.5f);
}
// An answer's pixel over a word of the backdrop -> three fields.
__device__ __forceinline__ unsigned laid(float4 rgba, unsigned behind) {
    float alpha = held(rgba.w);
    return packed(
        over(rgba.x, alpha, behind & 255), over(rgba.y, alpha, behind >> 8 & 255),
        over(rgba.z, alpha, behind >> 16 & 255)
    );
}

// ---- the same size

// N x 2 pixels: two stores of N bytes of luma, two of N / 2 of chroma.
template <class T, bool PLANES> __device__ __forceinline__ void compose_wide(
    const Answer<T, PLANES>& answer, int top, int left, const unsigned* behind, unsigned char* out,
    int height, int width, int x, int y
) {
    const int N = Pixels<T>::N;
    unsigned sums[N / 2], bytes[N / 4];
    for (int row = 0; row < 2; ++row) {
        Words<T> words;
        answer.many(top + y + row, left + x, words);
        const uint4* below = (const uint4*)(behind + (long long)(y + row) * width + x);
        for (int q = 0; q < N / 4; ++q) {
            uint4 four = __ldg(below + q);
            unsigned a = laid(answer.of(words, 4 * q), four.x), b = laid(answer.of(words, 4 * q + 1), four.y);
            unsigned c = laid(answer.of(words, 4 * q + 2), four.z), d = laid(answer.of(words, 4 * q + 3), four.w);
            bytes[q] = luma(a) | luma(b) << 8 | luma(c) << 16 | luma(d) << 24;
            sums[2 * q] = row ? sums[2 * q] + a + b : a + b;
            sums[2 * q + 1] = row ? sums[2 * q + 1] + c + d : c + d;
        }
        unsigned char* line = out + (long long)(y + row) * width + x;
        if (N == 8)
            *(uint2*)line = make_uint2(bytes[0], bytes[N / 4 - 1]);
        else
            *(unsigned*)line = bytes[0];
    }
    unsigned u = 0, v = 0;
    for (int n = 0; n < N / 2; ++n) {
        u |= chroma_u(sums[n]) << 8 * n;
        v |= chroma_v(sums[n]) << 8 * n;
    }
    unsigned char* chroma = out + (long long)height * width + (long long)(y / 2) * (width / 2) + x / 2;
    unsigned char* second = chroma + (long long)(height / 2) * (width / 2);
    if (N == 8) {
        *(unsigned*)chroma = u;
        *(unsigned*)second = v;
    } else {
        *(unsigned short*)chroma = (unsigned short)u;
        *(unsigned short*)second = (unsigned short)v;
    }
}

// A 2 x 2 block, by bytes: sizes and places that are no multiples of N.
template <class T, bool PLANES> __device__ __forceinline__ void compose_block(
    const Answer<T, PLANES>& answer, int top, int left, const unsigned* behind, unsigned char* out,
    int height, int width, int x, int y
) {
    unsigned sum = 0;
    for (int n = 0; n < 4; ++n) {
        int v = y + n / 2, u = x + n % 2;
        long long at = (long long)v * width + u;
        unsigned fields = laid(answer.one(top + v, left + u), behind[at]);
        out[at] = (unsigned char)luma(fields);
        sum += fields;
    }
    long long place = (long long)height * width + (long long)(y / 2) * (width / 2) + x / 2;
    out[place] = (unsigned char)chroma_u(sum);
    out[place + (long long)(height / 2) * (width / 2)] = (unsigned char)chroma_v(sum);
}

template <class T, bool PLANES> __device__ __forceinline__ void compose(
    const T* rgba, const Figure* figures, const int* who, unsigned char* out, int rows, int columns,
    int top, int left, int height, int width
) {
    const int N = Pixels<T>::N;
    int x = int(blockIdx.x * blockDim.x + threadIdx.x) * N, y = int(blockIdx.y * blockDim.y + threadIdx.y) * 2;
    if (x >= width || y >= height) return;
    Answer<T, PLANES> answer = {rgba + (long long)blockIdx.z * 4 * rows * columns, rows, columns};
    const unsigned* behind = figures[who[blockIdx.z]].backdrop;
    out += (long long)blockIdx.z * (height + height / 2) * width;
    // The same for all threads of a launch.
    if ((width | columns | left) % N == 0) {
        compose_wide(answer, top, left, behind, out, height, width, x, y);
        return;
    }
    for (int u = x; u < x + N && u < width; u += 2)
        compose_block(answer, top, left, behind, out, height, width, u, y);
}

// rgba [B, 4, rows, columns] or [B, rows, columns, 4]; the picture is the part at (top, left) of it;
// out [B, height * 3 / 2, width]. Grid (ceil(width / 32 N), ceil(height / 16), B), block (32, 8).
#define COMPOSE(name, T, PLANES)                                                                   \
    extern "C" __global__ void __launch_bounds__(256) name(                                        \
        const T* __restrict__ rgba, const Figure* __restrict__ figures, const int* __restrict__ who, \
        unsigned char* __restrict__ out, int rows, int columns, int top, int left, int height, int width \
    ) {                                                                                            \
        compose<T, PLANES>(rgba, figures, who, out, rows, columns, top, left, height, width);      \
    }
COMPOSE(compose_half, __half, true)
COMPOSE(compose_float, float, true)
COMPOSE(compose_half_last, __half, false)

// ---- another size

constexpr int WIDE = 32, TALL = 16;  // a block's tile of the picture
constexpr int STRIP = 8;             // rows of the answer that are read at a time

// Rows `row` to row + STRIP of the answer from column `first` on -> premultiplied in `strip`
// [STRIP, columns].
template <class T, bool PLANES> __device__ __forceinline__ void read_strip(
    const Answer<T, PLANES>& answer, int row, int last, int first, int columns, float4* strip, int thread
) {
    const int N = Pixels<T>::N;
    int pieces = columns / N;
    bool wide = (answer.columns | first) % N == 0;
    for (int n = thread; n < STRIP * pieces; n += WIDE * 8) {
        int line = n / pieces, x = (n - line * pieces) * N;
        if (row + line >= last) return;
        Words<T> words;
        if (wide && first + x + N <= answer.columns) answer.many(row + line, first + x, words);
        for (int k = 0; k < N; ++k) {
            int column = first + x + k;
            float4 seen = wide && first + x + N <= answer.columns
                ? answer.of(words, k)
                : answer.one(row + line, column < answer.columns ? column : answer.columns - 1);
            float alpha = held(seen.w);
            strip[line * columns + x + k] =
                make_float4(held(seen.x) * alpha, held(seen.y) * alpha, held(seen.z) * alpha, alpha);
        }
    }
}

__device__ __forceinline__ void add(float4& sum, float weight, float4 value) {
    sum.x += weight * value.x, sum.y += weight * value.y;
    sum.z += weight * value.z, sum.w += weight * value.w;
}

// A premultiplied colour over a word of the backdrop -> three fields. Cubics overshoot: a colour is
// never more than all of what is seen.
__device__ __forceinline__ unsigned blended(float4 sum, unsigned behind) {
    float alpha = held(sum.w), rest = 1.0f - alpha;
    return packed(
        truncated(fminf(held(sum.x), alpha) * 255.0f + rest * float(int(behind & 255)) + 0.5f),
        truncated(fminf(held(sum.y), alpha) * 255.0f + rest * float(int(behind >> 8 & 255)) + 0.5f),
        truncated(fminf(held(sum.z), alpha) * 255.0f + rest * float(int(behind >> 16 & 255)) + 0.5f)
    );
}

template <class T, bool PLANES> __device__ __forceinline__ void resize(
    const T* rgba, const int* first_x, const float* weight_x, const int* first_y, const float* weight_y,
    const Figure* figures, const int* who, unsigned char* out, int rows, int columns, int taps_x,
    int taps_y, int held_rows, int held_columns, int height, int width
) {
    SHARED_BYTES(memory);
    float4* kept = (float4*)memory;                  // [held_rows, WIDE] resized along rows
    float4* strip = kept + held_rows * WIDE;         // [STRIP, held_columns]
    __shared__ __align__(16) unsigned char bytes[TALL * WIDE * 3 / 2];
    int lane = int(threadIdx.x), row = int(threadIdx.y), thread = row * WIDE + lane;
    int x0 = int(blockIdx.x) * WIDE, y0 = int(blockIdx.y) * TALL;
    int x = x0 + lane < width ? x0 + lane : width - 1;
    int last_x = x0 + WIDE < width ? x0 + WIDE - 1 : width - 1;
    int last_y = y0 + TALL < height ? y0 + TALL - 1 : height - 1;
    Answer<T, PLANES> answer = {rgba + (long long)blockIdx.z * 4 * rows * columns, rows, columns};

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
                add(sum, __ldg(weight_x + (long long)k * width + x), strip[row * wide + at + k]);
            kept[(begin - top + row) * WIDE + lane] = sum;
        }
        __syncthreads();
    }

    const unsigned* behind = figures[who[blockIdx.z]].backdrop;
    unsigned char* chroma = bytes + TALL * WIDE;
    unsigned both = 0;
    for (int n = 0; n < 2; ++n) {
        int line = 2 * row + n, y = y0 + line < height ? y0 + line : height - 1;
        const float4* from = kept + (first_y[y] - top) * WIDE + lane;
        float4 sum = make_float4(0, 0, 0, 0);
        for (int k = 0; k < taps_y; ++k) add(sum, __ldg(weight_y + (long long)k * height + y), from[k * WIDE]);
        unsigned fields = blended(sum, __ldg(behind + (long long)y * width + x));
        bytes[line * WIDE + lane] = (unsigned char)luma(fields);
        both += fields;
    }
    both += __shfl_xor_sync(~0u, both, 1);
    if (lane % 2 == 0) {
        chroma[row * (WIDE / 2) + lane / 2] = (unsigned char)chroma_u(both);
        chroma[(8 + row) * (WIDE / 2) + lane / 2] = (unsigned char)chroma_v(both);
    }
    __syncthreads();
    out += (long long)blockIdx.z * (height + height / 2) * width;
    int tall = last_y + 1 - y0, broad = last_x + 1 - x0, half = width / 2;
    copy_rows(bytes, WIDE, out + (long long)y0 * width + x0, width, tall, broad, thread, 256);
    unsigned char* plane = out + (long long)height * width + (long long)(y0 / 2) * half + x0 / 2;
    copy_rows(chroma, WIDE / 2, plane, half, tall / 2, broad / 2, thread, 256);
    plane += (long long)(height / 2) * half;
    copy_rows(chroma + 8 * (WIDE / 2), WIDE / 2, plane, half, tall / 2, broad / 2, thread, 256);
}

// first_x int [width], weight_x float [taps_x, width], first_y, weight_y [taps_y, height]: of
// kernels.resize.taps, weights by tap. held_rows, held_columns: what a tile needs at most of the
// answer, columns a multiple of N. Grid (ceil(width / 32), ceil(height / 16), B), block (32, 8),
// shared 16 (32 held_rows + 8 held_columns).
#define RESIZE(name, T, PLANES)                                                                    \
    extern "C" __global__ void __launch_bounds__(256) name(                                        \
        const T* __restrict__ rgba, const int* __restrict__ first_x, const float* __restrict__ weight_x, \
        const int* __restrict__ first_y, const float* __restrict__ weight_y,                       \
        const Figure* __restrict__ figures, const int* __restrict__ who, unsigned char* __restrict__ out, \
        int rows, int columns, int taps_x, int taps_y, int held_rows, int held_columns, int height, int width \
    ) {                                                                                            \
        resize<T, PLANES>(                                                                         \
            rgba, first_x, weight_x, first_y, weight_y, figures, who, out, rows, columns, taps_x, taps_y, \
            held_rows, held_columns, height, width                                                 \
        );                                                                                         \
    }
RESIZE(resize_half, __half, true)
RESIZE(resize_float, float, true)
RESIZE(resize_half_last, __half, false)
