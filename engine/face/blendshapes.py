"""ARKIT: the 52 blendshape names in the one order used everywhere (alphabetical)."""

# Apple's ARKit names; "Left" is the subject's left. Trackers list them in other orders and
# MediaPipe adds `_neutral` and lacks `tongueOut`: always map by name, never by index.
ARKIT: tuple[str, ...] = tuple(
    """
    browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff
    cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight
    eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight
    eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight
    mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel
    mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker
    mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft
    mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight
    noseSneerLeft noseSneerRight tongueOut
    """.split()
)
assert len(ARKIT) == 52 and list(ARKIT) == sorted(ARKIT)

INDEX: dict[str, int] = {name: i for i, name in enumerate(ARKIT)}
