"""Array operations of the rasterizer; no knowledge of faces or sessions.

This is the interface behind which another device's twin stands: arrays in, arrays written, every
shape and type stated where the function is defined, and nothing but integers deciding what covers
what, so that twins agree to the bit on keys and to rounding on colours. There is one device now,
the CPU.

    blend, bend, normals, strands, inflate    vertices (kernels.mesh)
    rasterize, overlay                        triangles -> keys (kernels.raster)
    fragments                                 keys -> surfaces of each pixel (kernels.fragment)
    shade                                     those -> RGB (kernels.cel; tables: kernels.look)
    surfaces, sample                          keys -> a network's input (kernels.texture)
    composite, cut_out                        its output -> RGB, RGBA (kernels.texture)
    across, lay, lift                         the same at another size (kernels.resize)
    silhouette                                keys -> fine alpha (kernels.matte)
    interpolate                               keys -> uv, normal, depth, mask (kernels.gbuffer)
    rgb_to_i420                               RGB -> I420 (kernels.i420)
    empty, tiles_of, room, casters            the buffers these write
"""

from kernels.cel import shade
from kernels.fragment import casters, fragments, room
from kernels.gbuffer import interpolate
from kernels.i420 import rgb_to_i420
from kernels.matte import silhouette
from kernels.mesh import bend, blend, inflate, normals, strands
from kernels.raster import empty, overlay, rasterize, tiles_of
from kernels.resize import across, lay, lift
from kernels.texture import composite, cut_out, sample, spread, surfaces

__all__ = [
    "across", "bend", "blend", "casters", "composite", "cut_out", "empty", "fragments", "inflate",
    "interpolate", "lay", "lift", "normals", "overlay", "rasterize", "rgb_to_i420", "room",
    "sample", "shade", "silhouette", "spread", "strands", "surfaces", "tiles_of",
]  # fmt: skip
