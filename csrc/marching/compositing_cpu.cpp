// Packed rays on the CPU: threads share the rays, one ray is one thread's, so sums come out the same every time.
#include "common/families.h"
#include "common/parallel.h"
#include "marching/compositing_arguments.h"

namespace neurfield {
namespace {

// body(ray, first sample, number of samples) for every ray.
template <class Body>
void for_each_ray(const Packing& packing, Body&& body) {
    py::gil_scoped_release release;
    constexpr int64_t kRaysPerChunk = 64;
    parallel_chunks(packing.rays, kRaysPerChunk, [&](int64_t begin, int64_t end) {
        for (int64_t ray = begin; ray < end; ++ray) body(ray, packing.start(ray), packing.count(ray));
    });
}

void pack_info(const PackInfo& call) {
    int64_t sample = 0;
    for (int64_t ray = 0; ray < call.rays; ++ray) {
        const int64_t start = sample;
        while (sample < call.samples && call.ray_indices[sample] == ray) ++sample;
        call.packed_info[2 * ray] = start;
        call.packed_info[2 * ray + 1] = sample - start;
    }
    if (sample != call.samples)
        throw py::value_error("ray_indices: must ascend within 0.." + std::to_string(call.rays - 1) + ", got " +
                              std::to_string(call.ray_indices[sample]) + " at sample " + std::to_string(sample));
}

void weights_forward(const WeightsForward& call) {
    for_each_ray(call.packing, [&](int64_t, int64_t first, int64_t n) {
        ray_weights(call.alpha + first, n, call.weights + first, call.transmittance + first);
    });
}

void weights_backward(const WeightsBackward& call) {
    for_each_ray(call.packing, [&](int64_t, int64_t first, int64_t n) {
        ray_weights_backward(call.alpha + first, call.transmittance + first, call.grad_weights + first, call.grad_transmittance + first, n,
                             call.grad_alpha + first);
    });
}

void accumulate_forward(const AccumulateForward& call) {
    const int64_t channels = call.channels;
    for_each_ray(call.packing, [&](int64_t ray, int64_t first, int64_t n) {
        ray_accumulate(call.weights + first, call.values + first * channels, n, channels, call.out + ray * channels);
    });
}

void accumulate_backward(const AccumulateBackward& call) {
    const int64_t channels = call.channels;
    for_each_ray(call.packing, [&](int64_t ray, int64_t first, int64_t n) {
        for (int64_t i = first; i < first + n; ++i)
            call.grad_weights[i] = sample_accumulate_backward(call.weights[i], call.values + i * channels, call.grad_out + ray * channels,
                                                              channels, call.grad_values + i * channels);
    });
}

void composite_forward(const CompositeForward& call) {
    const int64_t channels = call.channels;
    for_each_ray(call.packing, [&](int64_t ray, int64_t first, int64_t n) {
        float through = 1.0f, covered = 0.0f;
        for (int64_t i = first; i < first + n; ++i) {
            call.weights[i] = through * call.alpha[i];
            covered += call.weights[i];
            through *= 1.0f - call.alpha[i];
        }
        call.opacity[ray] = covered;
        ray_accumulate(call.weights + first, call.values + first * channels, n, channels, call.out + ray * channels);
    });
}

void composite_backward(const CompositeBackward& call) {
    const int64_t channels = call.channels;
    for_each_ray(call.packing, [&](int64_t ray, int64_t first, int64_t n) {
        ray_composite_backward(call.alpha + first, call.values + first * channels, call.weights + first, call.grad_out + ray * channels,
                               call.grad_opacity[ray], call.grad_weights + first, n, channels, call.grad_alpha + first,
                               call.grad_values + first * channels);
    });
}

void composite_surface(const SurfaceForward& call) {
    for_each_ray(call.packing, [&](int64_t ray, int64_t first, int64_t n) {
        ray_surface(call.alpha + first, call.rgb + 3 * first, call.normal + 3 * first, call.t + first, n, call.weights + first,
                    call.out + ray * kSurfaceChannels);
    });
}

void composite_surface_backward(const SurfaceBackward& call) {
    for_each_ray(call.packing, [&](int64_t ray, int64_t first, int64_t n) {
        ray_surface_backward(call.alpha + first, call.rgb + 3 * first, call.normal + 3 * first, call.t + first, call.weights + first,
                             call.grad_out + ray * kSurfaceChannels, n, call.grad_alpha + first, call.grad_rgb + 3 * first,
                             call.grad_normal + 3 * first);
    });
}

}  // namespace

void bind_compositing(pybind11::module_& module) {
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
