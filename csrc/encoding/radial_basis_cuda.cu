// How much each of a point's nearest kernels responds, and the derivatives of that along the points, on the GPU: a thread has one pair
// of a point and a kernel, neighbouring threads have the point's other pairs, and what is summed over them is summed by shuffles.
#include <bit>

#include "common/families.h"
#include "cuda/floats.h"
#include "encoding/radial_basis_arguments.h"
#include "encoding/radial_basis_families.h"

namespace neurfield {
namespace radial_basis {
namespace {

// The sum over the threads of a point, blockDim.x of them: a power of two.
__device__ float sum_of_point(float value) {
    for (int half = blockDim.x / 2; half > 0; half /= 2) value += __shfl_xor_sync(cuda::kAllLanes, value, half);
    return value;
}

// A thread's pair. Threads past the last kernel of a point, or the last point, take what is there and count for nothing.
template <int D>
struct Pair {
    int64_t n, at;  // the point, and the pair's place in [count, k]
    bool counts;
    float delta[D], factor[factor_size(D)], inverse_square;

    __device__ explicit Pair(const Kernels& in) {
        const int64_t row = cuda::row_index();
        const int place = threadIdx.x;
        counts = row < in.count && place < in.k;
        n = row < in.count ? row : in.count - 1;
        at = n * in.k + (place < in.k ? place : in.k - 1);
        const int64_t kernel = __ldg(in.neighbours + at);
#pragma unroll
        for (int axis = 0; axis < D; ++axis) delta[axis] = __ldg(in.points + n * D + axis) - __ldg(in.centres + kernel * D + axis);
#pragma unroll
        for (int j = 0; j < factor_size(D); ++j) factor[j] = __ldg(in.factors + kernel * factor_size(D) + j);
        inverse_square = in.blended() ? __ldg(in.inverse_squares + kernel) : 0.0f;
    }
};

// One over what a point's responses are divided by.
__device__ float inverse_sum(const Kernels& in, float response, bool counts) {
    return in.normalise ? 1.0f / (sum_of_point(counts ? response : 0.0f) + in.floor) : 1.0f;
}

// values [count, k]; jacobian [count, k, D] where asked for.
template <int D, Kind K>
__global__ void __launch_bounds__(256) activate(const Kernels in, float* __restrict__ values, float* __restrict__ jacobian) {
    const Pair<D> pair(in);
    float slope[D];
    const float response = activation<K, D>(pair.delta, pair.factor, pair.inverse_square, slope);
    const float scale = inverse_sum(in, response, pair.counts), value = response * scale;
    if (pair.counts) values[pair.at] = value;
    if (jacobian == nullptr) return;
#pragma unroll
    for (int axis = 0; axis < D; ++axis) {
        const float turn = in.normalise && in.blended() ? sum_of_point(pair.counts ? slope[axis] : 0.0f) : 0.0f;
        if (pair.counts) jacobian[pair.at * D + axis] = (slope[axis] - value * turn) * scale;
    }
}

// out [count, D]: how the gradient sum_k weights_k grad a_k turns as the point moves along `along` [count, D].
template <int D, Kind K>
__global__ void __launch_bounds__(256)
    bend(const Kernels in, const float* __restrict__ weights, const float* __restrict__ along_, float* __restrict__ out) {
    const Pair<D> pair(in);
    float slope[D], along[D], bent[D];
#pragma unroll
    for (int axis = 0; axis < D; ++axis) along[axis] = __ldg(along_ + pair.n * D + axis);
    const float response = activation<K, D>(pair.delta, pair.factor, pair.inverse_square, slope);
    activation_bend<K, D>(pair.delta, pair.factor, pair.inverse_square, along, bent);
    const float scale = inverse_sum(in, response, pair.counts);
    float weight = pair.counts ? __ldg(weights + pair.at) : 0.0f, mean_rate = 0.0f, sum_rate = 0.0f;
    if (in.normalise && in.blended()) {
        // a_k = psi_k / Z: the gradient is sum (weight_k - mean) grad psi_k / Z with mean = sum weight_k a_k.
        const float rate = dot<D>(slope, along), value = response * scale;
        sum_rate = sum_of_point(pair.counts ? rate : 0.0f);
        const float mean = sum_of_point(weight * value);
        mean_rate = sum_of_point(weight * (rate - value * sum_rate) * scale);
        weight -= mean;
    }
#pragma unroll
    for (int axis = 0; axis < D; ++axis) {
        const float turn = sum_of_point(pair.counts ? weight * bent[axis] - mean_rate * slope[axis] : 0.0f);
        const float gradient = sum_of_point(pair.counts ? weight * slope[axis] : 0.0f);
        if (pair.counts && threadIdx.x == 0) out[pair.n * D + axis] = (turn - gradient * sum_rate * scale) * scale;
    }
}

cuda::Shape shape_of(const Kernels& in) { return cuda::rows_each(in.count, static_cast<int>(std::bit_ceil(static_cast<unsigned>(in.k)))); }

void activate_all(const Activate& call) {
    const Kernels& in = call.kernels;
    specialise(in, [&](auto dimensions, auto kind) {
        cuda::launch(activate<decltype(dimensions)::value, decltype(kind)::value>, shape_of(in), in, call.values, call.jacobian);
    });
}

void bend_all(const Bend& call) {
    const Kernels& in = call.kernels;
    specialise(in, [&](auto dimensions, auto kind) {
        cuda::launch(bend<decltype(dimensions)::value, decltype(kind)::value>, shape_of(in), in, call.weights, call.along, call.out);
    });
}

}  // namespace
}  // namespace radial_basis

void bind_radial_basis(py::module_& module) {
    define(module, "radial_basis_activate", radial_basis::activate_of, radial_basis::activate_all);
    define(module, "radial_basis_bend", radial_basis::bend_of, radial_basis::bend_all);
    radial_basis::bind_kernel_lookup(module);
    radial_basis::bind_features(module);
}

}  // namespace neurfield
