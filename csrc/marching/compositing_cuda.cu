// Packed rays on the GPU: a warp takes a ray, 32 samples at a time, so that reads and writes lie side by side; sums are made in an order that
// the run's length alone decides. Derivatives as in compositing.h. That rays tile the samples in order is the caller's word: looking would
// mean waiting.
#include "common/families.h"
#include "common/tensor_view.h"
#include "marching/compositing.h"
#include "marching/ray_scan.h"

namespace neurfield {
namespace {

using cuda::Affine;
using cuda::kRayThreads;
using cuda::RayRun;

__device__ int64_t first_not_below(const int64_t* __restrict__ ascending, int64_t count, int64_t value) {
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (ascending[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

__global__ void __launch_bounds__(256) pack(const int64_t* __restrict__ ray_indices, int64_t samples, int64_t rays, int64_t* __restrict__ packed_info) {
    const int64_t ray = cuda::global_index();
    if (ray >= rays) return;
    const int64_t first = first_not_below(ray_indices, samples, ray);
    packed_info[2 * ray] = first;
    packed_info[2 * ray + 1] = first_not_below(ray_indices, samples, ray + 1) - first;
}

__global__ void __launch_bounds__(kRayThreads) weights_of(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha,
                                                          float* __restrict__ weights, float* __restrict__ transmittance) {
    const RayRun run(packed_info, rays);
    cuda::walk_forwards(run, alpha, [&](int64_t i, bool here, float a, float through) {
        if (!here) return;
        transmittance[i] = through;
        weights[i] = through * a;
    });
}

__global__ void __launch_bounds__(kRayThreads) weights_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha,
                                                            const float* __restrict__ transmittance, const float* __restrict__ grad_weights,
                                                            const float* __restrict__ grad_transmittance, float* __restrict__ grad_alpha) {
    const RayRun run(packed_info, rays);
    cuda::walk_backwards(
        run, [&](int64_t i) { return Affine{1.0f - alpha[i], grad_transmittance[i] + alpha[i] * grad_weights[i]}; },
        [&](int64_t i, float rest) { grad_alpha[i] = transmittance[i] * (grad_weights[i] - rest); });
}

// out [channels] = sum_i weights_i values_i: lanes share the samples, channel after channel.
__device__ void accumulate_run(const RayRun& run, const float* weights, const float* __restrict__ values, int64_t channels, float* __restrict__ out) {
    for (int64_t c = 0; c < channels; ++c) {
        float sum = 0.0f;
        for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp) sum += weights[i] * values[i * channels + c];
        sum = cuda::warp_sum(sum);
        if (run.lane == 0) out[c] = sum;
    }
}

__global__ void __launch_bounds__(kRayThreads) accumulate(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ weights,
                                                          const float* __restrict__ values, int64_t channels, float* __restrict__ out) {
    const RayRun run(packed_info, rays);
    if (run.ray < rays) accumulate_run(run, weights, values, channels, out + run.ray * channels);
}

__global__ void __launch_bounds__(kRayThreads) accumulate_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ weights,
                                                               const float* __restrict__ values, const float* __restrict__ grad_out, int64_t channels,
                                                               float* __restrict__ grad_weights, float* __restrict__ grad_values) {
    const RayRun run(packed_info, rays);
    for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp)
        grad_weights[i] = sample_accumulate_backward(weights[i], values + i * channels, grad_out + run.ray * channels, channels,
                                                     grad_values + i * channels);
}

__global__ void __launch_bounds__(kRayThreads) composite(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha,
                                                         const float* __restrict__ values, int64_t channels, float* __restrict__ out,
                                                         float* __restrict__ opacity, float* weights) {
    const RayRun run(packed_info, rays);
    float covered = 0.0f;
    cuda::walk_forwards(run, alpha, [&](int64_t i, bool here, float a, float through) {
        if (here) weights[i] = through * a;
        covered += through * a;
    });
    if (run.ray >= rays) return;
    covered = cuda::warp_sum(covered);
    if (run.lane == 0) opacity[run.ray] = covered;
    accumulate_run(run, weights, values, channels, out + run.ray * channels);  // a lane reads the weights that it wrote
}

// The gradient of alpha from those of the weights, which grad_alpha holds: transmittance times (that less what is behind).
__device__ void alpha_back(const RayRun& run, const float* __restrict__ alpha, float* grad_alpha) {
    // The scan from behind comes first, because it needs the gradients of the weights where the transmittance will be.
    cuda::walk_backwards(
        run, [&](int64_t i) { return Affine{1.0f - alpha[i], alpha[i] * grad_alpha[i]}; },
        [&](int64_t i, float rest) { grad_alpha[i] -= rest; });
    cuda::walk_forwards(run, alpha, [&](int64_t i, bool here, float, float through) {
        if (here) grad_alpha[i] *= through;
    });
}

__global__ void __launch_bounds__(kRayThreads) composite_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha,
                                                              const float* __restrict__ values, const float* __restrict__ weights,
                                                              const float* __restrict__ grad_out, const float* __restrict__ grad_opacity,
                                                              const float* __restrict__ grad_weights, int64_t channels, float* grad_alpha,
                                                              float* __restrict__ grad_values) {
    const RayRun run(packed_info, rays);
    for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp)
        grad_alpha[i] = grad_weights[i] + grad_opacity[run.ray] +
                        sample_accumulate_backward(weights[i], values + i * channels, grad_out + run.ray * channels, channels,
                                                   grad_values + i * channels);
    alpha_back(run, alpha, grad_alpha);
}

