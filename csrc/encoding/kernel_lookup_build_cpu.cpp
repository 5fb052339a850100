// Building the tree of a kernel lookup: centres in order, leaves, and layers of boxes up to one node.
#include "encoding/kernel_lookup.h"

namespace neurfield {

KernelLookup::KernelLookup(const float* centres, int64_t count, int dimensions) : dimensions_(dimensions), count_(count) {
    std::vector<int32_t> order(count);
    for (int64_t i = 0; i < count; ++i) order[i] = static_cast<int32_t>(i);
    int64_t capacity = kBranches;
    while (capacity < count) capacity *= kBranches;
    arrange(centres, order.data(), count, capacity);
    fill_leaves(centres, order);
    while (layers_.back().nodes > 1) add_layer();
}

void KernelLookup::arrange(const float* centres, int32_t* order, int64_t count, int64_t capacity) {
    while (capacity > kBranches && count <= capacity / kBranches) capacity /= kBranches;
    if (count <= kBranches) return;
    const int64_t child = capacity / kBranches, children = (count + child - 1) / child, half = children / 2 * child;
    int widest = 0;
    float width = -1.0f;
    for (int k = 0; k < dimensions_; ++k) {
        float low = kFar, high = -kFar;
        for (int64_t i = 0; i < count; ++i) {
            const float value = centres[order[i] * int64_t{dimensions_} + k];
            low = std::min(low, value);
            high = std::max(high, value);
        }
        if (high - low > width) width = high - low, widest = k;
    }
    std::nth_element(order, order + half, order + count, [&](int32_t a, int32_t b) {
        const float left = centres[a * int64_t{dimensions_} + widest], right = centres[b * int64_t{dimensions_} + widest];
        return left != right ? left < right : a < b;
    });
    arrange(centres, order, half, capacity);
    arrange(centres, order + half, count - half, capacity);
}

void KernelLookup::fill_leaves(const float* centres, const std::vector<int32_t>& order) {
    const int64_t leaves = std::max<int64_t>((count_ + kBranches - 1) / kBranches, 1);
    ids_.assign(leaves * kBranches, 0);
    Layer layer{leaves, std::vector<float>(leaves * dimensions_ * kBranches, kFar)};
    for (int64_t i = 0; i < count_; ++i) {
        ids_[i] = order[i];
        for (int k = 0; k < dimensions_; ++k)
            layer.values[(i / kBranches * dimensions_ + k) * kBranches + i % kBranches] =
                centres[order[i] * int64_t{dimensions_} + k];
    }
    layers_.push_back(std::move(layer));
}

void KernelLookup::add_layer() {
    const Layer& below = layers_.back();
    const bool leaves = layers_.size() == 1;
    const int64_t nodes = (below.nodes + kBranches - 1) / kBranches;
    Layer layer{nodes, std::vector<float>(nodes * 2 * dimensions_ * kBranches)};
    for (int64_t child = 0; child < nodes * kBranches; ++child)
        for (int k = 0; k < dimensions_; ++k) {
            float low = kFar, high = -kFar;
            for (int i = 0; i < kBranches && child < below.nodes; ++i) {
                const float* from = below.values.data() + (child * dimensions_ + k) * (leaves ? 1 : 2) * kBranches + i;
                const float upper = leaves ? from[0] : from[kBranches];
                low = std::min(low, from[0]);
                if (upper < kFar) high = std::max(high, upper);  // empty places lie at infinity
            }
            float* to = layer.values.data() + (child / kBranches * dimensions_ + k) * 2 * kBranches + child % kBranches;
            to[0] = low;
            to[kBranches] = high;
        }
    layers_.push_back(std::move(layer));
}

}  // namespace neurfield
