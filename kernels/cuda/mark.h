// The mark of synthetic pictures of real people, laid on before a picture leaves: the CUDA twin of
// engine.render.mark.Badge.stamp, equal to the bit.
#pragma once

// Whether the badge covers something of `columns` x `rows` pixels from (x, y) on.
__device__ __forceinline__ bool marks(const Figure* figure, int x, int y, int columns, int rows) {
    u64 size = u64(__ldg(&figure->badge_size));
    if (size == 0) return false;
    u64 place = u64(__ldg(&figure->badge_place));
    int u = x - int(u32(place)), v = y - int(place >> 32);
    return u < int(u32(size)) && v < int(size >> 32) && u + columns > 0 && v + rows > 0;
}

// Three fields of ten bits at pixel (x, y) -> the same under the badge.
__device__ __forceinline__ u32 stamped(const Figure* figure, u32 fields, int x, int y) {
    if (!marks(figure, x, y, 1, 1)) return fields;
    u64 place = u64(__ldg(&figure->badge_place));
    int columns = int(u32(__ldg(&figure->badge_size)));
    ushort4 ink = __ldg(figure->badge + ((y - int(place >> 32)) * columns + x - int(u32(place))));
    return packed(
        u32(red_of(fields) * ink.w + ink.x) >> 8, u32(green_of(fields) * ink.w + ink.y) >> 8,
        u32(blue_of(fields) * ink.w + ink.z) >> 8
    );
}
