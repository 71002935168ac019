// Weights and poses -> posed vertices, normals, what shading reads at them, and the outlines' hull, for
// a batch of different avatars; the CUDA twin of kernels/mesh.py and of the vertex work of
// engine/face/mesh.py, engine/render/gbuffer.py and engine/render/catchlight.py.
//
// Everything is gathered: a vertex reads the shapes that move it and the triangles around it, in rising
// order. So no sum depends on the order of threads, and pictures are the same bytes every time, which
// float atomics would not give. Vertices differ from the twin's only by rounding (numba contracts to
// fused multiply-adds; here nothing is contracted).
//
// Rows of an item: points and normals [B, stride], screen and corners [B, wide], wide >= 2 * vertices.
#include "device.h"

constexpr int STEPS = 17, SWING_STEPS = 5;  // engine.face.mesh
constexpr int POSE = 12;                    // numbers of a rigid motion [3, 4]
constexpr float BEHIND = 0.004f, BEYOND = 0.008f;  // engine.render.gbuffer
constexpr float INNER = 0.55f, THIN = 0.75f, SHADED = 0.45f;  // kernels.mesh
constexpr float ASIDE = 0.25f, LIFT = 0.02f;  // engine.render.catchlight

struct Point {
    float x, y, z;
};

__device__ __forceinline__ float row_of(const float* m, Point p) { return m[0] * p.x + m[1] * p.y + m[2] * p.z + m[3]; }

// kernels.mesh.bend of one point: the `share`-th part of a motion given at `last` + 1 steps.
__device__ __forceinline__ Point bent(Point p, float share, const float* poses, int last) {
    float at = share * (float)last;
    int n = max(min((int)at, last - 1), 0);
    float f = at - (float)n;
    const float* m = poses + n * POSE;
    float a = row_of(m, p), b = row_of(m + 4, p), c = row_of(m + 8, p);
    float d = row_of(m + 12, p), e = row_of(m + 16, p), g = row_of(m + 20, p);
    return {a + f * (d - a), b + f * (e - b), c + f * (g - c)};
}

// kernels.mesh.blend and bend, engine.face.mesh.Figure.vertices: weights [B, shapes], swings
// [B, SWING_STEPS, 3, 4], poses [B, STEPS, 3, 4], view [B, VIEWS] -> points [B, stride].
//
// A thread a vertex: entries of push are 8 bytes and lie side by side by vertex; weights times scales
// and the poses, which all threads read at random, lie in shared memory.
extern "C" __global__ __launch_bounds__(256) void mesh_pose(
    const Figure* figures, const int* who, const float* weights, int shapes, const float* swings, const float* poses,
    const float* view, float4* points, int stride) {
    SHARED(float, held);
    const Figure& figure = figures[who[blockIdx.y]];
    int vertices = (int)figure.vertices, known = min((int)figure.shapes, shapes);
    if ((int)(blockIdx.x * blockDim.x) >= vertices) return;
    float *bends = held, *swing = bends + STEPS * POSE, *weight = swing + SWING_STEPS * POSE;
    for (int n = threadIdx.x; n < STEPS * POSE; n += blockDim.x) bends[n] = poses[blockIdx.y * (STEPS * POSE) + n];
    for (int n = threadIdx.x; n < SWING_STEPS * POSE; n += blockDim.x) swing[n] = swings[blockIdx.y * (SWING_STEPS * POSE) + n];
    for (int n = threadIdx.x; n < known; n += blockDim.x) weight[n] = weights[blockIdx.y * shapes + n] * figure.scale[n];
    __syncthreads();

    int v = blockIdx.x * blockDim.x + threadIdx.x;
    if (v >= vertices) return;
    view += blockIdx.y * VIEWS;
    float4 rest = figure.rest[v], ride = figure.ride[v];
    Point p = {rest.x, rest.y, rest.z};
    const ushort4* push = figure.push;
    int last = figure.push_start[v + 1];
    for (int n = figure.push_start[v]; n < last; ++n) {
        ushort4 entry = push[n];
        if (entry.w >= known) continue;
        float w = weight[entry.w];
        p.x += w * (float)(i16)entry.x, p.y += w * (float)(i16)entry.y, p.z += w * (float)(i16)entry.z;
    }
    if (view[SWINGS] != 0 && ride.x != 0) p = bent(p, ride.x, swing, SWING_STEPS - 1);
    p.y += ride.y * figure.breath[0] * view[BREATH], p.z += ride.y * figure.breath[1] * view[BREATH];
    p = bent(p, rest.w, bends, STEPS - 1);
    points[(i64)blockIdx.y * stride + v] = make_float4(p.x, p.y, p.z, 0);
}

