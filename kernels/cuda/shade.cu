// Keys -> casters, and keys -> cel-shaded pictures: the CUDA twin of kernels/{fragment,cel}.py.
//
// One thread is one pixel. It shades each distinct surface of its four samples once, in a loop: a
// warp goes round once for all pixels within a surface and again only where it lies on an edge. The
// alternative, surfaces of a block gathered in shared memory and shaded by all threads evenly,
// needs two barriers and a sort for the tenth of all warps that would gain.
//
// A warp is 8 x 4 pixels, its lanes ordered so that the four of a 2 x 2 block differ in their
// lowest two bits: triangles, textures and casters are shared by more neighbours than in a row of
// 32, and the sum of a block's colours, ten bits each in one word, takes two shuffles. A block is
// 64 x 4 pixels, whose bytes pass through shared memory only to leave as stores of sixteen bytes.
#include "device.h"
#include "yuv.h"
#include "mark.h"
#include "surface.h"
#include "cel.h"

constexpr int WIDE = 64, TALL = 4;  // pixels of a block

// cells [B, rows, columns]: what throws shadows, packed as `cell`; the farthest depth where nothing
// does. A thread is a cell of 1 << `wide` pixels each way.
extern "C" __global__ void __launch_bounds__(256) cast_cells(
    const u64* __restrict__ keys, const Figure* __restrict__ figures, const int* __restrict__ who,
    u32* __restrict__ cells, int height, int width, int wide
) {
    int columns = width >> wide, rows = height >> wide;
    int column = int(blockIdx.x * blockDim.x + threadIdx.x),
        row = int(blockIdx.y * blockDim.y + threadIdx.y);
    if (column >= columns || row >= rows) return;
    const Figure* figure = figures + who[blockIdx.z];
    const int4* triangle = figure->triangle;
    const u8* casts = figure->casts;
    u32 picture = blockIdx.z * u32(height) * u32(width);
    int nearest = 0x7FFFFFFF;
    u32 fine = 0, broad = 0;
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
            if (cast == 1) fine += count;
            else broad += count;
        }
    }
    cells[((i64)blockIdx.z * rows + row) * columns + column] = cell(nearest, fine, broad);
}

// The number of this thread, read anew: what follows from it needs no register in between.
__device__ __forceinline__ int thread_anew() {
#ifdef CPU_SHIM
    return int(threadIdx.x);
#else
    int thread;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
    return thread;
#endif
}

// The place of a thread's pixel in the block's tile.
__device__ __forceinline__ int2 place(int thread) {
    return make_int2(
        (thread >> 5) * 8 + (thread >> 2 & 3) * 2 + (thread & 1),
        (thread >> 4 & 1) * 2 + (thread >> 1 & 1)
    );
}

// What a picture is shaded from.
struct Inputs {
    const u64* keys;        // [B, H, W, 4]
    const float4* screen;   // [B, screen_stride] x, y, z, 0
    const float4* normals;  // [B, normal_stride] x, y, z, cosine between strand and half vector
    const float* scene;     // [B, SCENES]
    const u32* cells;       // of cast_cells, 1 << `wide` pixels each way
    const Figure* figures;
    const int* who;
    int screen_stride, normal_stride, height, width, wide;
};

// The colour of the pixel of this thread, its surfaces resolved and marked, three fields of ten
// bits; 0 beyond the picture.
__device__ __forceinline__ u32 resolved(const Inputs& in) {
    int2 at = place(int(threadIdx.x));
    int x = int(blockIdx.x) * WIDE + at.x, y = int(blockIdx.y) * TALL + at.y;
    if (x >= in.width || y >= in.height) return 0;
    int item = int(blockIdx.z), pixel = y * in.width + x;
    u32 first = blockIdx.z * u32(in.height) * u32(in.width),
        sample = (first + u32(pixel)) * SAMPLES;
    const Figure* figure = in.figures + in.who[item];
    Keys seen = keys_at(in.keys, sample);
    if (empty(seen)) return stamped(figure, unpacked(__ldg(figure->backdrop + pixel)), x, y);
    u32 left = shares(seen, figure->triangle), sum = 0;
    int columns = in.width >> in.wide, rows = in.height >> in.wide;
    Stage stage = {
        figure,
        in.screen,
        in.normals,
        in.scene,
        in.cells,
        item * in.screen_stride,
        item * in.normal_stride,
        item * SCENES,
        item * rows * columns,
        rows,
        columns,
        in.wide ? 0.5f : 1.0f
    };
    // From here on the pixel is known by its middle, and x and y are what follows from that.
    float px = float(x) + 0.5f, py = float(y) + 0.5f;
#pragma unroll 1
    for (; left; ++sample, left >>= 4) {
        u32 count = left & 15;
        if (count == 0) continue;
        // Keys are read again, from the nearest cache: kept, they would cost registers.
        int shown = __ldg((const int*)in.keys + 2 * (u64)sample);
        if (shown >= 0) sum += count * tint(stage, shown, px, py);
        else sum += count * unpacked(__ldg(figure->backdrop + (sample / SAMPLES - first)));
    }
    // A surface that fills its pixel comes out as it is: (4 c + 2) / 4 = c.
    sum += packed(2, 2, 2);
    sum = packed(red_of(sum) >> 2, green_of(sum) >> 2, blue_of(sum) >> 2);
    return stamped(figure, sum, __float2int_rz(px), __float2int_rz(py));
}

