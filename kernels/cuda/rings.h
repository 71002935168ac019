// Colours of an atlas that run over the edge of what is covered: kernels.texture.spread of a tile
// and its surroundings, in shared memory.
#pragma once

constexpr int DEPTH = 8;   // channels of an atlas; an image has twice as many
constexpr int SPREAD = 3;  // px that an atlas runs over the edge of what is covered
constexpr int TILE_PX = 16, ROOM = TILE_PX + 2 * SPREAD;
constexpr u8 WALL = 255;  // level of places outside the picture

// The surroundings of a tile: colours, and of each place the ring in which it came to be known (1:
// covered; 0: unknown yet).
struct Rings {
    float4 colors[ROOM * ROOM][DEPTH / 4];
    u8 level[ROOM * ROOM];
};

__device__ __forceinline__ void put(Rings& rings, int at, u8 level, const float (&colors)[DEPTH]) {
    rings.level[at] = level;
    rings.colors[at][0] = make_float4(colors[0], colors[1], colors[2], colors[3]);
    rings.colors[at][1] = make_float4(colors[4], colors[5], colors[6], colors[7]);
}

__device__ __forceinline__ void add(float4& sum, float4 value) {
    sum.x += value.x, sum.y += value.y, sum.z += value.z, sum.w += value.w;
}

// Whether the place `at` takes the mean of its neighbours that are known up to this ring.
__device__ __forceinline__ bool grow(Rings& rings, int at, int ring) {
    if (rings.level[at] != 0) return false;
    float4 low = make_float4(0, 0, 0, 0), high = low;
    float count = 0;
#pragma unroll 1
    for (int n = 0; n < 9; ++n) {
        int beside = at + (n / 3 - 1) * ROOM + n % 3 - 1, level = rings.level[beside];
        if (level == 0 || level > ring) continue;
        add(low, rings.colors[beside][0]), add(high, rings.colors[beside][1]);
        count += 1;
    }
    if (count == 0) return false;
    rings.colors[at][0] = make_float4(low.x / count, low.y / count, low.z / count, low.w / count);
    rings.colors[at][1] =
        make_float4(high.x / count, high.y / count, high.z / count, high.w / count);
    return true;
}

// Let colours run SPREAD pixels over the edge. The colours of a ring are read only from the next
// one on, so a barrier on each side of the levels keeps readers and writers apart.
__device__ __forceinline__ void spread(Rings& rings, int thread) {
#pragma unroll 1
    for (int ring = 1; ring <= SPREAD; ++ring) {
        int side = ROOM - 2 * ring;
        u32 grown = 0;
        __syncthreads();
        for (int n = thread, k = 0; n < side * side; n += 256, ++k) {
            int y = n / side, x = n - y * side;
            grown |= u32(grow(rings, (y + ring) * ROOM + x + ring, ring)) << k;
        }
        __syncthreads();
        for (int n = thread; grown; n += 256, grown >>= 1) {
            int y = n / side, x = n - y * side;
            if (grown & 1) rings.level[(y + ring) * ROOM + x + ring] = u8(ring + 1);
        }
    }
    __syncthreads();
}
