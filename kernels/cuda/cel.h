// Cel shading of one surface at the middle of a pixel: the arithmetic of kernels/cel.py.
//
// Neighbouring threads mostly see one triangle and nearly always one material, so what they read of
// either comes to a warp as one or two transactions of the read-only cache; registers hold only
// what is interpolated. Order matters for their number: all that needs the normal comes first, then
// what reads casters, then what reads images.
#pragma once

constexpr float OCCLUDED = 0.6f, BLURRED = 0.25f, DEEP = 0.9f;
constexpr float CONTACT = 0.4f;  // contact shadows are as deep as this much occlusion
constexpr float RIM_EDGE = 0.62f, RIM_SOFT = 0.10f, SIDE_EDGE = 0.40f, SIDE_SOFT = 0.30f;
constexpr int LOOKS = 24, SCENES = 12;  // columns; of a scene's, kernels.look's 9 and padding

// What all surfaces of a picture share: arrays of the whole batch and where the picture's part of
// each begins. Numbers of 32 bits instead of pointers: bases stay in constant memory.
struct Stage {
    const Figure* figure;
    const float4* screen;   // x, y, z
    const float4* normals;  // x, y, z; cosine between strand and half vector
    const float* scene;     // [SCENES]
    const u32* cells;       // [rows, columns] packed as `cell`
    int first_screen, first_normal, first_scene, first_cell;
    int rows, columns;   // of cells
    float cells_per_px;  // 1 or 1/2
};

// A cell in one word, for shading reads four to twelve of them: depth of the nearest caster in
// steps of 2^-22, samples of Cast.FINE surfaces, of Cast.BROAD ones (0 to 16).
__device__ __forceinline__ u32 cell(int nearest, u32 fine, u32 broad) {
    return u32(nearest) >> 9 << 10 | fine << 5 | broad;
}

// Smooth step from 0 to 1 around `edge`.
__device__ __forceinline__ float smooth(float edge, float softness, float x) {
    float t = held((x - edge) / (softness + softness) + 0.5f);
    return t * t * (3.0f - t - t);
}

// How far a caster lies before the depth `ahead`, dm, from 0 to 1, times the samples that throw.
__device__ __forceinline__ float thrown(
    u32 cell, float fine, float broad, float units, float ahead, float grow
) {
    float cover = float(int(cell >> 5 & 31)) * fine + float(int(cell & 31)) * broad;
    return cover * held((ahead - float(int(cell >> 10)) * units) * grow);
}

// An index would put the numbers into local memory.
__device__ __forceinline__ float of_tap(int tap, const float (&values)[3]) {
    if (tap == 0) return values[0];
    return tap == 1 ? values[1] : values[2];
}

// How dark the contact shadow is; px, py: the pixel's middle, depth: of the key, 0 to 1.
__device__ __forceinline__ float shadow_at(
    const Stage& stage, float px, float py, float depth, float shelter, float receives
) {
    // How far towards the light is looked, dm, from which difference in depth on a shadow grows,
    // and how fast. The last ones serve sheltered vertices only.
    const float reach[3] = {0.085f, 0.22f, 0.40f}, begin[3] = {0.030f, 0.08f, 0.16f};
    const float grow[3] = {
        float(1 / (0.075 - 0.030)), float(1 / (0.18 - 0.08)), float(1 / (0.28 - 0.16))
    };
    const float* scene = stage.scene + stage.first_scene;
    float range = __ldg(scene + 6), here = depth * range, scale = 1.0f / (__ldg(scene + 5) + here);
    int rows = stage.rows, columns = stage.columns;
    float units = range * float(512 / DEPTH_ONE), cells = stage.cells_per_px;
    float away_x = __ldg(scene + 7), away_y = __ldg(scene + 8), shadow = 0.0f;
    float x_most = float(columns) - 1.01f, y_most = float(rows) - 1.01f;
    int taps = shelter > 0.02f ? 3 : 1;
#pragma unroll 1
    for (int tap = 0; tap < taps; ++tap) {
        float step = of_tap(tap, reach) * scale, ahead = here - of_tap(tap, begin);
        float rise = of_tap(tap, grow), fine = tap == 0 ? 1.0f : shelter;
        float x = fminf(fmaxf(px * cells + away_x * step - 0.5f, 0.0f), x_most);
        float y = fminf(fmaxf(py * cells + away_y * step - 0.5f, 0.0f), y_most);
        int column = __float2int_rz(x), row = __float2int_rz(y);
        int at = stage.first_cell + row * columns + column, below = at + columns;
        u32 c00 = __ldg(stage.cells + at), c01 = __ldg(stage.cells + at + 1);
        u32 c10 = __ldg(stage.cells + below), c11 = __ldg(stage.cells + below + 1);
        if (((c00 | c01 | c10 | c11) & 1023) == 0) continue;
        float fx = x - float(column), fy = y - float(row), w11 = fx * fy;
        float found = thrown(c00, fine, shelter, units, ahead, rise) * (1.0f - fx - fy + w11);
        found += thrown(c01, fine, shelter, units, ahead, rise) * (fx - w11);
        found += thrown(c10, fine, shelter, units, ahead, rise) * (fy - w11);
        found += thrown(c11, fine, shelter, units, ahead, rise) * w11;
        shadow = fmaxf(shadow, found);
    }
    return fminf(shadow * receives * (0.25f * cells * cells), receives);
}