__device__ __forceinline__ float warp_sum(float value) {
    for (int step = 16; step; step >>= 1) value += __shfl_xor_sync(~0u, value, step);
    return value;
}

// engine.render.catchlight.Catchlight.turn: highlights among points [B, stride] move to the side that
// the light comes from. A warp an eye, a block an item: their discs have a dozen vertices.
extern "C" __global__ __launch_bounds__(64, 1) void mesh_catchlight(
    const Figure* figures, const int* who, const float* poses, const float* view, float4* points, int stride) {
    const Figure& figure = figures[who[blockIdx.x]];
    int eye = threadIdx.x >> 5, lane = threadIdx.x & 31;
    view += blockIdx.x * VIEWS;
    float light = view[LIGHT_X];
    float travel = (fminf(fmaxf(light / ASIDE, -1), 1) + 1) / 2;
    if (2 * eye + 2 > (int)figure.discs || (light == 0 && view[LIGHT_Y] == 0) || !(travel > 0)) return;
    points += (i64)blockIdx.x * stride;
    const float* head = poses + (blockIdx.x * STEPS + STEPS - 1) * POSE;
    Point right = {head[0], head[4], head[8]}, front = {head[2], head[6], head[10]};
    float4 ball = figure.ball[eye];
    Point middle = {ball.x, ball.y, ball.z};
    Point axis = {row_of(head, middle), row_of(head + 4, middle), row_of(head + 8, middle)};
    const int* start = figure.glint_start + 2 * eye;
    int first[3] = {start[0], start[1], start[2]};
    float centre[2];
#pragma unroll  // so that `first` and `centre` are registers
    for (int disc = 0; disc < 2; ++disc) {
        float x = 0, y = 0, z = 0;
#pragma unroll 1
        for (int n = first[disc] + lane; n < first[disc + 1]; n += 32) {
            float4 p = points[figure.glint[n]];
            x += p.x, y += p.y, z += p.z;
        }
        x = warp_sum(x), y = warp_sum(y), z = warp_sum(z);
        float count = (float)max(first[disc + 1] - first[disc], 1);
        centre[disc] = x / count * right.x + y / count * right.y + z / count * right.z;
    }
    float apart = (centre[1] - centre[0]) * travel, lift = LIFT * fminf(1, 4 * travel);
#pragma unroll
    for (int disc = 0; disc < 2; ++disc) {
        float move = disc ? -apart : apart;
#pragma unroll 1
        for (int n = first[disc] + lane; n < first[disc + 1]; n += 32) {
            float4 p = points[figure.glint[n]];
            float across = (p.x - axis.x) * right.x + (p.y - axis.y) * right.y + (p.z - axis.z) * right.z;
            float rise = ball.w * (across * across - (across + move) * (across + move)) + lift;
            p.x += move * right.x + rise * front.x;
            p.y += move * right.y + rise * front.y;
            p.z += move * right.z + rise * front.z;
            points[figure.glint[n]] = p;
        }
    }
}

