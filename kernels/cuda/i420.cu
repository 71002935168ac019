// A network's picture -> I420 in one pass, at the same size, and RGB -> I420.
//
// Contract: the answer is straight (not premultiplied) RGBA; it is laid over the figure's backdrop
// as kernels.texture.composite does, and converted as kernels.i420 does, without a picture in
// between. `out` may be pinned host memory: every byte is written once, none is read.
//
// Memory is all there is to these kernels. A thread reads sixteen bytes of each plane at a time and
// writes eight bytes of luma: a naive thread per 2 x 2 block reads halves one by one (LDG.U16).
#include "device.h"
#include "yuv.h"
#include "mark.h"
#include "answer.h"

__device__ __forceinline__ u32 over(float value, float alpha, u32 behind) {
    float below = float(int(behind));
    return truncated(below + alpha * (held(value) * 255.0f - below) + 0.5f);
}
// An answer's pixel over a word of the backdrop -> three fields.
__device__ __forceinline__ u32 laid(float4 rgba, u32 behind) {
    float alpha = held(rgba.w);
    return packed(
        over(rgba.x, alpha, behind & 255), over(rgba.y, alpha, behind >> 8 & 255),
        over(rgba.z, alpha, behind >> 16 & 255)
    );
}

// N x 2 pixels: two stores of N bytes of luma, two of N / 2 of chroma.
template <class T, bool PLANES> __device__ __forceinline__ void compose_wide(
    const Answer<T, PLANES>& answer, int top, int left, const u32* behind, u8* out, int height,
    int width, int x, int y
) {
    const int N = Pixels<T>::N;
    u32 sums[N / 2], bytes[N / 4];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
        Words<T> words;
        answer.many(top + y + row, left + x, words);
        const uint4* below = (const uint4*)(behind + (i64)(y + row) * width + x);
#pragma unroll
        for (int q = 0; q < N / 4; ++q) {
            uint4 four = __ldg(below + q);
            u32 a = laid(answer.of(words, 4 * q), four.x),
                b = laid(answer.of(words, 4 * q + 1), four.y);
            u32 c = laid(answer.of(words, 4 * q + 2), four.z),
                d = laid(answer.of(words, 4 * q + 3), four.w);
            bytes[q] = luma(a) | luma(b) << 8 | luma(c) << 16 | luma(d) << 24;
            sums[2 * q] = row ? sums[2 * q] + a + b : a + b;
            sums[2 * q + 1] = row ? sums[2 * q + 1] + c + d : c + d;
        }
        u8* line = out + (i64)(y + row) * width + x;
        if (N == 8) *(uint2*)line = make_uint2(bytes[0], bytes[N / 4 - 1]);
        else *(u32*)line = bytes[0];
    }
    u32 u = 0, v = 0;
#pragma unroll
    for (int n = 0; n < N / 2; ++n) {
        u |= chroma_u(sums[n]) << 8 * n;
        v |= chroma_v(sums[n]) << 8 * n;
    }
    u8* chroma = out + (i64)height * width + (i64)(y / 2) * (width / 2) + x / 2;
    u8* second = chroma + (i64)(height / 2) * (width / 2);
    if (N == 8) {
        *(u32*)chroma = u;
        *(u32*)second = v;
    } else {
        *(u16*)chroma = (u16)u;
        *(u16*)second = (u16)v;
    }
}

// A 2 x 2 block, by bytes: sizes and places that are no multiples of N, and what is marked.
template <class T, bool PLANES> __device__ __forceinline__ void compose_block(
    const Answer<T, PLANES>& answer, int top, int left, const Figure* figure, u8* out, int height,
    int width, int x, int y
) {
    u32 sum = 0;
    for (int n = 0; n < 4; ++n) {
        int v = y + n / 2, u = x + n % 2;
        i64 at = (i64)v * width + u;
        u32 fields = stamped(
            figure, laid(answer.one(top + v, left + u), __ldg(figure->backdrop + at)), u, v
        );
        out[at] = (u8)luma(fields);
        sum += fields;
    }
    i64 place = (i64)height * width + (i64)(y / 2) * (width / 2) + x / 2;
    out[place] = (u8)chroma_u(sum);
    out[place + (i64)(height / 2) * (width / 2)] = (u8)chroma_v(sum);
}

template <class T, bool PLANES> __device__ __forceinline__ void compose(
    const T* rgba, const Figure* figures, const int* who, u8* out, int rows, int columns, int top,
    int left, int height, int width
) {
    const int N = Pixels<T>::N;
    int x = int(blockIdx.x * blockDim.x + threadIdx.x) * N,
        y = int(blockIdx.y * blockDim.y + threadIdx.y) * 2;
    if (x >= width || y >= height) return;
    Answer<T, PLANES> answer = {rgba + (i64)blockIdx.z * 4 * rows * columns, rows, columns};
    const Figure* figure = figures + who[blockIdx.z];
    out += (i64)blockIdx.z * (height + height / 2) * width;
    if ((width | columns | left) % N == 0 && !marks(figure, x, y, N, 2)) {
        compose_wide(answer, top, left, figure->backdrop, out, height, width, x, y);
        return;
    }
    for (int u = x; u < x + N && u < width; u += 2)
        compose_block(answer, top, left, figure, out, height, width, u, y);
}

