// Triangles -> visibility keys; the CUDA twin of kernels/raster.py.
#include "device.h"

// keys [B * H * W * 4] = EMPTY; `pairs`: half as many. 16 bytes a thread.
extern "C" __global__ __launch_bounds__(256) void raster_clear(ulonglong2* keys, int pairs) {
    int n = blockIdx.x * blockDim.x + threadIdx.x;
    if (n < pairs) keys[n] = make_ulonglong2(EMPTY, EMPTY);
}
