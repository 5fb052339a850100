// Marks the maths of one point: compiled for the CPU and, where CUDA compiles the file, for the GPU too. A table of constants that it
// indexes is marked as well: kernels see no other.
#pragma once

#if defined(__CUDACC__)
#define NEURFIELD_POINT_MATHS __host__ __device__ inline
#define NEURFIELD_POINT_TABLE static __device__ constexpr
#else
#define NEURFIELD_POINT_MATHS inline
#define NEURFIELD_POINT_TABLE constexpr
#endif
