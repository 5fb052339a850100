// Coordinates and frequencies of points, and derivatives through them: small beside the grid and the network.
#include "field/columns_kernels.h"

#include "cuda/launch.h"
#include "field/frequency_products.h"

namespace neurfield::field {
namespace {

// A thread has the coordinates of a point, or one of its frequencies.
__global__ void __launch_bounds__(256)
    put(const PlainColumns columns, int64_t count, const float* __restrict__ points, int64_t row, float* inputs) {
    const int64_t i = cuda::global_index(), point = i % count;
    const int k = static_cast<int>(i / count) - (columns.coordinates ? 1 : 0);
    if (k >= columns.frequencies) return;
    float* to = inputs + point * row + (k < 0 ? 0 : columns.frequencies_at() + 6 * k);
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
        const float x = points[3 * point + axis];
        if (k < 0)
            to[axis] = x;
        else
            sincospif(ldexpf(x, k), to + axis, to + axis + 3);  // 2^k x is exact
    }
}

__global__ void __launch_bounds__(256) pull(const PlainColumns columns, int64_t count, const float* __restrict__ inputs,
                                            const float* __restrict__ slope, int64_t row, float* __restrict__ gradient) {
    const int64_t point = cuda::global_index();
    if (point >= count) return;
    float sums[3] = {0.0f, 0.0f, 0.0f};
    const float* slopes = slope + point * row;
    if (columns.coordinates)
        for (int axis = 0; axis < 3; ++axis) sums[axis] = slopes[axis];
    const int at = columns.frequencies_at();
    frequency_t_product(inputs + point * row + at, slopes + at, columns.frequencies, sums);
    for (int axis = 0; axis < 3; ++axis) gradient[3 * point + axis] = sums[axis];
}

__global__ void __launch_bounds__(256) push(const PlainColumns columns, int64_t count, const float* __restrict__ inputs,
                                            const float* __restrict__ tangents, int64_t row, float* __restrict__ change) {
    const int64_t point = cuda::global_index();
    if (point >= count) return;
    const float tangent[3] = {tangents[3 * point], tangents[3 * point + 1], tangents[3 * point + 2]};
    float* to = change + point * row;
    if (columns.coordinates)
        for (int axis = 0; axis < 3; ++axis) to[axis] = tangent[axis];
    const int at = columns.frequencies_at();
    frequency_product(inputs + point * row + at, tangent, columns.frequencies, to + at);
}

}  // namespace

void put_plain_columns(const PlainColumns& columns, int64_t count, const float* points, int64_t row, float* inputs) {
    const int64_t groups = (columns.coordinates ? 1 : 0) + columns.frequencies;
    cuda::launch(put, cuda::one_each(count * groups), columns, count, points, row, inputs);
}

void pull_plain_columns(const PlainColumns& columns, int64_t count, const float* inputs, const float* slope, int64_t row, float* gradient) {
    cuda::launch(pull, cuda::one_each(count), columns, count, inputs, slope, row, gradient);
}

void push_plain_columns(const PlainColumns& columns, int64_t count, const float* inputs, const float* tangents, int64_t row,
                        float* change) {
    if (columns.width() > 0) cuda::launch(push, cuda::one_each(count), columns, count, inputs, tangents, row, change);
}

}  // namespace neurfield::field
