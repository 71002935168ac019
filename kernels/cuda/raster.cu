// Triangles -> visibility keys, for a batch of different avatars; the CUDA twin of kernels/raster.py.
//
// A key is depth << 32 | triangle; the smallest wins by a 64-bit atomicMin, so neither the order of
// triangles nor that of threads counts. Coverage and depth are the twin's integers: equal corners
// give equal keys to the bit. Sums wrap as the twin's do, hence u64; slopes are float64 with the
// twin's one fused multiply-add.
#include "device.h"

constexpr int CHUNK = 128;  // triangles and threads of a block
constexpr int LARGEST = 1024;  // pixels of a box that one warp fills
constexpr int SPAN = 64 * SUBPIXEL;  // sides up to this keep edge functions within 32 bits
constexpr int SLACK = 256;  // key depth: more than rounding can bring a sample nearer than its corners
constexpr double STEEPEST = 17592186044416.0;  // 2^44

// A triangle made ready. Edge functions a x + b y + e, >= 0 inside, at the corner of the box's first
// pixel; its samples lie offset_x, offset_y beyond.
template <class T> struct __align__(16) Ready {
    u64 depth, slope_x, slope_y;  // FRACTION bits below one key step; per subpixel
    u32 number;
    u16 x, y, w, h;               // box of pixels
    T a[3], b[3], e[3];
};

__device__ __forceinline__ int bias(i64 dx, i64 dy) { return dy < 0 || (dy == 0 && dx > 0) ? 0 : -1; }

__device__ __forceinline__ i64 slope(double g1, double g2, i64 e1, i64 e2) {
    return (i64)min(max(fma((double)e1, g1, (double)e2 * g2), -STEEPEST), STEEPEST);
}

__device__ __forceinline__ bool hidden(const int* farthest, int columns, int x, int y, int w, int h, int nearest) {
    for (int row = y / TILE; row <= (y + h - 1) / TILE; ++row)
        for (int column = x / TILE; column <= (x + w - 1) / TILE; ++column)
            if (nearest <= farthest[row * columns + column]) return false;
    return true;
}

// Corners, cull, clip to the picture. False where nothing is to be drawn. `span`: the longer side.
__device__ __forceinline__ bool place(
    int4 triangle, const int4* corners, int height, int width, int4 (&p)[3], u16 (&box)[4], int& span, bool& turned) {
    p[0] = corners[triangle.x], p[1] = corners[triangle.y], p[2] = corners[triangle.z];
    if ((p[0].z | p[1].z | p[2].z) < 0) return false;
    i64 area = (i64)(p[1].x - p[0].x) * (p[2].y - p[0].y) - (i64)(p[2].x - p[0].x) * (p[1].y - p[0].y);
    int side = triangle.w & 255;
    // y points down: a counter-clockwise front has a negative area here.
    if (area == 0 || (side == FRONT && area > 0) || (side == BACK && area < 0)) return false;
    int x0 = min(min(p[0].x, p[1].x), p[2].x), x1 = max(max(p[0].x, p[1].x), p[2].x);
    int y0 = min(min(p[0].y, p[1].y), p[2].y), y1 = max(max(p[0].y, p[1].y), p[2].y);
    span = max(x1 - x0, y1 - y0), turned = area < 0;
    // Arithmetic shifts: floors, also left of the picture.
    x0 = max(x0 >> 8, 0), y0 = max(y0 >> 8, 0);
    x1 = min((x1 >> 8) + 1, width), y1 = min((y1 >> 8) + 1, height);
    if (x0 >= x1 || y0 >= y1) return false;
    box[0] = x0, box[1] = y0, box[2] = x1 - x0, box[3] = y1 - y0;
    return true;
}

template <class T>
__device__ __forceinline__ void prepare(
    Ready<T>& ready, u32 number, const int4 (&corner)[3], const u16 (&box)[4], bool turned) {
    int4 p = corner[0], q = corner[1], r = corner[2];
    if (turned) q = corner[2], r = corner[1];  // not by a computed index: that would need memory
    T a[3] = {q.y - r.y, r.y - p.y, p.y - q.y}, b[3] = {r.x - q.x, p.x - r.x, q.x - p.x};
    int left = box[0] * SUBPIXEL, top = box[1] * SUBPIXEL;
    int from_x[3] = {left - q.x, left - r.x, left - p.x}, from_y[3] = {top - q.y, top - r.y, top - p.y};
    for (int k = 0; k < 3; ++k) {
        ready.a[k] = a[k], ready.b[k] = b[k];
        ready.e[k] = a[k] * from_x[k] + b[k] * from_y[k] + bias(b[k], -a[k]);
    }
    double area = (double)((i64)b[2] * a[1] - (i64)b[1] * a[2]);
    double g1 = (double)((i64)q.z - p.z) * (1 << FRACTION) / area;
    double g2 = (double)((i64)r.z - p.z) * (1 << FRACTION) / area;
    ready.slope_x = slope(g1, g2, a[1], a[2]), ready.slope_y = slope(g1, g2, b[1], b[2]);
    ready.depth = ((u64)p.z << FRACTION) + ready.slope_x * (u64)(i64)from_x[2] + ready.slope_y * (u64)(i64)from_y[2];
    ready.number = number, ready.x = box[0], ready.y = box[1], ready.w = box[2], ready.h = box[3];
}