__global__ void __launch_bounds__(kRayThreads) surface(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha,
                                                       const float* __restrict__ rgb, const float* __restrict__ normal, const float* __restrict__ t,
                                                       float* __restrict__ weights, float* __restrict__ out) {
    const RayRun run(packed_info, rays);
    float sums[kSurfaceChannels] = {};
    cuda::walk_forwards(run, alpha, [&](int64_t i, bool here, float a, float through) {
        if (!here) return;
        const float w = weights[i] = through * a;
#pragma unroll
        for (int k = 0; k < 3; ++k) sums[k] += w * rgb[3 * i + k], sums[3 + k] += w * normal[3 * i + k];
        sums[6] += w * t[i];
        sums[7] += w;
    });
    if (run.ray >= rays) return;
#pragma unroll
    for (int c = 0; c < kSurfaceChannels; ++c) {
        const float sum = cuda::warp_sum(sums[c]);
        if (run.lane == 0) out[run.ray * kSurfaceChannels + c] = sum;
    }
}

__global__ void __launch_bounds__(kRayThreads) surface_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha,
                                                            const float* __restrict__ rgb, const float* __restrict__ normal,
                                                            const float* __restrict__ t, const float* __restrict__ weights,
                                                            const float* __restrict__ grad_out, float* grad_alpha, float* __restrict__ grad_rgb,
                                                            float* __restrict__ grad_normal) {
    const RayRun run(packed_info, rays);
    const float* by = grad_out + run.ray * kSurfaceChannels;
    for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp)
        grad_alpha[i] = sample_accumulate_backward(weights[i], rgb + 3 * i, by, 3, grad_rgb + 3 * i) +
                        sample_accumulate_backward(weights[i], normal + 3 * i, by + 3, 3, grad_normal + 3 * i) + by[6] * t[i] + by[7];
    alpha_back(run, alpha, grad_alpha);
}

using Floats = TensorView<float, 1>;
using Matrix = TensorView<float, 2>;

// (start, count) of each ray, on the device.
struct Packing {
    TensorView<int64_t, 2> info;
    explicit Packing(const py::object& object) : info(object, "packed_info") { info.expect(1, 2, "packed_info"); }
    int64_t rays() const { return info.shape(0); }

    template <class... Parameters, class... Arguments>
    void launch(void (*kernel)(const int64_t*, int64_t, Parameters...), Arguments... arguments) const {
        cuda::launch(kernel, cuda::one_warp_each(rays()), info.data(), rays(), arguments...);
    }
};

void pack_info(const py::object& ray_indices_, const py::object& packed_info_) {
    const TensorView<int64_t, 1> ray_indices(ray_indices_, "ray_indices");
    const Packing packing(packed_info_);
    cuda::launch(pack, cuda::one_each(packing.rays()), ray_indices.data(), ray_indices.size(), packing.rays(), packing.info.data());
}

void weights_forward(const py::object& alpha_, const py::object& packed_info, const py::object& weights_, const py::object& transmittance_) {
    const Floats alpha(alpha_, "alpha"), weights(weights_, "weights"), transmittance(transmittance_, "transmittance");
    Packing(packed_info).launch(weights_of, alpha.data(), weights.data(), transmittance.data());
}

void weights_backward(const py::object& alpha_, const py::object& transmittance_, const py::object& grad_weights_,
                      const py::object& grad_transmittance_, const py::object& packed_info, const py::object& grad_alpha_) {
    const Floats alpha(alpha_, "alpha"), transmittance(transmittance_, "transmittance"), grad_weights(grad_weights_, "grad_weights");
    const Floats grad_transmittance(grad_transmittance_, "grad_transmittance"), grad_alpha(grad_alpha_, "grad_alpha");
    Packing(packed_info).launch(weights_back, alpha.data(), transmittance.data(), grad_weights.data(), grad_transmittance.data(), grad_alpha.data());
}

void accumulate_forward(const py::object& weights_, const py::object& values_, const py::object& packed_info, const py::object& out_) {
    const Floats weights(weights_, "weights");
    const Matrix values(values_, "values"), out(out_, "out");
    values.expect(0, weights.size(), "values");
    Packing(packed_info).launch(accumulate, weights.data(), values.data(), values.shape(1), out.data());
}

