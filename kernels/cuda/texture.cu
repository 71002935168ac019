// Keys -> what a network reads of a mesh: the CUDA twin of kernels.texture.{surfaces, sample,
// spread} in one pass, in half precision, channels last (StyleAvatar, algorithm 1).
//
// A block is a tile of 16 x 16 pixels. Inside the figure, and where nothing is, that is all. Where
// a pixel of the tile shows nothing but one near it shows something, colours run over the edge:
// then the block reads its surroundings of SPREAD pixels as well (228 more, so nearly every thread
// one) and the rings grow in shared memory. The alternative, a second kernel, would read and write
// the whole image once more for the tenth of all tiles that have an edge.
#include "device.h"
#include "yuv.h"
#include "surface.h"
#include "rings.h"

constexpr float NEAR = 1.0f / 256;  // of the atlas: samples no farther apart are one place

union Eight {
    uint4 quad;
    __half value[DEPTH];
};

// Red, green, blue; share of what is drawn.
union Behind {
    uint2 pair;
    __half value[4];
};

// What all pixels of a picture share, as cel.h's Stage.
struct Sheet {
    const Figure* figure;
    const u64* keys;
    const float4* screen;
    const float4* normals;
    u32 first_key;
    int first_screen, first_normal, width;
};

// Whether a key is of a surface; empty ones and those of outlines, which the atlas does not have,
// are of none: their numbers are larger.
__device__ __forceinline__ bool shows(const Figure* figure, u64 key) {
    return u32(key) < u32(__ldg(&figure->surfaces));
}

// Of each sample the bits of the samples with its triangle, 4 bits each; 0 where an earlier sample
// has the same and where no surface is.
__device__ __forceinline__ u32 groups(const Figure* figure, const Keys& keys) {
    u32 left = 0, found = 0;
#pragma unroll
    for (int s = 0; s < SAMPLES; ++s) left |= u32(shows(figure, keys.k[s])) << s;
#pragma unroll
    for (int s = 0; s < SAMPLES; ++s) {
        u32 same = 0;
#pragma unroll
        for (int t = s; t < SAMPLES; ++t) same |= u32(same_triangle(keys.k[s], keys.k[t])) << t;
        same &= left >> s & 1 ? left : 0;
        left &= ~same;
        found |= same << 4 * s;
    }
    return found;
}

// Weights of a triangle's corners at the middle of the samples `same` of pixel (x, y).
__device__ __forceinline__ float3 middle(const Sheet& sheet, int4 corner, u32 same, int x, int y) {
    int px = 0, py = 0, count = __popc(same);
#pragma unroll
    for (int s = 0; s < SAMPLES; ++s) {
        px += same >> s & 1 ? offset_x(s) : 0;
        py += same >> s & 1 ? offset_y(s) : 0;
    }
    // A division for each axis would call a function and hold registers.
    float share = count == 3 ? 1.0f / 3 : 1.0f;
    if (count == 2) share = 0.5f;
    if (count == 4) share = 0.25f;
    share /= SUBPIXEL;
    return weights_at(
        __ldg(sheet.screen + (sheet.first_screen + corner.x)),
        __ldg(sheet.screen + (sheet.first_screen + corner.y)),
        __ldg(sheet.screen + (sheet.first_screen + corner.z)), float(x) + float(px) * share,
        float(y) + float(py) * share
    );
}

__device__ __forceinline__ float2 uv_at(const Figure* figure, int triangle, float3 w) {
    const float2* corner = figure->corners + 3 * triangle;
    float2 a = __ldg(corner), b = __ldg(corner + 1), c = __ldg(corner + 2);
    return make_float2(blend(w, a.x, b.x, c.x), blend(w, a.y, b.y, c.y));
}

// First of two texels and the share of the second; the border's texels go on outside.
__device__ __forceinline__ int texel(float at, int side, float& share) {
    float x = fminf(fmaxf(at * float(side) - 0.5f, 0.0f), float(side - 1));
    int first = min(__float2int_rz(x), side - 2);
    share = x - float(first);
    return first;
}