// rgba [B, 4, rows, columns] or [B, rows, columns, 4]; the picture is the part at (top, left) of
// it; out [B, height * 3 / 2, width]. Grid (ceil(width / 32 N), ceil(height / 16), B), block (32,
// 8).
#define COMPOSE(name, T, PLANES)                                                                   \
    extern "C" __global__ void __launch_bounds__(256, 4) name(                                     \
        const T* __restrict__ rgba, const Figure* __restrict__ figures,                            \
        const int* __restrict__ who, u8* __restrict__ out, int rows, int columns, int top,         \
        int left, int height, int width                                                            \
    ) {                                                                                            \
        compose<T, PLANES>(rgba, figures, who, out, rows, columns, top, left, height, width);      \
    }
COMPOSE(compose_half, __half, true)
COMPOSE(compose_float, float, true)
COMPOSE(compose_half_last, __half, false)

// ---- pictures that are drawn already

// RGB of 16 x 2 pixels: six loads of sixteen bytes, two stores of sixteen and two of eight.
__device__ __forceinline__ void convert_wide(
    const u8* rgb, u8* out, int height, int width, int x, int y
) {
    u32 sums[8];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
        union {
            uint4 quad[3];
            u32 word[12];
        } line;
        const uint4* from = (const uint4*)(rgb + ((i64)(y + row) * width + x) * 3);
#pragma unroll
        for (int q = 0; q < 3; ++q) line.quad[q] = __ldg(from + q);
        u32 bytes[4] = {0, 0, 0, 0};
#pragma unroll
        for (int n = 0; n < 16; ++n) {
            u32 part[3];
#pragma unroll
            for (int c = 0; c < 3; ++c)
                part[c] = line.word[(3 * n + c) / 4] >> 8 * ((3 * n + c) % 4) & 255;
            u32 fields = packed(part[0], part[1], part[2]);
            bytes[n / 4] |= luma(fields) << 8 * (n % 4);
            sums[n / 2] = row || n % 2 ? sums[n / 2] + fields : fields;
        }
        *(uint4*)(out + (i64)(y + row) * width + x) =
            make_uint4(bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    u32 u[2] = {0, 0}, v[2] = {0, 0};
#pragma unroll
    for (int n = 0; n < 8; ++n) {
        u[n / 4] |= chroma_u(sums[n]) << 8 * (n % 4);
        v[n / 4] |= chroma_v(sums[n]) << 8 * (n % 4);
    }
    u8* chroma = out + (i64)height * width + (i64)(y / 2) * (width / 2) + x / 2;
    *(uint2*)chroma = make_uint2(u[0], u[1]);
    *(uint2*)(chroma + (i64)(height / 2) * (width / 2)) = make_uint2(v[0], v[1]);
}

__device__ __forceinline__ void convert_block(
    const u8* rgb, u8* out, int height, int width, int x, int y
) {
    u32 sum = 0;
    for (int n = 0; n < 4; ++n) {
        i64 at = (i64)(y + n / 2) * width + x + n % 2;
        u32 fields = packed(rgb[3 * at], rgb[3 * at + 1], rgb[3 * at + 2]);
        out[at] = u8(luma(fields));
        sum += fields;
    }
    i64 place = (i64)height * width + (i64)(y / 2) * (width / 2) + x / 2;
    out[place] = u8(chroma_u(sum));
    out[place + (i64)(height / 2) * (width / 2)] = u8(chroma_v(sum));
}

// rgb [B, height, width, 3] -> out [B, height * 3 / 2, width], both even. Grid (ceil(width / 256),
// ceil(height / 32), B), block (16, 16).
extern "C" __global__ void __launch_bounds__(256, 4) rgb_i420(
    const u8* __restrict__ rgb, u8* __restrict__ out, int height, int width
) {
    int x = int(blockIdx.x * blockDim.x + threadIdx.x) * 16,
        y = int(blockIdx.y * blockDim.y + threadIdx.y) * 2;
    if (x >= width || y >= height) return;
    rgb += (i64)blockIdx.z * height * width * 3;
    out += (i64)blockIdx.z * (height + height / 2) * width;
    if (width % 16 == 0) {
        convert_wide(rgb, out, height, width, x, y);
        return;
    }
    for (int u = x; u < x + 16 && u < width; u += 2) convert_block(rgb, out, height, width, u, y);
}
