// Samples packed ray after ray, and the loop over the rays: one ray is one thread's, so sums come out the same every time.
#pragma once

#include "common/parallel.h"
#include "common/tensor_view.h"

namespace neurfield {

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
        constexpr int64_t kRaysPerChunk = 64;
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

}  // namespace neurfield
