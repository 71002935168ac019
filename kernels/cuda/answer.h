// A network's answer: where its numbers lie, read sixteen bytes at a time.
//
// Sixteen bytes of each of four planes are N pixels, and so are 4 x 16 bytes of interleaved ones.
#pragma once

template <class T> struct Pixels {
    static constexpr int N = 16 / sizeof(T);
};
template <class T> struct Words {
    union {
        uint4 quad[4];
        T value[4 * Pixels<T>::N];
    };
};
__device__ __forceinline__ float number(float value) { return value; }
__device__ __forceinline__ float number(__half value) { return __half2float(value); }

// Strides in numbers of one picture [4, h, w] (planes) or [h, w, 4].
template <class T, bool PLANES> struct Answer {
    const T* at;
    int rows, columns;

    __device__ __forceinline__ i64 place(int channel, int y, int x) const {
        i64 pixel = (i64)y * columns + x;
        return PLANES ? (i64)channel * rows * columns + pixel : 4 * pixel + channel;
    }
    __device__ __forceinline__ float4 one(int y, int x) const {
        return make_float4(
            number(at[place(0, y, x)]), number(at[place(1, y, x)]), number(at[place(2, y, x)]),
            number(at[place(3, y, x)])
        );
    }
    // N pixels from (y, x) on; x and `columns` are multiples of N.
    __device__ __forceinline__ void many(int y, int x, Words<T>& words) const {
#pragma unroll
        for (int q = 0; q < 4; ++q) {
            const T* from = PLANES ? at + place(q, y, x) : at + place(0, y, x) + q * Pixels<T>::N;
            words.quad[q] = __ldg((const uint4*)from);
        }
    }
    static __device__ __forceinline__ float4 of(const Words<T>& words, int n) {
        const int step = PLANES ? Pixels<T>::N : 1, first = PLANES ? n : 4 * n;
        return make_float4(
            number(words.value[first]), number(words.value[first + step]),
            number(words.value[first + 2 * step]), number(words.value[first + 3 * step])
        );
    }
};