#define INPUTS                                                                                     \
    const u64* __restrict__ keys, const float4* __restrict__ screen,                               \
        const float4* __restrict__ normals, const float* __restrict__ scene,                       \
        const u32* __restrict__ cells, const Figure* __restrict__ figures,                         \
        const int* __restrict__ who
#define SIZES int screen_stride, int normal_stride, int height, int width, int wide
#define GIVEN                                                                                      \
    {keys, screen,        normals,       scene,  cells, figures,                                   \
     who,  screen_stride, normal_stride, height, width, wide}

// Both kernels: grid (ceil(W / 64), ceil(H / 4), B), block 256. out [B, H, W, 3].
extern "C" __global__ void __launch_bounds__(256, 4) shade_rgb(
    INPUTS, u8* __restrict__ out, SIZES
) {
    __shared__ __align__(16) u8 tile[TALL * WIDE * 3];
    u32 color = resolved(GIVEN);
    int thread = thread_anew();
    int2 at = place(thread);
    u8* to = tile + (at.y * WIDE + at.x) * 3;
    to[0] = u8(red_of(color)), to[1] = u8(green_of(color)), to[2] = u8(blue_of(color));
    __syncthreads();
    int x = int(blockIdx.x) * WIDE, y = int(blockIdx.y) * TALL;
    out += (u64)((blockIdx.z * u32(height) + u32(y)) * u32(width) + u32(x)) * 3;
    copy_rows(
        tile, 3 * WIDE, out, 3 * width, min(TALL, height - y), 3 * min(WIDE, width - x), thread, 256
    );
}

// out [B, H * 3 / 2, W], H and W even: from keys to what an encoder takes, without a picture in
// between.
extern "C" __global__ void __launch_bounds__(256, 4) shade_i420(
    INPUTS, u8* __restrict__ out, SIZES
) {
    __shared__ __align__(16) u8 tile[TALL * WIDE * 3 / 2];
    const int half_wide = WIDE / 2, half_tall = TALL / 2;
    u32 color = resolved(GIVEN);
    int thread = thread_anew(), x = int(blockIdx.x) * WIDE, y = int(blockIdx.y) * TALL,
        half = width / 2;
    int2 at = place(thread);
    tile[at.y * WIDE + at.x] = u8(luma(color));
    color += __shfl_xor_sync(~0u, color, 1);
    color += __shfl_xor_sync(~0u, color, 2);
    u8* chroma = tile + TALL * WIDE;
    if (thread % 4 == 0) {
        u8* to = chroma + (at.y >> 1) * half_wide + (at.x >> 1);
        to[0] = u8(chroma_u(color)), to[half_tall * half_wide] = u8(chroma_v(color));
    }
    __syncthreads();
    int rows = min(TALL, height - y), columns = min(WIDE, width - x);
    out += (i64)blockIdx.z * (height + height / 2) * width;
    copy_rows(tile, WIDE, out + (i64)y * width + x, width, rows, columns, thread, 256);
    out += (i64)height * width + (i64)(y / 2) * half + x / 2;
    copy_rows(chroma, half_wide, out, half, rows / 2, columns / 2, thread, 256);
    out += (i64)(height / 2) * half;
    copy_rows(
        chroma + half_tall * half_wide, half_wide, out, half, rows / 2, columns / 2, thread, 256
    );
}