// Offers pixel (x, y) of the box to its four keys. Those are read first: most lie behind what is
// drawn already, and a plain read is cheaper than an atomic. Others change them meanwhile by
// atomicMin: each key is an aligned word of 8 bytes, so what is read is one that was there, and keys
// only fall, so a stale one is larger: then the atomic decides.
template <class T>
__device__ __forceinline__ void offer(const Ready<T>& ready, int x, int y, u64* keys, int width) {
    T e[3];
    for (int k = 0; k < 3; ++k) e[k] = ready.e[k] + (ready.a[k] * x + ready.b[k] * y) * SUBPIXEL;
    u32 covered = 0;
    for (int s = 0; s < SAMPLES; ++s) {
        T outside = 0;
        for (int k = 0; k < 3; ++k) outside |= e[k] + ready.a[k] * offset_x(s) + ready.b[k] * offset_y(s);
        covered |= (u32)(outside >= 0) << s;
    }
    if (!covered) return;
    u64* at = keys + ((ready.y + y) * width + ready.x + x) * SAMPLES;
    ulonglong2 held[2] = {((const ulonglong2*)at)[0], ((const ulonglong2*)at)[1]};
    u64 known[SAMPLES] = {held[0].x, held[0].y, held[1].x, held[1].y};
    u64 depth = ready.depth + (ready.slope_x * (u64)x + ready.slope_y * (u64)y) * SUBPIXEL;
    for (int s = 0; s < SAMPLES; ++s) {
        u64 here = depth + ready.slope_x * offset_x(s) + ready.slope_y * offset_y(s);
        u64 key = ((u64)((i64)here >> FRACTION) << 32 | ready.number) & EMPTY;
        if ((covered >> s & 1) && key < known[s]) atomicMin(at + s, key);
    }
}

// One warp: pixels in footprints of 4 x 8, 8 x 4, 16 x 2 or 32 x 1, whichever the box's width suits.
__device__ __forceinline__ void fill(const Ready<int>& ready, u64* keys, int width, int lane) {
    int w = ready.w, h = ready.h;
    int shift = w > 16 ? 5 : w > 8 ? 4 : w > 4 ? 3 : 2;
    int across = 1 << shift, down = 32 >> shift;
    for (int y = lane >> shift; y < h; y += down)
        for (int x = lane & (across - 1); x < w; x += across) offer(ready, x, y, keys, width);
}

// A whole block: its warps take footprints of 8 x 4 pixels in turn, and leave out those that lie
// outside of an edge.
__device__ __forceinline__ void fill_wide(const Ready<i64>& ready, u64* keys, int width) {
    int lane = threadIdx.x & 31, across = (ready.w + 7) >> 3, count = across * ((ready.h + 3) >> 2);
    for (int n = threadIdx.x >> 5; n < count; n += CHUNK / 32) {
        int row = n / across, x = (n - row * across) * 8, y = row * 4;
        bool away = false;
        for (int k = 0; k < 3; ++k) {
            i64 a = ready.a[k], b = ready.b[k];
            i64 most = ready.e[k] + (a * x + b * y) * SUBPIXEL + (a > 0 ? a * (8 * SUBPIXEL) : 0) + (b > 0 ? b * (4 * SUBPIXEL) : 0);
            away |= most < 0;
        }
        if (away) continue;
        x += lane & 7, y += lane >> 3;
        if (x < ready.w && y < ready.h) offer(ready, x, y, keys, width);
    }
}

// kernels.raster.rasterize: keys [B, H, W, 4] are set to EMPTY. `pairs` of keys are written, 16 bytes
// a thread.
extern "C" __global__ __launch_bounds__(256) void raster_clear(ulonglong2* keys, int pairs) {
    int n = blockIdx.x * blockDim.x + threadIdx.x;
    if (n < pairs) keys[n] = make_ulonglong2(EMPTY, EMPTY);
}

// kernels.raster.snap: screen [N] x, y in pixels, z in [0, 1) -> corners [N] x and y in 1/SUBPIXEL
// pixels, key depth, 0; impossible ones have depth -1. A thread a vertex.
extern "C" __global__ __launch_bounds__(256) void raster_snap(const float4* screen, int4* corners, int count) {
    int n = blockIdx.x * blockDim.x + threadIdx.x;
    if (n < count) corners[n] = snapped(screen[n]);
}

