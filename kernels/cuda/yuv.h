// Bytes: colours packed into words, I420 (BT.601 limited range) of them, and rows of a tile to
// memory.
//
// The numbers are those of kernels/i420.py, in integers: equal to the bit.
#pragma once

// A colour as three fields of ten bits, so that up to four of them add without overflow.
__device__ __forceinline__ u32 packed(u32 red, u32 green, u32 blue) {
    return red | green << 10 | blue << 20;
}
// red | green << 8 | blue << 16, as pictures behind are stored -> three fields of ten bits.
__device__ __forceinline__ u32 unpacked(u32 word) {
    return packed(word & 255, word >> 8 & 255, word >> 16 & 255);
}
__device__ __forceinline__ int red_of(u32 fields) { return int(fields & 1023); }
__device__ __forceinline__ int green_of(u32 fields) { return int(fields >> 10 & 1023); }
__device__ __forceinline__ int blue_of(u32 fields) { return int(fields >> 20); }

// Within [0, 1]; what is no number counts as 0.
__device__ __forceinline__ float held(float value) { return fminf(fmaxf(value, 0.0f), 1.0f); }

// [0, 255.5) -> a byte, truncated: callers have added the half.
__device__ __forceinline__ u32 truncated(float value) { return u32(__float2int_rz(value)); }

__device__ __forceinline__ u32 luma(u32 fields) {
    int sum = 16829 * red_of(fields) + 33039 * green_of(fields) + 6416 * blue_of(fields);
    return u32(((sum + (1 << 15)) >> 16) + 16);
}
// Of the sum of four colours.
__device__ __forceinline__ u32 chroma_u(u32 fields) {
    int sum = -9714 * red_of(fields) - 19070 * green_of(fields) + 28784 * blue_of(fields);
    return u32(((sum + (1 << 17)) >> 18) + 128);
}
__device__ __forceinline__ u32 chroma_v(u32 fields) {
    int sum = 28784 * red_of(fields) - 24103 * green_of(fields) - 4681 * blue_of(fields);
    return u32(((sum + (1 << 17)) >> 18) + 128);
}

// Rows of a tile in shared memory (`pitch` bytes apart, a multiple of 16, 16-byte aligned) to rows
// of `bytes` bytes in memory that are `stride` apart; by all threads of the block. Sixteen bytes a
// store where addresses allow it: over PCIe a store of one byte costs as much as one of thirty-two.
__device__ __forceinline__ void copy_rows(
    const u8* tile, int pitch, u8* out, i64 stride, int rows, int bytes, int thread, int threads
) {
    if (rows <= 0 || bytes <= 0) return;
    if ((((u64)out | (u64)stride | (u64)bytes) & 15) == 0) {
        int wide = bytes >> 4;
        for (int n = thread; n < rows * wide; n += threads) {
            int row = n / wide, at = (n - row * wide) << 4;
            *(uint4*)(out + row * stride + at) = *(const uint4*)(tile + row * pitch + at);
        }
        return;
    }
    for (int n = thread; n < rows * bytes; n += threads) {
        int row = n / bytes, at = n - row * bytes;
        out[row * stride + at] = tile[row * pitch + at];
    }
}
