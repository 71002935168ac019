"""The face as data: blendshape names, avatar packages, camera, posed vertices."""