// kernels.mesh.normals and strands, engine.face.camera.Camera.project, kernels.raster.snap: points
// [B, stride] -> normal [B, stride] (x, y, z, cosine between strand and half vector), screen and
// corners [B, wide].
//
// A thread a vertex, which walks the triangles around its weld group: three of 16 bytes each, mostly
// from a cache, as neighbours share them. Adding up triangles into their corners would need atomics,
// and storing each triangle's normal first would need another launch and as much memory traffic.
extern "C" __global__ __launch_bounds__(256) void mesh_project(
    const Figure* figures, const int* who, const float4* points, int stride, const float* poses, const float* view,
    float4* normal, float4* screen, int4* corners, int wide, int height, int width) {
    const Figure& figure = figures[who[blockIdx.y]];
    int v = blockIdx.x * blockDim.x + threadIdx.x;
    if (v >= (int)figure.vertices) return;
    points += (i64)blockIdx.y * stride, view += blockIdx.y * VIEWS;
    const float* turn = poses + (blockIdx.y * STEPS + STEPS - 1) * POSE;

    const ushort4* fan = figure.fan;
    int group = figure.weld[v], last = figure.fan_start[group + 1];
    Point sum = {0, 0, 0};
    for (int n = figure.fan_start[group]; n < last; ++n) {
        ushort4 at = fan[n];
        float4 i = points[at.x], j = points[at.y], k = points[at.z];
        float ax = j.x - i.x, ay = j.y - i.y, az = j.z - i.z, bx = k.x - i.x, by = k.y - i.y, bz = k.z - i.z;
        sum.x += ay * bz - az * by, sum.y += az * bx - ax * bz, sum.z += ax * by - ay * bx;
    }
    float f = 1 / sqrtf(sum.x * sum.x + sum.y * sum.y + sum.z * sum.z + 1e-20f);
    sum.x *= f, sum.y *= f, sum.z *= f;
    float4 proxy = figure.proxy[v];
    if (proxy.w != 0) {
        sum.x += proxy.w * (turn[0] * proxy.x + turn[1] * proxy.y + turn[2] * proxy.z - sum.x);
        sum.y += proxy.w * (turn[4] * proxy.x + turn[5] * proxy.y + turn[6] * proxy.z - sum.y);
        sum.z += proxy.w * (turn[8] * proxy.x + turn[9] * proxy.y + turn[10] * proxy.z - sum.z);
        f = 1 / sqrtf(sum.x * sum.x + sum.y * sum.y + sum.z * sum.z + 1e-20f);
        sum.x *= f, sum.y *= f, sum.z *= f;
    }
    float4 along = figure.tangent[v];
    float hx = view[HALF_X], hy = view[HALF_Y], hz = view[HALF_Z];
    float strand = along.x * (turn[0] * hx + turn[4] * hy + turn[8] * hz) +
                   along.y * (turn[1] * hx + turn[5] * hy + turn[9] * hz) +
                   along.z * (turn[2] * hx + turn[6] * hy + turn[10] * hz);
    normal[(i64)blockIdx.y * stride + v] = make_float4(sum.x, sum.y, sum.z, strand);

    float4 p = points[v];
    float depth = view[CAMERA_Z] - p.z, scale = view[FOCAL] / fmaxf(depth, 1e-3f);
    float4 at = make_float4(
        0.5f * (float)width + p.x * scale, 0.5f * (float)height - (p.y - view[CAMERA_Y]) * scale,
        (depth - view[NEAR_DM]) / view[RANGE_DM], 0);
    screen[(i64)blockIdx.y * wide + v] = at;
    corners[(i64)blockIdx.y * wide + v] = snapped(at);
}

// kernels.mesh.inflate: rows V + v of screen and corners [B, wide] are the hull of rows v; without a
// line they are impossible, and so are their triangles. clear [B, H / TILE, W / TILE] of
// raster_survey. A thread a vertex.
extern "C" __global__ __launch_bounds__(256) void mesh_outline(
    const Figure* figures, const int* who, const float* view, const float4* normal, int stride, const float* clear,
    float4* screen, int4* corners, int wide, int height, int width) {
    const Figure& figure = figures[who[blockIdx.y]];
    int v = blockIdx.x * blockDim.x + threadIdx.x, vertices = (int)figure.vertices;
    if (v >= vertices) return;
    view += blockIdx.y * VIEWS, screen += (i64)blockIdx.y * wide, corners += (i64)blockIdx.y * wide;
    float whole = figure.ride[v].z * view[LINE];
    float4 hull = make_float4(-1, -1, -1, 0);
    if (whole != 0) {
        int columns = (width + TILE - 1) / TILE, rows = (height + TILE - 1) / TILE;
        clear += blockIdx.y * (columns * rows);
        float4 n = normal[(i64)blockIdx.y * stride + v], at = screen[v];
        float dx = n.x, dy = -n.y, reach = BEYOND * (float)min(height, width);
        float x = fminf(fmaxf((at.x + dx * reach) / TILE - 0.5f, 0), (float)columns - 1.01f);
        float y = fminf(fmaxf((at.y + dy * reach) / TILE - 0.5f, 0), (float)rows - 1.01f);
        if (!(x >= 0 && y >= 0)) x = y = 0;  // also what is not a number
        int c = (int)x, r = (int)y, right = min(c + 1, columns - 1), below = min(r + 1, rows - 1);
        float fx = x - (float)c, fy = y - (float)r;
        float upper = clear[r * columns + c], lower = clear[below * columns + c];
        upper += fx * (clear[r * columns + right] - upper), lower += fx * (clear[below * columns + right] - lower);
        float outside = upper + fy * (lower - upper);
        outside = fminf(fmaxf((outside - 0.04f) * 4, 0), 1);
        float away = fmaxf(dy * view[LIGHT_Y] - dx * view[LIGHT_X], 0);
        float w = whole * ((INNER + (1 - INNER) * outside) * (0.85f + SHADED * away));
        w = fmaxf(w, fminf(4 * whole, THIN));  // thinner lines would break into dots
        hull = make_float4(at.x + dx * w, at.y + dy * w, at.z + BEHIND, 0);
    }
    screen[vertices + v] = hull;
    corners[vertices + v] = snapped(hull);
}
