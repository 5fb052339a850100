// Marks the maths of one point: compiled for the CPU and, where CUDA compiles the file, for the GPU too.
#pragma once

#if defined(__CUDACC__)
#define NEURFIELD_POINT_MATHS __host__ __device__ inline
#else
#define NEURFIELD_POINT_MATHS inline
#endif
