// The nearest centres of points on the GPU. Sixteen lanes share a point and look at the sixteen branches of a node at once; the two
// points of a warp walk their trees in step. The tree is the CPU's, built on the host and kept by Python in two tensors.
#include <pybind11/numpy.h>

#include <utility>

#include "common/tensor_view.h"
#include "cuda/launch.h"
#include "encoding/kernel_tree.h"
#include "encoding/radial_basis_families.h"

namespace neurfield::radial_basis {
namespace {

constexpr int kThreads = 128;
constexpr int kMostLayers = 8;  // of 2^31 centres
constexpr float kFarthest = std::numeric_limits<float>::max();

// A centre that was found: its squared distance's bits, then its number, so that of two as near the lower number comes first.
using Found = unsigned long long;
__device__ Found found_at(float square, int32_t id) {
    return static_cast<Found>(__float_as_uint(square)) << 32 | static_cast<uint32_t>(id);
}
__device__ float square_of(Found found) { return __uint_as_float(static_cast<unsigned>(found >> 32)); }

// Where each layer begins in the tree's numbers, leaves first, and which is the top one.
struct Layers {
    int64_t begin[kMostLayers];
    int top;
};

// Brings sixteen lanes' values from bitonic order, or runs of `size` of them, into order: ascending where `up`.
__device__ Found merged(Found value, int lane, int size, bool up) {
#pragma unroll
    for (int step = 8; step > 0; step /= 2) {
        if (step >= size) continue;
        const Found other = __shfl_xor_sync(cuda::kAllLanes, value, step);
        const bool least = ((lane & step) == 0) == up;
        value = (other < value) == least ? other : value;
    }
    return value;
}

// The sixteen least of two sets of sixteen, ascending by lane; `nearest` is ascending, `more` in any order.
__device__ Found least_of(Found nearest, Found more, int lane) {
#pragma unroll
    for (int size = 2; size < kBranches; size *= 2) more = merged(more, lane, size, (lane & size) == 0);
    more = merged(more, lane, kBranches, false);
    return merged(more < nearest ? more : nearest, lane, kBranches, true);
}

// The squared distance from x to this lane's box of a node, or to its centre in a leaf: a box without extent.
template <int D>
__device__ float square_to(const float* of_layer, bool leaf, int64_t node, int lane, const float x[D]) {
    const int sides = leaf ? 1 : 2;
    const float* low = of_layer + node * (sides * D * kBranches) + lane;
    float total = 0.0f;
#pragma unroll
    for (int k = 0; k < D; ++k, low += sides * kBranches) {
        const float *high = low + (sides - 1) * kBranches, step = fmaxf(fmaxf(__ldg(low) - x[k], x[k] - __ldg(high)), 0.0f);
        total = fmaf(step, step, total);
    }
    return total;
}

// Depth first, the nearest branch of a node first. How far the branches of each node on the way are that were not taken yet is kept in
// shared memory, where every lane sees to its own: that is all there is of a stack. A box is never farther than its centres, rounding
// included, so what is passed over could not have counted.
template <int D>
__global__ void __launch_bounds__(kThreads)
    find_nearest(const Layers layers, const float* __restrict__ tree, const int32_t* __restrict__ ids, int64_t count, int wanted,
                 const float* __restrict__ points, int32_t* __restrict__ out) {
    __shared__ float waiting[kMostLayers + 1][kThreads];
    __shared__ int64_t begin[kMostLayers];
    const int lane = threadIdx.x % kBranches, thread = threadIdx.x;
    const unsigned shift = threadIdx.x & kBranches;  // of this point's lanes among the warp's
    const int64_t n = cuda::global_index() / kBranches, mine = n < count ? n : count - 1;  // all lanes of a warp go on to the end
    float x[D];
#pragma unroll
    for (int k = 0; k < D; ++k) {
        const float value = __ldg(points + mine * D + k);
        x[k] = value == value ? value : kFar;  // farther than counts from everything, as infinity is
    }
    if (thread == 0)
#pragma unroll
        for (int i = 0; i < kMostLayers; ++i) begin[i] = layers.begin[i];
    __syncthreads();
    Found nearest = found_at(kFar, 0);
    float bound = kFarthest;
    int layer = layers.top + 1;  // one above the root, which is its only branch
    int64_t node = 0;
    bool done = false;
    waiting[layer][thread] = lane == 0 ? 0.0f : kFar;
    while (__any_sync(cuda::kAllLanes, !done)) {
        const float square = waiting[layer][thread];
        float least = square;
#pragma unroll
        for (int step = kBranches / 2; step > 0; step /= 2) least = fminf(least, __shfl_xor_sync(cuda::kAllLanes, least, step));
        const unsigned those = __ballot_sync(cuda::kAllLanes, square == least) >> shift & 0xffffu;
        const bool down = !done && least <= bound;
        if (down) {
            const int branch = __ffs(static_cast<int>(those)) - 1;
            if (lane == branch) waiting[layer][thread] = kFar;
            node = node * kBranches + branch;
            --layer;
        } else if (layer <= layers.top) {
            node /= kBranches;
            ++layer;
        } else {
            done = true;
        }
        if (!__any_sync(cuda::kAllLanes, down)) continue;
        const float far = down ? square_to<D>(tree + begin[layer], layer == 0, node, lane, x) : kFar;
        Found more = found_at(kFar, 0);
        if (down && layer == 0) {
            if (far <= bound) more = found_at(far, __ldg(ids + node * kBranches + lane));
            node /= kBranches;
            layer = 1;
        } else if (down) {
            waiting[layer][thread] = far;
        }
        if (!__any_sync(cuda::kAllLanes, square_of(more) < kFar)) continue;
        nearest = least_of(nearest, more, lane);
        bound = fminf(square_of(__shfl_sync(cuda::kAllLanes, nearest, wanted - 1, kBranches)), kFarthest);
    }
    if (n < count && lane < wanted) out[n * wanted + lane] = static_cast<int32_t>(nearest & 0xffffffffu);
}

template <class T>
py::array_t<T> array_of(int64_t size) {
    return py::array_t<T>(static_cast<py::ssize_t>(size));
}

// Of centres [count, dimensions] in the host's memory: the layers' values one after the other, and which centres the leaves hold, both
// to be copied to the device.
std::pair<py::array_t<float>, py::array_t<int32_t>> build(const py::array_t<float, py::array::c_style | py::array::forcecast>& centres) {
    if (centres.ndim() != 2 || centres.shape(1) < 2 || centres.shape(1) > 4)
        throw py::value_error("kernel lookup: centres must have 2 to 4 dimensions");
    if (centres.shape(0) < 1 || centres.shape(0) > INT32_MAX) throw py::value_error("kernel lookup: needs 1 to 2^31 - 1 centres");
    const KernelTree tree(centres.data(), centres.shape(0), static_cast<int>(centres.shape(1)));
    int64_t size = 0;
    for (const auto& layer : tree.layers) size += static_cast<int64_t>(layer.values.size());
    auto values = array_of<float>(size);
    auto ids = array_of<int32_t>(static_cast<int64_t>(tree.ids.size()));
    float* to = values.mutable_data();
    for (const auto& layer : tree.layers) to = std::copy(layer.values.begin(), layer.values.end(), to);
    std::copy(tree.ids.begin(), tree.ids.end(), ids.mutable_data());
    return {values, ids};
}

// out [count, wanted]: the centres nearest to points, the nearest first; `tree` and `ids` as built.
void find(const py::object& tree_, const py::object& ids_, const py::object& points_, const py::object& out_) {
    const TensorView<float, 1> tree(tree_, "tree");
    const TensorView<int32_t, 1> ids(ids_, "ids");
    const TensorView<float, 2> points(points_, "points");
    const TensorView<int32_t, 2> out(out_, "out");
    const int64_t count = points.shape(0), dimensions = points.shape(1), wanted = out.shape(1);
    out.expect(0, count, "out");
    if (dimensions < 2 || dimensions > 4 || wanted < 1 || wanted > kMaxNearest || ids.size() < kBranches)
        throw py::value_error("kernel lookup: so many nearest centres cannot be found");
    Layers layers{};
    int64_t nodes = ids.size() / kBranches, size = nodes * dimensions * kBranches;
    for (; nodes > 1; size += nodes * 2 * dimensions * kBranches) {
        layers.begin[++layers.top] = size;
        nodes = (nodes + kBranches - 1) / kBranches;
    }
    tree.expect(0, size, "tree");
    const auto start = [&](auto kernel) {
        cuda::launch(kernel, cuda::one_each(count * kBranches, kThreads), layers, tree.data(), ids.data(), count, static_cast<int>(wanted),
                     points.data(), out.data());
    };
    dimensions == 2 ? start(find_nearest<2>) : dimensions == 3 ? start(find_nearest<3>) : start(find_nearest<4>);
}

}  // namespace

void bind_kernel_lookup(py::module_& module) {
    module.def("kernel_lookup_build", &build);
    module.def("kernel_lookup_find", &find);
}

}  // namespace neurfield::radial_basis
