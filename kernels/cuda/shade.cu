// Keys -> casters, and keys -> cel-shaded pictures: the CUDA twin of kernels/{fragment,cel}.py.
//
// One thread is one pixel. It shades each distinct surface of its four samples once, in a loop: a
// warp goes round once for all pixels within a surface and again only where it lies on an edge. The
// alternative, surfaces of a block gathered in shared memory and shaded by all threads evenly, needs
// two barriers and a sort for the tenth of all warps that would gain.
//
// A warp is 8 x 4 pixels, its lanes ordered so that the four of a 2 x 2 block differ in their lowest
// two bits: triangles, textures and casters are shared by more neighbours than in a row of 32, and
// the sum of a block's colours, ten bits each in one word, takes two shuffles. A block is 64 x 4
// pixels, whose bytes pass through shared memory only to leave as stores of sixteen bytes.
#include "device.h"
#include "yuv.h"
#include "surface.h"
#include "cel.h"

constexpr int WIDE = 64, TALL = 4;  // pixels of a block

// cells [B, rows, columns]: nearest key depth of what throws shadows (2^31 - 1 for nothing), and
// how many samples Cast.FINE and Cast.BROAD surfaces cover (| << 8). A thread is a cell of 1 << `wide`
// pixels each way.
extern "C" __global__ void __launch_bounds__(256) cast_cells(
    const u64* __restrict__ keys, const Figure* __restrict__ figures, const int* __restrict__ who,
    uint2* __restrict__ cells, int height, int width, int wide
) {
    int columns = width >> wide, rows = height >> wide;
    int column = int(blockIdx.x * blockDim.x + threadIdx.x), row = int(blockIdx.y * blockDim.y + threadIdx.y);
    if (column >= columns || row >= rows) return;
    const Figure* figure = figures + who[blockIdx.z];
    const int4* triangle = figure->triangle;
    const u8* casts = figure->casts;
    u32 picture = blockIdx.z * u32(height) * u32(width);
    int nearest = 0x7FFFFFFF;
    u32 cover = 0;
    for (int n = 0; n < 1 << 2 * wide; ++n) {
        int y = (row << wide) + (n >> 1), x = (column << wide) + (n & 1);
        Keys seen = keys_at(keys, (picture + u32(y * width + x)) * SAMPLES);
        if (empty(seen)) continue;
        u32 found = shares(seen, triangle);
#pragma unroll
        for (int s = 0; s < SAMPLES; ++s) {
            u32 count = found >> 4 * s & 15;
            if (count == 0 || seen.k[s] == EMPTY) continue;
            int cast = __ldg(casts + (__ldg(&triangle[u32(seen.k[s])].w) >> 8));
            if (cast == 0) continue;
            nearest = min(nearest, depth_of(seen.k[s]));
            cover += cast == 1 ? count : count << 8;
        }
    }
    cells[((i64)blockIdx.z * rows + row) * columns + column] = make_uint2(u32(nearest), cover);
}

// The pixel of this thread: x and y within the picture.
struct Place {
    int thread, x, y, column, row;  // column, row: within the block's tile
};
__device__ __forceinline__ Place place() {
    int thread = int(threadIdx.x), lane = thread & 31;
    int column = (thread >> 5) * 8 + ((lane >> 2 & 3) << 1) + (lane & 1);
    int row = (lane >> 4 << 1) + (lane >> 1 & 1);
    return {thread, int(blockIdx.x) * WIDE + column, int(blockIdx.y) * TALL + row, column, row};
}

// The resolved colour of a pixel, three fields of ten bits.
__device__ __forceinline__ u32 resolve(
    const u64* keys, const float4* screen, const float4* normals, const float* scene, const uint2* cells,
    const Figure* figures, const int* who, int screen_stride, int normal_stride, int height, int width, int wide, int x, int y
) {
    int item = int(blockIdx.z), pixel = y * width + x;
    u32 sample = (u32(item) * u32(height) * u32(width) + u32(pixel)) * SAMPLES;
    const Figure* figure = figures + who[item];
    Keys seen = keys_at(keys, sample);
    if (empty(seen)) return unpacked(__ldg(figure->backdrop + pixel));
    u32 left = shares(seen, figure->triangle), sum = 0;
    int columns = width >> wide, rows = height >> wide;
    Stage stage = {
        figure, screen, normals, scene, cells, item * screen_stride, item * normal_stride, item * SCENES,
        item * rows * columns, rows, columns, wide,
    };
#pragma unroll 1
    for (; left; ++sample, left >>= 4) {
        u32 count = left & 15;
        if (count == 0) continue;
        // Keys are read again, from the nearest cache: kept, they would cost registers.
        int shown = __ldg((const int*)keys + 2 * (u64)sample);
        sum += count * (shown < 0 ? unpacked(__ldg(figure->backdrop + pixel)) : tint(stage, shown, x, y));
    }
    // A surface that fills its pixel comes out as it is: (4 c + 2) / 4 = c.
    sum += packed(2, 2, 2);
    return packed(red_of(sum) >> 2, green_of(sum) >> 2, blue_of(sum) >> 2);
}

