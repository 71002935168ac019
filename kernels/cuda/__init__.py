"""CUDA twins of the array operations: sources, their build, and how they are launched.

Nothing here is imported by the CPU line; the cuda packages are imported where they are needed.
"""