// colors += weight times the atlas at uv: four loads of sixteen bytes.
__device__ __forceinline__ void read(
    const Figure* figure, float2 uv, float weight, float (&colors)[DEPTH]
) {
    float fx, fy;
    int columns = int(figure->columns);
    int column = texel(uv.x, columns, fx), row = texel(uv.y, int(figure->rows), fy);
    const uint4* at = (const uint4*)figure->atlas + (row * columns + column);
#pragma unroll
    for (int t = 0; t < 4; ++t) {
        Eight texels;
        texels.quad = __ldg(at + (t >> 1) * columns + (t & 1));
        float share = weight * (t >> 1 ? fy : 1.0f - fy) * (t & 1 ? fx : 1.0f - fx);
#pragma unroll
        for (int c = 0; c < DEPTH; ++c) colors[c] += share * __half2float(texels.value[c]);
    }
}

// Sum of the depths of a pixel's samples, 0 to 1. Its keys are read again, from the nearest cache.
__device__ __forceinline__ float depth_at(const Sheet& sheet, int x, int y) {
    Keys keys = keys_at(sheet.keys, (sheet.first_key + u32(y * sheet.width + x)) * SAMPLES);
    u64 sum = 0;
#pragma unroll
    for (int s = 0; s < SAMPLES; ++s) sum += shows(sheet.figure, keys.k[s]) ? keys.k[s] >> 32 : 0;
    return float(sum) * float(1 / DEPTH_ONE);
}

// The atlas where pixel (x, y) shows it, and how many samples something covers; WHOLE: normal and
// depth too, as means. Adds to what is there.
template <bool WHOLE> __device__ __forceinline__ int look(
    const Sheet& sheet, int x, int y, float (&colors)[DEPTH], float4& normal
) {
    u32 at = (sheet.first_key + u32(y * sheet.width + x)) * SAMPLES;
    u32 left = groups(sheet.figure, keys_at(sheet.keys, at));
    if (left == 0) return 0;
    int covered = __popc(left);
    float2 low = make_float2(2, 2), high = make_float2(-1, -1), sum = make_float2(0, 0);
#pragma unroll 1
    for (; left; left >>= 4, ++at) {
        u32 same = left & 15;
        if (same == 0) continue;
        int triangle = __ldg((const int*)sheet.keys + 2 * (u64)at);
        int4 corner = __ldg(sheet.figure->triangle + triangle);
        float3 w = middle(sheet, corner, same, x, y);
        float2 uv = uv_at(sheet.figure, triangle, w);
        low = make_float2(fminf(low.x, uv.x), fminf(low.y, uv.y));
        high = make_float2(fmaxf(high.x, uv.x), fmaxf(high.y, uv.y));
        float count = float(__popc(same));
        sum.x += count * uv.x, sum.y += count * uv.y;
        if (!WHOLE) continue;
        float4 a = __ldg(sheet.normals + (sheet.first_normal + corner.x));
        float4 b = __ldg(sheet.normals + (sheet.first_normal + corner.y));
        float4 c = __ldg(sheet.normals + (sheet.first_normal + corner.z));
        normal.x += count * blend(w, a.x, b.x, c.x);
        normal.y += count * blend(w, a.y, b.y, c.y);
        normal.z += count * blend(w, a.z, b.z, c.z);
    }
    float share = 1.0f / float(covered);
    if (WHOLE)
        normal = make_float4(
            normal.x * share, normal.y * share, normal.z * share, depth_at(sheet, x, y) * share
        );
    if (high.x - low.x <= NEAR && high.y - low.y <= NEAR) {
        read(sheet.figure, make_float2(sum.x * share, sum.y * share), 1.0f, colors);
        return covered;
    }
    // Samples lie on surfaces that are apart in the atlas: once on each.
    at = (sheet.first_key + u32(y * sheet.width + x)) * SAMPLES;
#pragma unroll 1
    for (left = groups(sheet.figure, keys_at(sheet.keys, at)); left; left >>= 4, ++at) {
        u32 same = left & 15;
        if (same == 0) continue;
        int triangle = __ldg((const int*)sheet.keys + 2 * (u64)at);
        int4 corner = __ldg(sheet.figure->triangle + triangle);
        float2 uv = uv_at(sheet.figure, triangle, middle(sheet, corner, same, x, y));
        read(sheet.figure, uv, float(__popc(same)) * share, colors);
    }
    return covered;
}

__device__ __forceinline__ bool within(int x, int y, int height, int width) {
    return x >= 0 && x < width && y >= 0 && y < height;
}