// The image `texture` of a figure read bilinearly at u, v; colours in [0, 1].
__device__ __forceinline__ float3 color_at(const Figure* figure, int texture, float u, float v) {
    const i32* index = figure->index + 3 * texture;
    int height = __ldg(index + 1), width = __ldg(index + 2);
    float x = fminf(fmaxf(u * float(width) - 0.5f, 0.0f), float(width - 1));
    float y = fminf(fmaxf((1.0f - v) * float(height) - 0.5f, 0.0f), float(height - 1));
    int x0 = __float2int_rz(x), y0 = __float2int_rz(y);
    float fx = x - float(x0), fy = y - float(y0);
    const u32* at = figure->textures + __ldg(index) + y0 * width + x0;
    int right = x0 < width - 1 ? 1 : 0, below = y0 < height - 1 ? width : 0;
    u32 c00 = __ldg(at), c01 = __ldg(at + right), c10 = __ldg(at + below),
        c11 = __ldg(at + below + right);
    float w11 = fx * fy * float(1 / 255.0), w01 = fx * float(1 / 255.0) - w11,
          w10 = fy * float(1 / 255.0) - w11;
    float w00 = float(1 / 255.0) - w01 - w10 - w11, mean[3];
#pragma unroll
    for (int c = 0; c < 3; ++c)
        mean[c] = float(int(c00 >> 8 * c & 255)) * w00 + float(int(c01 >> 8 * c & 255)) * w01 +
                  float(int(c10 >> 8 * c & 255)) * w10 + float(int(c11 >> 8 * c & 255)) * w11;
    return make_float3(mean[0], mean[1], mean[2]);
}

__device__ __forceinline__ u32 bytes_of(float red, float green, float blue) {
    return packed(
        truncated(held(red) * 255.0f + 0.5f), truncated(held(green) * 255.0f + 0.5f),
        truncated(held(blue) * 255.0f + 0.5f)
    );
}

