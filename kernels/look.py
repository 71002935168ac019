"""Tables that `kernels.cel.shade` reads: of materials, of vertices, of the whole picture."""

from enum import IntEnum


class Look(IntEnum):
    """Columns of the material table [M, LOOKS] float32; colours and tints in [0, 1]."""

    RED = 0
    GREEN = 1
    BLUE = 2
    SHADOW_RED = 3  # tint of the shadow tone: multiplies the colour
    SHADOW_GREEN = 4
    SHADOW_BLUE = 5
    LIGHT_X = 6  # unit vector to the light, view space
    LIGHT_Y = 7
    LIGHT_Z = 8
    THRESHOLD = 9  # n . l at the middle of the step from shadow to light
    SOFTNESS = 10  # half width of that step
    RIM = 11  # strength of the light from behind
    SHINE = 12  # strength of the highlight
    SHINE_EDGE = 13  # n . h where the highlight is half
    SHINE_SOFTNESS = 14
    TEXTURE = 15  # row of the texture index, -1 for none
    FLAT = 16  # 1: no lighting at all (outlines, line work)
    LIFT = 17  # warm line where light turns to shadow: strength
    AMBIENT = 18  # how much of the baked occlusion is shown
    RECEIVES = 19  # how dark contact shadows are
    STRAND = 20  # 1: the highlight is a band across strands
    HALF_X = 21  # unit vector halfway between the light and the viewer at +z
    HALF_Y = 22
    HALF_Z = 23


class Trait(IntEnum):
    """Columns of the vertex table [V, TRAITS] float32 that `shade` interpolates."""

    NORMAL_X = 0  # view space, any length
    NORMAL_Y = 1
    NORMAL_Z = 2
    U = 3
    V = 4
    AMBIENT = 5  # light that baked occlusion leaves, 1 = all
    SHELTER = 6  # how far a vertex takes shadows of Cast.BROAD surfaces, 0 to 1
    STRAND = 7  # cosine between its strand and the half vector of light and viewer


class Scene(IntEnum):
    """Entries of the vector [SCENES] float32 that holds for the whole picture."""

    RIM_RED = 0
    RIM_GREEN = 1
    RIM_BLUE = 2
    RIM_X = 3  # unit vector to the light from behind, in the screen's plane
    RIM_Y = 4
    NEAR = 5  # distance at z = 0, dm
    RANGE = 6  # distance at z = 1 less NEAR, dm
    AWAY_X = 7  # where shadows look for casters: cells, times dm of distance, per dm of reach
    AWAY_Y = 8


class Cast(IntEnum):
    """Which contact shadows a material throws."""

    NONE = 0
    FINE = 1  # on all that receives them: hair, glasses
    BROAD = 2  # only on sheltered vertices: a head on its neck, never a nose on its cheek


LOOKS, TRAITS, SCENES = len(Look), len(Trait), len(Scene)