// Parameters of both kernels: keys [B, H, W, 4]; screen [B, screen_stride] x, y, z, 0; normals
// [B, normal_stride] x, y, z, cosine between strand and half vector; scene [B, SCENES]; cells: of cast_cells, 1 << `wide` pixels
// each way.
// Grid (ceil(W / 64), ceil(H / 4), B), block 256.

// out [B, H, W, 3].
extern "C" __global__ void __launch_bounds__(256, 4) shade_rgb(
    const u64* __restrict__ keys, const float4* __restrict__ screen, const float4* __restrict__ normals,
    const float* __restrict__ scene, const uint2* __restrict__ cells, const Figure* __restrict__ figures,
    const int* __restrict__ who, u8* __restrict__ out, int screen_stride, int normal_stride, int height, int width, int wide
) {
    __shared__ __align__(16) u8 tile[TALL * WIDE * 3];
    Place at = place();
    if (at.x < width && at.y < height) {
        u32 color = resolve(
            keys, screen, normals, scene, cells, figures, who, screen_stride, normal_stride, height, width, wide, at.x, at.y
        );
        u8* to = tile + (at.row * WIDE + at.column) * 3;
        to[0] = u8(red_of(color)), to[1] = u8(green_of(color)), to[2] = u8(blue_of(color));
    }
    __syncthreads();
    int x = int(blockIdx.x) * WIDE, y = int(blockIdx.y) * TALL;
    out += (((i64)blockIdx.z * height + y) * width + x) * 3;
    copy_rows(tile, 3 * WIDE, out, 3 * width, min(TALL, height - y), 3 * min(WIDE, width - x), at.thread, 256);
}

// out [B, H * 3 / 2, W], H and W even: from keys to what an encoder takes, without a picture in
// between.
extern "C" __global__ void __launch_bounds__(256, 4) shade_i420(
    const u64* __restrict__ keys, const float4* __restrict__ screen, const float4* __restrict__ normals,
    const float* __restrict__ scene, const uint2* __restrict__ cells, const Figure* __restrict__ figures,
    const int* __restrict__ who, u8* __restrict__ out, int screen_stride, int normal_stride, int height, int width, int wide
) {
    __shared__ __align__(16) u8 tile[TALL * WIDE * 3 / 2];
    Place at = place();
    u32 color = 0;
    if (at.x < width && at.y < height)
        color = resolve(
            keys, screen, normals, scene, cells, figures, who, screen_stride, normal_stride, height, width, wide, at.x, at.y
        );
    tile[at.row * WIDE + at.column] = u8(luma(color));
    color += __shfl_xor_sync(~0u, color, 1);
    color += __shfl_xor_sync(~0u, color, 2);
    u8* chroma = tile + TALL * WIDE;
    if (at.thread % 4 == 0) {
        chroma[(at.row >> 1) * (WIDE / 2) + (at.column >> 1)] = u8(chroma_u(color));
        chroma[(TALL / 2 + (at.row >> 1)) * (WIDE / 2) + (at.column >> 1)] = u8(chroma_v(color));
    }
    __syncthreads();
    int x = int(blockIdx.x) * WIDE, y = int(blockIdx.y) * TALL, half = width / 2;
    int rows = min(TALL, height - y), columns = min(WIDE, width - x);
    out += (i64)blockIdx.z * (height + height / 2) * width;
    copy_rows(tile, WIDE, out + (i64)y * width + x, width, rows, columns, at.thread, 256);
    u8* plane = out + (i64)height * width + (i64)(y / 2) * half + x / 2;
    copy_rows(chroma, WIDE / 2, plane, half, rows / 2, columns / 2, at.thread, 256);
    plane += (i64)(height / 2) * half;
    copy_rows(chroma + TALL / 2 * (WIDE / 2), WIDE / 2, plane, half, rows / 2, columns / 2, at.thread, 256);
}
