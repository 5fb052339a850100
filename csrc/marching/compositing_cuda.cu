// Packed rays on the GPU: a warp takes a ray, 32 samples at a time, so that reads and writes lie side by side; sums are made in an order that
// the run's length alone decides. Derivatives as in compositing.h. That rays tile the samples in order is the caller's word: looking would
// mean waiting.
#include "common/families.h"
#include "marching/compositing_arguments.h"
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

__global__ void __launch_bounds__(256)
    pack(const int64_t* __restrict__ ray_indices, int64_t samples, int64_t rays, int64_t* __restrict__ packed_info) {
    const int64_t ray = cuda::global_index();
    if (ray >= rays) return;
    const int64_t first = first_not_below(ray_indices, samples, ray);
    packed_info[2 * ray] = first;
    packed_info[2 * ray + 1] = first_not_below(ray_indices, samples, ray + 1) - first;
}

__global__ void __launch_bounds__(kRayThreads)
    weights_of(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha, float* __restrict__ weights,
               float* __restrict__ transmittance) {
    const RayRun run(packed_info, rays);
    cuda::walk_forwards(run, alpha, [&](int64_t i, bool here, float a, float through) {
        if (!here) return;
        transmittance[i] = through;
        weights[i] = through * a;
    });
}

__global__ void __launch_bounds__(kRayThreads)
    weights_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha,
                 const float* __restrict__ transmittance, const float* __restrict__ grad_weights,
                 const float* __restrict__ grad_transmittance, float* __restrict__ grad_alpha) {
    const RayRun run(packed_info, rays);
    cuda::walk_backwards(
        run, [&](int64_t i) { return Affine{1.0f - alpha[i], grad_transmittance[i] + alpha[i] * grad_weights[i]}; },
        [&](int64_t i, float rest) { grad_alpha[i] = transmittance[i] * (grad_weights[i] - rest); });
}

// out [channels] = sum_i weights_i values_i: lanes share the samples, channel after channel.
__device__ void accumulate_run(const RayRun& run, const float* weights, const float* __restrict__ values, int64_t channels,
                               float* __restrict__ out) {
    for (int64_t c = 0; c < channels; ++c) {
        float sum = 0.0f;
        for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp) sum += weights[i] * values[i * channels + c];
        sum = cuda::warp_sum(sum);
        if (run.lane == 0) out[c] = sum;
    }
}

__global__ void __launch_bounds__(kRayThreads)
    accumulate(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ weights, const float* __restrict__ values,
               int64_t channels, float* __restrict__ out) {
    const RayRun run(packed_info, rays);
    if (run.ray < rays) accumulate_run(run, weights, values, channels, out + run.ray * channels);
}

__global__ void __launch_bounds__(kRayThreads)
    accumulate_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ weights,
                    const float* __restrict__ values, const float* __restrict__ grad_out, int64_t channels,
                    float* __restrict__ grad_weights, float* __restrict__ grad_values) {
    const RayRun run(packed_info, rays);
    for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp)
        grad_weights[i] = sample_accumulate_backward(weights[i], values + i * channels, grad_out + run.ray * channels, channels,
                                                     grad_values + i * channels);
}

__global__ void __launch_bounds__(kRayThreads)
    composite(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha, const float* __restrict__ values,
              int64_t channels, float* __restrict__ out, float* __restrict__ opacity, float* weights) {
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

__global__ void __launch_bounds__(kRayThreads)
    composite_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha, const float* __restrict__ values,
                   const float* __restrict__ weights, const float* __restrict__ grad_out, const float* __restrict__ grad_opacity,
                   const float* __restrict__ grad_weights, int64_t channels, float* grad_alpha, float* __restrict__ grad_values) {
    const RayRun run(packed_info, rays);
    for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp)
        grad_alpha[i] = grad_weights[i] + grad_opacity[run.ray] +
                        sample_accumulate_backward(weights[i], values + i * channels, grad_out + run.ray * channels, channels,
                                                   grad_values + i * channels);
    alpha_back(run, alpha, grad_alpha);
}