// The colour of a triangle at (px, py), the middle of a pixel; three fields of ten bits.
__device__ __forceinline__ u32 tint(const Stage& stage, int triangle, float px, float py) {
    const Figure* figure = stage.figure;
    int4 corner = __ldg(figure->triangle + triangle);
    const float4* look = (const float4*)(figure->table + LOOKS * (corner.w >> 8));
    float4 flat = __ldg(look + 4);  // flat, lift, ambient, receives
    // Outlines have no normals, and colours that are flat: held to that whatever the table says.
    if (flat.x != 0.0f || triangle >= int(figure->surfaces)) {
        float4 color = __ldg(look);
        return bytes_of(color.x, color.y, color.z);
    }
    float4 a = __ldg(stage.screen + (stage.first_screen + corner.x));
    float4 b = __ldg(stage.screen + (stage.first_screen + corner.y));
    float4 c = __ldg(stage.screen + (stage.first_screen + corner.z));
    float3 w = weights_at(a, b, c, px, py);
    float depth = blend(w, a.z, b.z, c.z);
    a = __ldg(stage.normals + (stage.first_normal + corner.x));
    b = __ldg(stage.normals + (stage.first_normal + corner.y));
    c = __ldg(stage.normals + (stage.first_normal + corner.z));
    float x = blend(w, a.x, b.x, c.x), y = blend(w, a.y, b.y, c.y), z = blend(w, a.z, b.z, c.z);
    float along = blend(w, a.w, b.w, c.w);
    a = __ldg(figure->skin + corner.x), b = __ldg(figure->skin + corner.y),
    c = __ldg(figure->skin + corner.z);
    float u = blend(w, a.x, b.x, c.x), v = blend(w, a.y, b.y, c.y);
    float closed = 1.0f - blend(w, a.z, b.z, c.z), shelter = blend(w, a.w, b.w, c.w);

    float length = 1.0f / sqrtf(x * x + y * y + z * z + 1e-12f);
    // The back of a two-sided sheet faces the viewer too.
    if (z * length < -0.35f) length = -length;
    x *= length, y *= length, z *= length, closed *= flat.z;
    float4 tone = __ldg(look + 1);  // dark green, blue; light x, y
    float4 edge = __ldg(look + 2);  // light z, threshold, softness, rim
    float light = smooth(
        edge.y + OCCLUDED * closed, edge.z + BLURRED * closed, x * tone.z + y * tone.w + z * edge.x
    );
    const float* scene = stage.scene + stage.first_scene;
    float behind = edge.w * smooth(RIM_EDGE, RIM_SOFT, 1.0f - fmaxf(z, 0.0f)) *
                   smooth(SIDE_EDGE, SIDE_SOFT, x * __ldg(scene + 3) + y * __ldg(scene + 4));
    float4 shine = __ldg(look + 3);   // strength, edge, softness
    float4 middle = __ldg(look + 5);  // strand, half vector
    float gloss = x * middle.y + y * middle.z + z * middle.w;
    float band = sqrtf(fmaxf(1.0f - along * along, 0.0f)) * held(gloss * 1.5f);
    gloss = shine.x * smooth(shine.y, shine.z, gloss + middle.x * (band - gloss));

    float cast = 0.0f;
    if (flat.w > 0.0f && light > 0.01f) cast = shadow_at(stage, px, py, depth, shelter, flat.w);
    float hollow = fmaxf(closed, CONTACT * cast * light), rest = 1.0f - hollow;
    light *= 1.0f - cast;
    float shade = 1.0f - light, warm = flat.y * (light * shade);
    gloss *= (0.5f + 0.5f * light) * rest, behind *= rest;

    // What is read only here, or again, would cost registers while casters are looked for.
    float4 color = __ldg(look);                       // red, green, blue, dark red
    float2 other = __ldg((const float2*)(look + 1));  // dark green, blue
    float texture = __ldg((const float*)look + 15);
    if (texture >= 0.0f) {
        float3 read = color_at(figure, __float2int_rz(texture), u, v);
        color.x *= read.x, color.y *= read.y, color.z *= read.z;
    }
    float up = 1.0f + 4.0f * warm, down = 1.0f - 1.4f * warm;
    // Where little light comes in, the shadow's tint is laid on once more.
    float red =
        color.x * (light + shade * color.w) * up * (1.0f - hollow * (DEEP - DEEP * color.w));
    float green =
        color.y * (light + shade * other.x) * down * (1.0f - hollow * (DEEP - DEEP * other.x));
    float blue =
        color.z * (light + shade * other.y) * down * (1.0f - hollow * (DEEP - DEEP * other.y));
    red += behind * (__ldg(scene) - 0.5f * red) + gloss;
    green += behind * (__ldg(scene + 1) - 0.5f * green) + gloss;
    blue += behind * (__ldg(scene + 2) - 0.5f * blue) + gloss;
    return bytes_of(red, green, blue);
}
