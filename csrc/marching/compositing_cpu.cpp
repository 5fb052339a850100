// Packed rays on the CPU: threads share the rays, one ray is one thread's, so sums come out the same every time.
#include "marching/compositing.h"

#include "common/families.h"
#include "marching/packing.h"

namespace neurfield {
namespace {

void pack_info(const py::object& ray_indices_, const py::object& packed_info_) {
    TensorView<int64_t, 1> ray_indices(ray_indices_, "ray_indices");
    TensorView<int64_t, 2> packed_info(packed_info_, "packed_info");
    packed_info.expect(1, 2, "packed_info");
    const int64_t n_rays = packed_info.shape(0), n_samples = ray_indices.size();
    int64_t sample = 0;
    for (int64_t ray = 0; ray < n_rays; ++ray) {
        const int64_t start = sample;
        while (sample < n_samples && ray_indices[sample] == ray) ++sample;
        packed_info[2 * ray] = start;
        packed_info[2 * ray + 1] = sample - start;
    }
    if (sample != n_samples)
        throw py::value_error("ray_indices: must ascend within 0.." + std::to_string(n_rays - 1) + ", got " +
                              std::to_string(ray_indices[sample]) + " at sample " + std::to_string(sample));
}

void weights_forward(const py::object& alpha_, const py::object& packed_info, const py::object& weights_,
                     const py::object& transmittance_) {
    TensorView<float, 1> alpha(alpha_, "alpha"), weights(weights_, "weights"), transmittance(transmittance_, "transmittance");
    Packing(packed_info, alpha.size()).for_each_ray([&](int64_t, int64_t first, int64_t n) {
        ray_weights(alpha.data() + first, n, weights.data() + first, transmittance.data() + first);
    });
}

void weights_backward(const py::object& alpha_, const py::object& transmittance_, const py::object& grad_weights_,
                      const py::object& grad_transmittance_, const py::object& packed_info, const py::object& grad_alpha_) {
    TensorView<float, 1> alpha(alpha_, "alpha"), transmittance(transmittance_, "transmittance");
    TensorView<float, 1> grad_weights(grad_weights_, "grad_weights");
    TensorView<float, 1> grad_transmittance(grad_transmittance_, "grad_transmittance"), grad_alpha(grad_alpha_, "grad_alpha");
    Packing(packed_info, alpha.size()).for_each_ray([&](int64_t, int64_t first, int64_t n) {
        ray_weights_backward(alpha.data() + first, transmittance.data() + first, grad_weights.data() + first,
                             grad_transmittance.data() + first, n, grad_alpha.data() + first);
    });
}

void accumulate_forward(const py::object& weights_, const py::object& values_, const py::object& packed_info,
                        const py::object& out_) {
    TensorView<float, 1> weights(weights_, "weights");
    TensorView<float, 2> values(values_, "values"), out(out_, "out");
    values.expect(0, weights.size(), "values");
    const int64_t channels = values.shape(1);
    Packing(packed_info, weights.size()).for_each_ray([&](int64_t ray, int64_t first, int64_t n) {
        ray_accumulate(weights.data() + first, values.data() + first * channels, n, channels, out.data() + ray * channels);
    });
}

void accumulate_backward(const py::object& weights_, const py::object& values_, const py::object& grad_out_,
                         const py::object& packed_info, const py::object& grad_weights_, const py::object& grad_values_) {
    TensorView<float, 1> weights(weights_, "weights"), grad_weights(grad_weights_, "grad_weights");
    TensorView<float, 2> values(values_, "values"), grad_out(grad_out_, "grad_out"), grad_values(grad_values_, "grad_values");
    const int64_t channels = values.shape(1);
    Packing(packed_info, weights.size()).for_each_ray([&](int64_t ray, int64_t first, int64_t n) {
        for (int64_t i = first; i < first + n; ++i)
            grad_weights[i] = sample_accumulate_backward(weights[i], values.data() + i * channels,
                                                         grad_out.data() + ray * channels, channels,
                                                         grad_values.data() + i * channels);
    });
}

void composite_forward(const py::object& alpha_, const py::object& values_, const py::object& packed_info, const py::object& out_,
                       const py::object& opacity_, const py::object& weights_) {
    TensorView<float, 1> alpha(alpha_, "alpha"), opacity(opacity_, "opacity"), weights(weights_, "weights");
    TensorView<float, 2> values(values_, "values"), out(out_, "out");
    values.expect(0, alpha.size(), "values");
    const int64_t channels = values.shape(1);
    Packing(packed_info, alpha.size()).for_each_ray([&](int64_t ray, int64_t first, int64_t n) {
        float through = 1.0f, covered = 0.0f;
        for (int64_t i = first; i < first + n; ++i) {
            weights[i] = through * alpha[i];
            covered += weights[i];
            through *= 1.0f - alpha[i];
        }
        opacity[ray] = covered;
        ray_accumulate(weights.data() + first, values.data() + first * channels, n, channels, out.data() + ray * channels);
    });
}

void composite_backward(const py::object& alpha_, const py::object& values_, const py::object& weights_,
                        const py::object& grad_out_, const py::object& grad_opacity_, const py::object& grad_weights_,
                        const py::object& packed_info, const py::object& grad_alpha_, const py::object& grad_values_) {
    TensorView<float, 1> alpha(alpha_, "alpha"), weights(weights_, "weights"), grad_opacity(grad_opacity_, "grad_opacity");
    TensorView<float, 1> grad_weights(grad_weights_, "grad_weights"), grad_alpha(grad_alpha_, "grad_alpha");
    TensorView<float, 2> values(values_, "values"), grad_out(grad_out_, "grad_out"), grad_values(grad_values_, "grad_values");
    const int64_t channels = values.shape(1);
    Packing(packed_info, alpha.size()).for_each_ray([&](int64_t ray, int64_t first, int64_t n) {
        ray_composite_backward(alpha.data() + first, values.data() + first * channels, weights.data() + first,
                               grad_out.data() + ray * channels, grad_opacity[ray], grad_weights.data() + first, n, channels,
                               grad_alpha.data() + first, grad_values.data() + first * channels);
    });
}

// Colour [S, 3], unit normal [S, 3] and distance [S] of samples to those of rays, without gathering them into one array first.
void composite_surface(const py::object& alpha_, const py::object& rgb_, const py::object& normal_, const py::object& t_,
                       const py::object& packed_info, const py::object& out_, const py::object& weights_) {
    TensorView<float, 1> alpha(alpha_, "alpha"), t(t_, "t"), weights(weights_, "weights");
    TensorView<float, 2> rgb(rgb_, "rgb"), normal(normal_, "normal"), out(out_, "out");
    const int64_t samples = alpha.size();
    rgb.expect(0, samples, "rgb"), rgb.expect(1, 3, "rgb"), normal.expect(0, samples, "normal"), normal.expect(1, 3, "normal");
    t.expect(0, samples, "t"), weights.expect(0, samples, "weights"), out.expect(1, kSurfaceChannels, "out");
    const Packing packing(packed_info, samples);
    out.expect(0, packing.n_rays(), "out");
    packing.for_each_ray([&](int64_t ray, int64_t first, int64_t n) {
        ray_surface(alpha.data() + first, rgb.data() + 3 * first, normal.data() + 3 * first, t.data() + first, n,
                    weights.data() + first, out.data() + ray * kSurfaceChannels);
    });
}

void composite_surface_backward(const py::object& alpha_, const py::object& rgb_, const py::object& normal_, const py::object& t_,
                                const py::object& weights_, const py::object& grad_out_, const py::object& packed_info,
                                const py::object& grad_alpha_, const py::object& grad_rgb_, const py::object& grad_normal_) {
    TensorView<float, 1> alpha(alpha_, "alpha"), t(t_, "t"), weights(weights_, "weights"), grad_alpha(grad_alpha_, "grad_alpha");
    TensorView<float, 2> rgb(rgb_, "rgb"), normal(normal_, "normal"), grad_out(grad_out_, "grad_out");
    TensorView<float, 2> grad_rgb(grad_rgb_, "grad_rgb"), grad_normal(grad_normal_, "grad_normal");
    grad_out.expect(1, kSurfaceChannels, "grad_out");
    Packing(packed_info, alpha.size()).for_each_ray([&](int64_t ray, int64_t first, int64_t n) {
        ray_surface_backward(alpha.data() + first, rgb.data() + 3 * first, normal.data() + 3 * first, t.data() + first,
                             weights.data() + first, grad_out.data() + ray * kSurfaceChannels, n, grad_alpha.data() + first,
                             grad_rgb.data() + 3 * first, grad_normal.data() + 3 * first);
    });
}

}  // namespace

void bind_compositing(pybind11::module_& module) {
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