// Number n of the places around a tile -> x and y within ROOM x ROOM: rows above, below, then
// sides.
__device__ __forceinline__ int2 around(int n) {
    const int strip = SPREAD * ROOM;
    if (n < 2 * strip) {
        int below = n >= strip, k = n - below * strip;
        return make_int2(k % ROOM, k / ROOM + below * (TILE_PX + SPREAD));
    }
    int k = (n - 2 * strip) % (2 * SPREAD), row = (n - 2 * strip) / (2 * SPREAD);
    return make_int2(k < SPREAD ? k : k + TILE_PX, SPREAD + row);
}

// keys [B, H, W, 4]; screen [B, screen_stride], normals [B, normal_stride]; behind [B]: null, or
// the picture behind as half [H, W, 4] red, green, blue, share of what is drawn
// (engine.render.plate): then it stands in channels 13:16, 12, and 0:3 where no mesh is or nothing
// is drawn. image half [B, H, W, 16] as kernels.texture. Grid (ceil(W / 16), ceil(H / 16), B),
// block 256.
extern "C" __global__ void __launch_bounds__(256, 4) read_atlas(
    const u64* __restrict__ keys, const float4* __restrict__ screen,
    const float4* __restrict__ normals, const Figure* __restrict__ figures,
    const int* __restrict__ who, const uint2* const* __restrict__ behind, uint4* __restrict__ image,
    int screen_stride, int normal_stride, int height, int width
) {
    __shared__ __align__(16) Rings rings;
    int item = int(blockIdx.z), thread = int(threadIdx.x), row = thread / TILE_PX,
        column = thread % TILE_PX;
    int left = int(blockIdx.x) * TILE_PX, top = int(blockIdx.y) * TILE_PX, x = left + column,
        y = top + row;
    Sheet sheet = {
        figures + who[item],
        keys,
        screen,
        normals,
        u32(item) * u32(height) * u32(width),
        item * screen_stride,
        item * normal_stride,
        width
    };
    bool inside = x < width && y < height;
    float colors[DEPTH] = {0, 0, 0, 0, 0, 0, 0, 0};
    float4 normal = make_float4(0, 0, 0, 0);
    int covered = inside ? look<true>(sheet, x, y, colors, normal) : 0;
    uint4* out = image + 2 * ((i64)item * height * width + y * width + x);
    Behind there = {{0, 0}};
    bool bare = false;  // what is behind shows through
    if (inside) {
        float coverage = float(covered) * 0.25f;
        if (behind[item]) {
            there.pair = __ldg(behind[item] + (y * width + x));
            coverage = __half2float(there.value[3]);
            bare = coverage == 0 || covered == 0;
        }
        Eight second;
        second.value[0] = __float2half_rn(normal.x), second.value[1] = __float2half_rn(normal.y);
        second.value[2] = __float2half_rn(normal.z), second.value[3] = __float2half_rn(normal.w);
        second.value[4] = __float2half_rn(coverage);
#pragma unroll
        for (int c = 0; c < 3; ++c) second.value[5 + c] = there.value[c];
        out[1] = second.quad;
    }
    if (__syncthreads_or(inside && covered == 0)) {
        int own = (row + SPREAD) * ROOM + column + SPREAD, any = covered;
        put(rings, own, inside ? u8(covered > 0) : WALL, colors);
        if (thread < ROOM * ROOM - TILE_PX * TILE_PX) {
            int2 at = around(thread);
            int u = left + at.x - SPREAD, v = top + at.y - SPREAD, seen = 0;
            float beside[DEPTH] = {0, 0, 0, 0, 0, 0, 0, 0};
            float4 unused;
            bool there = within(u, v, height, width);
            if (there) seen = look<false>(sheet, u, v, beside, unused);
            put(rings, at.y * ROOM + at.x, there ? u8(seen > 0) : WALL, beside);
            any |= seen;
        }
        if (__syncthreads_or(any)) {
            spread(rings, thread);
            float4 low = rings.colors[own][0], high = rings.colors[own][1];
            colors[0] = low.x, colors[1] = low.y, colors[2] = low.z, colors[3] = low.w;
            colors[4] = high.x, colors[5] = high.y, colors[6] = high.z, colors[7] = high.w;
        }
    }
    if (!inside) return;
    Eight first;
#pragma unroll
    for (int c = 0; c < DEPTH; ++c)
        first.value[c] = c < 3 && bare ? there.value[c] : __float2half_rn(colors[c]);
    out[0] = first.quad;
}
