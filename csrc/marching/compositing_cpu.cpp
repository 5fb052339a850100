// Packed rays on the CPU: threads share the rays, one ray is one thread's, so sums come out the same every time.
#include "marching/compositing.h"

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"

namespace neurfield {
namespace {

constexpr int64_t kRaysPerChunk = 64;

// The (start, count) of each ray, checked: rays must tile [0, n_samples) in order, so that every sample is written once.
class Packing {
public:
    Packing(const py::object& packed_info, int64_t n_samples) : info_(packed_info, "packed_info") {
        info_.expect(1, 2, "packed_info");
        int64_t next = 0;
        for (int64_t ray = 0; ray < n_rays(); ++ray) {
            if (start(ray) != next || count(ray) < 0) fail(ray);
            next += count(ray);
        }
        if (next != n_samples)
            throw py::value_error("packed_info: counts sum to " + std::to_string(next) + " but there are " +
                                  std::to_string(n_samples) + " samples");
    }

    int64_t n_rays() const { return info_.shape(0); }
    int64_t start(int64_t ray) const { return info_[2 * ray]; }
    int64_t count(int64_t ray) const { return info_[2 * ray + 1]; }

    // body(ray, first sample, number of samples) for every ray.
    template <class Body>
    void for_each_ray(Body&& body) const {
        py::gil_scoped_release release;
        parallel_chunks(n_rays(), kRaysPerChunk, [&](int64_t begin, int64_t end) {
            for (int64_t ray = begin; ray < end; ++ray) body(ray, start(ray), count(ray));
        });
    }

private:
    [[noreturn]] static void fail(int64_t ray) {
        throw py::value_error("packed_info: ray " + std::to_string(ray) +
                              " does not start where the one before it ends; rays must follow one another without gaps");
    }

    TensorView<int64_t, 2> info_;
};

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

}  // namespace

void bind_compositing(pybind11::module_& module) {
    module.def("pack_info", &pack_info);
    module.def("weights_forward", &weights_forward);
    module.def("weights_backward", &weights_backward);
    module.def("accumulate_forward", &accumulate_forward);
    module.def("accumulate_backward", &accumulate_backward);
    module.def("composite_forward", &composite_forward);
    module.def("composite_backward", &composite_backward);
}

}  // namespace neurfield