void accumulate_backward(const py::object& weights_, const py::object& values_, const py::object& grad_out_, const py::object& packed_info,
                         const py::object& grad_weights_, const py::object& grad_values_) {
    const Floats weights(weights_, "weights"), grad_weights(grad_weights_, "grad_weights");
    const Matrix values(values_, "values"), grad_out(grad_out_, "grad_out"), grad_values(grad_values_, "grad_values");
    Packing(packed_info).launch(accumulate_back, weights.data(), values.data(), grad_out.data(), values.shape(1), grad_weights.data(), grad_values.data());
}

void composite_forward(const py::object& alpha_, const py::object& values_, const py::object& packed_info, const py::object& out_,
                       const py::object& opacity_, const py::object& weights_) {
    const Floats alpha(alpha_, "alpha"), opacity(opacity_, "opacity"), weights(weights_, "weights");
    const Matrix values(values_, "values"), out(out_, "out");
    values.expect(0, alpha.size(), "values");
    Packing(packed_info).launch(composite, alpha.data(), values.data(), values.shape(1), out.data(), opacity.data(), weights.data());
}

void composite_backward(const py::object& alpha_, const py::object& values_, const py::object& weights_, const py::object& grad_out_,
                        const py::object& grad_opacity_, const py::object& grad_weights_, const py::object& packed_info,
                        const py::object& grad_alpha_, const py::object& grad_values_) {
    const Floats alpha(alpha_, "alpha"), weights(weights_, "weights"), grad_opacity(grad_opacity_, "grad_opacity");
    const Floats grad_weights(grad_weights_, "grad_weights"), grad_alpha(grad_alpha_, "grad_alpha");
    const Matrix values(values_, "values"), grad_out(grad_out_, "grad_out"), grad_values(grad_values_, "grad_values");
    Packing(packed_info).launch(composite_back, alpha.data(), values.data(), weights.data(), grad_out.data(), grad_opacity.data(), grad_weights.data(),
                                values.shape(1), grad_alpha.data(), grad_values.data());
}

// Colour [S, 3], unit normal [S, 3] and distance [S] of samples to those of rays, without gathering them into one array first.
void composite_surface(const py::object& alpha_, const py::object& rgb_, const py::object& normal_, const py::object& t_,
                       const py::object& packed_info, const py::object& out_, const py::object& weights_) {
    const Floats alpha(alpha_, "alpha"), t(t_, "t"), weights(weights_, "weights");
    const Matrix rgb(rgb_, "rgb"), normal(normal_, "normal"), out(out_, "out");
    const int64_t samples = alpha.size();
    const Packing packing(packed_info);
    rgb.expect(0, samples, "rgb"), rgb.expect(1, 3, "rgb"), normal.expect(0, samples, "normal"), normal.expect(1, 3, "normal");
    t.expect(0, samples, "t"), weights.expect(0, samples, "weights"), out.expect(1, kSurfaceChannels, "out"), out.expect(0, packing.rays(), "out");
    packing.launch(surface, alpha.data(), rgb.data(), normal.data(), t.data(), weights.data(), out.data());
}

void composite_surface_backward(const py::object& alpha_, const py::object& rgb_, const py::object& normal_, const py::object& t_,
                                const py::object& weights_, const py::object& grad_out_, const py::object& packed_info,
                                const py::object& grad_alpha_, const py::object& grad_rgb_, const py::object& grad_normal_) {
    const Floats alpha(alpha_, "alpha"), t(t_, "t"), weights(weights_, "weights"), grad_alpha(grad_alpha_, "grad_alpha");
    const Matrix rgb(rgb_, "rgb"), normal(normal_, "normal"), grad_out(grad_out_, "grad_out");
    const Matrix grad_rgb(grad_rgb_, "grad_rgb"), grad_normal(grad_normal_, "grad_normal");
    grad_out.expect(1, kSurfaceChannels, "grad_out");
    Packing(packed_info).launch(surface_back, alpha.data(), rgb.data(), normal.data(), t.data(), weights.data(), grad_out.data(), grad_alpha.data(),
                                grad_rgb.data(), grad_normal.data());
}

}  // namespace

void bind_compositing(py::module_& module) {
    module.def("pack_info", &pack_info);
    module.def("weights_forward", &weights_forward);
    module.def("weights_backward", &weights_backward);
    module.def("accumulate_forward", &accumulate_forward);
    module.def("accumulate_backward", &accumulate_backward);
    module.def("composite_forward", &composite_forward);
    module.def("composite_backward", &composite_backward);
    module.def("composite_surface", &composite_surface);
    module.def("composite_surface_backward", &composite_surface_backward);
}

}  // namespace neurfield