__global__ void __launch_bounds__(kRayThreads)
    surface(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha, const float* __restrict__ rgb,
            const float* __restrict__ normal, const float* __restrict__ t, float* __restrict__ weights, float* __restrict__ out) {
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

__global__ void __launch_bounds__(kRayThreads)
    surface_back(const int64_t* __restrict__ packed_info, int64_t rays, const float* __restrict__ alpha, const float* __restrict__ rgb,
                 const float* __restrict__ normal, const float* __restrict__ t, const float* __restrict__ weights,
                 const float* __restrict__ grad_out, float* grad_alpha, float* __restrict__ grad_rgb, float* __restrict__ grad_normal) {
    const RayRun run(packed_info, rays);
    const float* by = grad_out + run.ray * kSurfaceChannels;
    for (int64_t i = run.first + run.lane; i < run.first + run.count; i += cuda::kWarp)
        grad_alpha[i] = sample_accumulate_backward(weights[i], rgb + 3 * i, by, 3, grad_rgb + 3 * i) +
                        sample_accumulate_backward(weights[i], normal + 3 * i, by + 3, 3, grad_normal + 3 * i) + by[6] * t[i] + by[7];
    alpha_back(run, alpha, grad_alpha);
}

// A warp for each ray, which every one of these kernels takes first.
template <class... Parameters, class... Arguments>
void launch(const Packing& packing, void (*kernel)(const int64_t*, int64_t, Parameters...), Arguments... arguments) {
    cuda::launch(kernel, cuda::one_warp_each(packing.rays), packing.info, packing.rays, arguments...);
}

void pack_info(const PackInfo& call) {
    cuda::launch(pack, cuda::one_each(call.rays), call.ray_indices, call.samples, call.rays, call.packed_info);
}

void weights_forward(const WeightsForward& call) { launch(call.packing, weights_of, call.alpha, call.weights, call.transmittance); }

void weights_backward(const WeightsBackward& call) {
    launch(call.packing, weights_back, call.alpha, call.transmittance, call.grad_weights, call.grad_transmittance, call.grad_alpha);
}

void accumulate_forward(const AccumulateForward& call) {
    launch(call.packing, accumulate, call.weights, call.values, call.channels, call.out);
}

void accumulate_backward(const AccumulateBackward& call) {
    launch(call.packing, accumulate_back, call.weights, call.values, call.grad_out, call.channels, call.grad_weights, call.grad_values);
}

void composite_forward(const CompositeForward& call) {
    launch(call.packing, composite, call.alpha, call.values, call.channels, call.out, call.opacity, call.weights);
}

void composite_backward(const CompositeBackward& call) {
    launch(call.packing, composite_back, call.alpha, call.values, call.weights, call.grad_out, call.grad_opacity, call.grad_weights,
           call.channels, call.grad_alpha, call.grad_values);
}

void composite_surface(const SurfaceForward& call) {
    launch(call.packing, surface, call.alpha, call.rgb, call.normal, call.t, call.weights, call.out);
}

void composite_surface_backward(const SurfaceBackward& call) {
    launch(call.packing, surface_back, call.alpha, call.rgb, call.normal, call.t, call.weights, call.grad_out, call.grad_alpha,
           call.grad_rgb, call.grad_normal);
}

}  // namespace

void bind_compositing(py::module_& module) {
    define(module, "pack_info", pack_info_of, pack_info);
    define(module, "weights_forward", weights_forward_of, weights_forward);
    define(module, "weights_backward", weights_backward_of, weights_backward);
    define(module, "accumulate_forward", accumulate_forward_of, accumulate_forward);
    define(module, "accumulate_backward", accumulate_backward_of, accumulate_backward);
    define(module, "composite_forward", composite_forward_of, composite_forward);
    define(module, "composite_backward", composite_backward_of, composite_backward);
    define(module, "composite_surface", composite_surface_of, composite_surface);
    define(module, "composite_surface_backward", composite_surface_backward_of, composite_surface_backward);
}

}  // namespace neurfield
