// The nearest centres of batches of points.
#include <memory>
#include <vector>

#include "common/parallel.h"
#include "common/tensor_view.h"
#include "encoding/kernel_lookup.h"
#include "encoding/radial_basis_families.h"

namespace neurfield::radial_basis {
namespace {

constexpr int64_t kChunk = 1024;         // points of a task
constexpr int kGroup = 32;               // points that look at a leaf together
constexpr int64_t kBatch = 1 << 20;      // points that are ordered at once

// Points of a batch, leaf by leaf: those that follow each other look at the same part of the tree, however they came.
template <int D>
void order_by_leaf(const KernelLookup& lookup, int64_t count, const float* points, std::vector<int32_t>& homes,
                   std::vector<int32_t>& order) {
    homes.resize(count);
    order.resize(count);
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) homes[n] = static_cast<int32_t>(lookup.home_of<D>(points + n * D));
    });
    std::vector<int32_t> next(lookup.leaves() + 1);
    for (const int32_t home : homes) ++next[home + 1];
    for (int64_t i = 0; i < lookup.leaves(); ++i) next[i + 1] += next[i];
    for (int64_t n = 0; n < count; ++n) order[next[homes[n]]++] = static_cast<int32_t>(n);
}

// Up to kGroup points with one home: which other leaves come into question is found once for all of them.
template <int D>
void find_group(const KernelLookup& lookup, int wanted, int64_t home, const int32_t* group, int size, const float* points, int32_t* out) {
    Nearest nearest[kGroup];
    float low[D], high[D], bound = 0.0f;
    for (int k = 0; k < D; ++k) low[k] = kFar, high[k] = -kFar;
    for (int i = 0; i < size; ++i) {
        const float* x = points + group[i] * int64_t{D};
        nearest[i].begin(wanted);
        lookup.offer_leaf<D>(home, x, nearest[i]);
        bound = std::max(bound, nearest[i].bound);
        for (int k = 0; k < D; ++k) low[k] = std::min(low[k], x[k]), high[k] = std::max(high[k], x[k]);
    }
    LeafList<D> list;
    const bool few = size > 1 && lookup.collect<D>(low, high, home, bound, list);
    for (int i = 0; i < size; ++i) {
        const float* x = points + group[i] * int64_t{D};
        if (few)
            lookup.find_among<D>(list, x, nearest[i]);
        else
            lookup.find<D>(x, home, nearest[i]);
        std::copy_n(nearest[i].index, wanted, out + group[i] * int64_t{wanted});
    }
}

template <int D>
void find_batch(const KernelLookup& lookup, int wanted, int64_t count, const float* points, int32_t* out) {
    std::vector<int32_t> homes, order;
    order_by_leaf<D>(lookup, count, points, homes, order);
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t first = begin, next; first < end; first = next) {
            const int32_t home = homes[order[first]];
            for (next = first + 1; next < end && next - first < kGroup && homes[order[next]] == home;) ++next;
            find_group<D>(lookup, wanted, home, order.data() + first, static_cast<int>(next - first), points, out);
        }
    });
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
    for (int64_t begin = 0; begin < count; begin += kBatch) {
        const int64_t size = std::min(kBatch, count - begin);
        const float* from = points.data() + begin * lookup.dimensions();
        int32_t* to = out.data() + begin * wanted;
        switch (lookup.dimensions()) {
            case 2: find_batch<2>(lookup, wanted, size, from, to); break;
            case 3: find_batch<3>(lookup, wanted, size, from, to); break;
            default: find_batch<4>(lookup, wanted, size, from, to);
        }
    }
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
