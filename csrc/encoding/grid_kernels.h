// The grids' CUDA kernels as other kernels' hosts start them: plain pointers on the device, no Python. The batch calls of grid_cuda.cu
// and the fused field queries are made of these.
#pragma once

#include <cstdint>

#include "encoding/grid_arguments.h"

namespace neurfield::grid {

constexpr int kJacobianLanes = 32;  // points of a jacobian's tile: [tiles][levels][D][features][kJacobianLanes]

// Points that are asked about: `count` of [.., D] rows, the i-th being row index[i] (row i where index is null), of which the grid sees
// scale * x + shift.
struct Samples {
    const float* points;
    const int64_t* index;
    int64_t count;
    float scale, shift;
};

// Features into rows of `out` that are `row` floats apart (levels * features of them are written; zeros from level `active` on), and,
// unless null, the jacobian with respect to what the grid sees (zeros from level `active` on).
void encode_samples(const Grid& grid, bool smooth, int active, const Samples& samples, const float* table, float* out, int64_t row,
                    float* jacobian);

// out [count][levels * features], rows `row` floats apart = factor * jacobian * tangent [count][D].
void jacobian_product(int dimensions, int levels, int features, int64_t count, const float* jacobian, const float* tangent, float factor,
                      float* out, int64_t row);

// out [count][D] = (add ? out : 0) + factor * jacobian^T * cotangent, whose rows are `row` floats apart.
void jacobian_t_product(int dimensions, int levels, int features, int64_t count, const float* jacobian, const float* cotangent, int64_t row,
                        float factor, bool add, float* out);

// Adds w * d_features + (grad w . tangent_factor * tangent) * d_value_gradient to each vertex's entry, by atomics. d_features may be
// null; tangents [count][D] and d_value_gradient come together or are both null. Their rows are d_row and q_row floats apart.
void scatter_samples(const Grid& grid, bool smooth, int active, const Samples& samples, const float* d_features, int64_t d_row,
                     const float* tangents, float tangent_factor, const float* d_value_gradient, int64_t q_row, float* table_gradient);

}  // namespace neurfield::grid
