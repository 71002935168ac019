// What every kernel begins with: the language (CUDA's own, or shim.h on a CPU), fixed-width types,
// the constants that kernels/*.py have under the same names, and what belongs to an avatar.
#pragma once
#ifdef CPU_SHIM
#include "shim.h"
#define SHARED(T, name) T* name = (T*)dyn_smem()
#else
#include <cuda_fp16.h>
#define SHARED(T, name) extern __shared__ __align__(16) unsigned char name##_bytes[]; T* name = (T*)name##_bytes
#endif

typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;

// kernels.raster
constexpr int SAMPLES = 4, SUBPIXEL = 256, FRACTION = 12, TILE = 8;
constexpr int FRONT = 0, BOTH = 1, BACK = 2;
constexpr u64 EMPTY = 0x7FFFFFFFFFFFFFFFull;
constexpr double DEPTH_ONE = 2147483519.0;  // 2^31 - 129
constexpr float FAR_PX = 16384.0f;

// Place of a sample in its pixel, 1/SUBPIXEL pixels.
__device__ __forceinline__ constexpr int offset_x(int s) { return s == 0 ? 96 : s == 1 ? 224 : s == 2 ? 32 : 160; }
__device__ __forceinline__ constexpr int offset_y(int s) { return s == 0 ? 32 : s == 1 ? 96 : s == 2 ? 160 : 224; }

// kernels.raster.snap of one vertex: x and y in 1/SUBPIXEL pixels, key depth (-1: impossible), 0.
__device__ __forceinline__ int4 snapped(float4 at) {
    // Written so that a coordinate that is not a number fails too.
    if (!(at.z >= 0 && at.z < 1 && fabsf(at.x) < FAR_PX && fabsf(at.y) < FAR_PX)) return make_int4(0, 0, -1, 0);
    return make_int4(
        (int)floorf(at.x * SUBPIXEL + 0.5f), (int)floorf(at.y * SUBPIXEL + 0.5f), (int)((double)at.z * DEPTH_ONE), 0);
}

// One avatar in one setting: pointers into device memory and counts, each 8 bytes, so that Python
// writes an array of them as rows of a structured array (engine.render.figures, which names the same
// members in the same order). Settings of one avatar share the arrays that they do not change.
// A kernel gets `figures` [N] and `who` [B], the row of each item of its batch.
//
// Members are only ever appended. V vertices, F triangles of the surface, E triangles with those of
// the outlines' hull, N entries, G weld groups, S shapes, M materials.
struct Figure {
    // the mesh as built
    const float4* rest;       // [V] x, y, z in dm; share of the neck's motion
    const float4* ride;       // [V] share of the hair's swing, of the breath; outline, relative; 0
    const float4* proxy;      // [V] smooth rest normal, its share
    const float4* tangent;    // [V] along strands, 0 where there are none; 0
    const float4* skin;       // [V] u, v, ambient, shelter: Trait.U, V, AMBIENT, SHELTER
    const i32* push_start;    // [V + 1] entries of each vertex in `push`, by rising shape
    const ushort4* push;      // [N] int16 x, y, z in units of the shape's scale; number of the shape
    const float* scale;       // [S] dm
    const i32* weld;          // [V] group
    const i32* fan_start;     // [G + 1] triangles around each group in `fan`
    const ushort4* fan;       // [3 F] corners of a triangle, 0; by rising triangle
    const int4* triangle;     // [E] corners i, j, k (hull: V + vertex); side | material << 8
    const i32* glint;         // vertices of the eyes' highlights, disc by disc
    const i32* glint_start;   // [discs + 1]: the large and the small one of each eye
    const float4* ball;       // [discs / 2] middle of the eyeball, how steeply its front falls off
    i64 vertices, shown, surfaces, triangles;  // V, drawn before the tiles are surveyed, F, E
    i64 shapes, discs;        // S; 4 or 0
    float breath[2];          // how far a whole breath moves the chest up and forward, dm
    // colours: kernels.look, kernels.cel
    const float* table;       // [M, LOOKS]
    const u8* casts;          // [M] a Cast
    const u32* textures;      // all images end to end, red | green << 8 | blue << 16
    const i32* index;         // [T, 3] offset, height, width
    const u32* backdrop;      // [H, W] red | green << 8 | blue << 16
    i64 materials;            // M
    // the neural look: kernels.texture
    const float2* corners;    // [F, 3] uv in the atlas
    const half* atlas;        // [rows, columns, 8]
    i64 rows, columns;
    // the mark of a likeness: engine.render.mark; size 0 where there is none
    const ushort4* badge;     // [rows, columns] colour times alpha, 0 to 255 * 256; what is left, 0 to 256
    i64 badge_place;          // left | top << 32
    i64 badge_size;           // columns | rows << 32
};

// Columns of the table [B, VIEWS] float32: what a session's picture is seen by.
enum View {
    FOCAL,                       // px
    CAMERA_Y, CAMERA_Z,          // of the pinhole, dm
    NEAR_DM, RANGE_DM,           // distance at z = 0; that at z = 1 less that at z = 0
    BREATH,                      // in [-1, 1]
    SWINGS,                      // 1: the hair's poses count, 0: it is at rest
    LINE,                        // px of an outline of relative width 1, 0 for none
    LIGHT_X, LIGHT_Y, LIGHT_Z,   // unit vector to the key light
    HALF_X, HALF_Y, HALF_Z,      // halfway between the light and the viewer at +z
    VIEWS = 16
};
