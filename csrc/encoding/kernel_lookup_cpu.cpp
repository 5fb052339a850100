// The nearest centres of batches of points.
#include <cmath>
#include <memory>

#include "common/parallel.h"
#include "common/tensor_view.h"
#include "encoding/kernel_lookup.h"
#include "encoding/radial_basis_families.h"

namespace neurfield::radial_basis {
namespace {

constexpr int64_t kChunk = 1024;  // points of a task

template <int D>
void find_chunk(const KernelLookup& lookup, int wanted, int64_t begin, int64_t end, const float* points, int32_t* out) {
    Nearest nearest;
    float reach = kFar;  // to the last of the previous point's nearest
    for (int64_t n = begin; n < end; ++n) {
        const float* x = points + n * D;
        float within = kFar;
        if (reach < kFar) {
            float moved = 0.0f;
            for (int k = 0; k < D; ++k) moved += (x[k] - x[k - D]) * (x[k] - x[k - D]);
            // All of those are at most so far from this point; a little more, because everything is rounded.
            within = (reach + std::sqrt(moved)) * 1.00001f + 1e-30f;
            within = within < 1e18f ? within * within : kFar;
        }
        nearest.begin(wanted, within);
        lookup.find<D>(x, nearest);
        reach = std::sqrt(nearest.distance[wanted - 1]);
        std::copy_n(nearest.index, wanted, out + n * wanted);
    }
}

void find(const KernelLookup& lookup, const py::object& points_, const py::object& out_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<int32_t, 2> out(out_, "out");
    const int64_t count = points.shape(0);
    const int wanted = static_cast<int>(out.shape(1));
    points.expect(1, lookup.dimensions(), "points");
    out.expect(0, count, "out");
    if (wanted < 1 || wanted > kMaxNearest || wanted > lookup.count())
        throw py::value_error("kernel lookup: so many nearest centres cannot be found");
    py::gil_scoped_release release;
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        switch (lookup.dimensions()) {
            case 2: return find_chunk<2>(lookup, wanted, begin, end, points.data(), out.data());
            case 3: return find_chunk<3>(lookup, wanted, begin, end, points.data(), out.data());
            default: return find_chunk<4>(lookup, wanted, begin, end, points.data(), out.data());
        }
    });
}

std::unique_ptr<KernelLookup> make_lookup(const py::object& centres_) {
    const TensorView<float, 2> centres(centres_, "centres");
    const int64_t dimensions = centres.shape(1);
    if (dimensions < 2 || dimensions > 4) throw py::value_error("kernel lookup: centres must have 2 to 4 dimensions");
    if (centres.shape(0) < 1 || centres.shape(0) > INT32_MAX) throw py::value_error("kernel lookup: needs 1 to 2^31 - 1 centres");
    py::gil_scoped_release release;
    return std::make_unique<KernelLookup>(centres.data(), centres.shape(0), static_cast<int>(dimensions));
}

}  // namespace

void bind_kernel_lookup(py::module_& module) {
    py::class_<KernelLookup>(module, "KernelLookup", py::module_local()).def(py::init(&make_lookup)).def("find", &find);
}

}  // namespace neurfield::radial_basis