// kernels.raster._draw: merge triangles of `figures[who[b]]` into keys [B, H, W, 4]. corners
// [B, stride]. late 0: triangles before Figure.shown; 1: those from it on, left out where they lie
// behind `farthest` [B, H / TILE, W / TILE], the key depth behind which nothing shows.
//
// A lane makes a triangle ready (corners, culling, clipping, the divisions), then its warp fills the
// 32 of them one after another, lanes being pixels: at 512 px a third of an avatar's triangles are
// culled and half of the others span 8 x 8 pixels, so that nearly all lanes work, neighbouring lanes
// meet neighbouring keys, and no warp waits for one lane's large triangle. The few triangles that
// are larger than LARGEST pixels or SPAN (one in fifty) are filled by the whole block.
extern "C" __global__ __launch_bounds__(CHUNK) void raster_draw(
    const Figure* figures, const int* who, const int4* corners, int stride, const int* farthest, int late, u64* keys,
    int height, int width) {
    __shared__ Ready<int> ready[CHUNK];
    __shared__ u16 wide[CHUNK];
    __shared__ int wides;
    const int4* triangles = figures[who[blockIdx.y]].triangle;
    int shown = (int)figures[who[blockIdx.y]].shown;
    int last = late ? (int)figures[who[blockIdx.y]].triangles : shown;
    int first = (late ? shown : 0) + blockIdx.x * CHUNK;
    if (first >= last) return;
    corners += (i64)blockIdx.y * stride;
    keys += (i64)blockIdx.y * height * width * SAMPLES;
    int columns = (width + TILE - 1) / TILE;
    if (late) farthest += (i64)blockIdx.y * columns * ((height + TILE - 1) / TILE);
    if (threadIdx.x == 0) wides = 0;
    __syncthreads();

    int number = first + threadIdx.x, lane = threadIdx.x & 31, span;
    int4 corner[3];
    u16 box[4];
    bool turned;
    bool drawn = number < last && place(triangles[number], corners, height, width, corner, box, span, turned);
    if (drawn && late) {
        int nearest = min(min(corner[0].z, corner[1].z), corner[2].z) - SLACK;
        drawn = !hidden(farthest, columns, box[0], box[1], box[2], box[3], nearest);
    }
    bool small = drawn && span <= SPAN && box[2] * box[3] <= LARGEST;
    if (small) prepare(ready[threadIdx.x], number, corner, box, turned);
    if (drawn && !small) wide[atomicAdd(&wides, 1)] = threadIdx.x;
    u32 left = __ballot_sync(~0u, small);
    __syncwarp();
    for (; left; left &= left - 1) fill(ready[(threadIdx.x & ~31) + __ffs(left) - 1], keys, width, lane);

    __syncthreads();
    for (int n = 0; n < wides; ++n) {
        number = first + wide[n];
        Ready<i64> large;
        if (!place(triangles[number], corners, height, width, corner, box, span, turned)) continue;
        prepare(large, number, corner, box, turned);
        fill_wide(large, keys, width);
    }
}

// kernels.raster._survey: of each tile of keys [B, H, W, 4], the farthest depth and the share of
// pixels whose first sample is empty. A warp a tile: a lane reads two pixels, 64 bytes.
extern "C" __global__ __launch_bounds__(256) void raster_survey(
    const u64* keys, int* farthest, float* clear, int height, int width, int batch) {
    int columns = (width + TILE - 1) / TILE, rows = (height + TILE - 1) / TILE;
    int n = (int)((blockIdx.x * blockDim.x + threadIdx.x) >> 5), lane = threadIdx.x & 31;
    if (n >= columns * rows * batch) return;
    int row = n / columns, column = n - row * columns, item = row / rows;
    row -= item * rows;
    keys += (i64)item * height * width * SAMPLES;
    u32 most = 0, empty = 0;
    int x = column * TILE + (lane & 7);
    for (int half = 0; half < 2; ++half) {
        int y = row * TILE + (lane >> 3) + half * 4;
        if (x >= width || y >= height) continue;
        const ulonglong2* at = (const ulonglong2*)(keys + (y * width + x) * SAMPLES);
        ulonglong2 one = at[0], two = at[1];
        most = max(most, (u32)(max(max(one.x, one.y), max(two.x, two.y)) >> 32));
        empty += one.x == EMPTY;
    }
    most = __reduce_max_sync(~0u, most), empty = __reduce_add_sync(~0u, empty);
    if (lane == 0) {
        int count = min(TILE, height - row * TILE) * min(TILE, width - column * TILE);
        farthest[n] = (int)most;
        clear[n] = (float)empty / (float)count;
    }
}
