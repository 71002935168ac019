// What lies in a pixel: the distinct surfaces of its four keys, and places on a triangle.
#pragma once

constexpr int SAME_DEPTH = 9000000;  // of 2^31: samples this near belong to one surface

__device__ __forceinline__ int depth_of(u64 key) { return int(key >> 32); }

// The four keys of a pixel, from number `first` on: two loads of sixteen bytes.
struct Keys {
    u64 k[SAMPLES];
};
__device__ __forceinline__ Keys keys_at(const u64* keys, u32 first) {
    const ulonglong2* from = (const ulonglong2*)(keys + first);
    ulonglong2 a = __ldg(from), b = __ldg(from + 1);
    return {{a.x, a.y, b.x, b.y}};
}
__device__ __forceinline__ bool empty(const Keys& keys) {
    return (keys.k[0] & keys.k[1] & keys.k[2] & keys.k[3]) == EMPTY;
}
__device__ __forceinline__ bool same_triangle(u64 a, u64 b) { return u32(a) == u32(b); }
__device__ __forceinline__ bool one_triangle(const Keys& keys) {
    return same_triangle(keys.k[0], keys.k[1]) && same_triangle(keys.k[0], keys.k[2]) &&
           same_triangle(keys.k[0], keys.k[3]);
}

// Of each sample the number of samples of the surface that it stands for, 4 bits each; 0 where an
// earlier sample stands for it. As kernels.fragment groups them: one material at nearly one depth.
__device__ __forceinline__ u32 shares(const Keys& keys, const int4* triangle) {
    if (one_triangle(keys)) return SAMPLES;
    int material[SAMPLES];
#pragma unroll
    for (int s = 0; s < SAMPLES; ++s)
        material[s] = keys.k[s] == EMPTY ? -1 : __ldg(&triangle[u32(keys.k[s])].w) >> 8;
    u32 left = 15, found = 0;
#pragma unroll
    for (int s = 0; s < SAMPLES; ++s) {
        if (!(left >> s & 1)) continue;
        u32 count = 1;
#pragma unroll
        for (int t = s + 1; t < SAMPLES; ++t) {
            bool alike = left >> t & 1 && material[t] == material[s] &&
                         abs(depth_of(keys.k[t]) - depth_of(keys.k[s])) < SAME_DEPTH;
            left &= ~(u32(alike) << t);
            count += alike;
        }
        found |= count << 4 * s;
    }
    return found;
}

// Weights of the corners of a triangle on the screen at (px, py), held within it: the middle of a
// pixel may lie just outside a triangle that covers only one of its samples.
__device__ __forceinline__ float3 weights_at(float4 a, float4 b, float4 c, float px, float py) {
    float x1 = b.x - a.x, y1 = b.y - a.y, x2 = c.x - a.x, y2 = c.y - a.y, x = px - a.x,
          y = py - a.y;
    float area = x1 * y2 - x2 * y1;
    // The smallest area the rasterizer draws is far above this.
    float inverse = 1.0f / (fabsf(area) > 1e-6f ? area : 1e-6f);
    float w1 = held((x * y2 - x2 * y) * inverse), w2 = held((x1 * y - x * y1) * inverse);
    if (w1 + w2 > 1.0f) {
        float over = 1.0f / (w1 + w2);
        w1 *= over, w2 *= over;
    }
    return make_float3(1.0f - w1 - w2, w1, w2);
}
__device__ __forceinline__ float blend(float3 w, float a, float b, float c) {
    return w.x * a + w.y * b + w.z * c;
}
