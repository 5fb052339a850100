// The tree of a kernel lookup, and how it is built: centres in order, leaves, and layers of boxes up to one node.
//
// Centres are ordered by halving along the widest axis, so that every sixteen in a row are a leaf, every sixteen leaves a node, and
// so on: the tree is nothing but boxes, laid out for comparing sixteen of them at a time. Dense and sparse parts cost the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace neurfield {

constexpr int kBranches = 16;
constexpr int kMaxNearest = 8;
constexpr float kFar = std::numeric_limits<float>::infinity();

struct KernelTree {
    struct Layer {
        int64_t nodes;
        std::vector<float> values;  // leaves: [node][axis][16] coordinates; above: [node][axis, low and high][16] of the children
    };

    int dimensions;
    int64_t count;
    std::vector<Layer> layers;  // leaves first
    std::vector<int32_t> ids;   // of the centres in the leaves

    // Copies centres [count, dimensions].
    KernelTree(const float* centres, int64_t count, int dimensions);

private:
    void arrange(const float* centres, int32_t* order, int64_t count, int64_t capacity);
    void fill_leaves(const float* centres, const std::vector<int32_t>& order);
    void add_layer();
};

inline KernelTree::KernelTree(const float* centres, int64_t count_, int dimensions_) : dimensions(dimensions_), count(count_) {
    std::vector<int32_t> order(count);
    for (int64_t i = 0; i < count; ++i) order[i] = static_cast<int32_t>(i);
    int64_t capacity = kBranches;
    while (capacity < count) capacity *= kBranches;
    arrange(centres, order.data(), count, capacity);
    fill_leaves(centres, order);
    while (layers.back().nodes > 1) add_layer();
}

inline void KernelTree::arrange(const float* centres, int32_t* order, int64_t count, int64_t capacity) {
    while (capacity > kBranches && count <= capacity / kBranches) capacity /= kBranches;
    if (count <= kBranches) return;
    const int64_t child = capacity / kBranches, children = (count + child - 1) / child, half = children / 2 * child;
    int widest = 0;
    float width = -1.0f;
    for (int k = 0; k < dimensions; ++k) {
        float low = kFar, high = -kFar;
        for (int64_t i = 0; i < count; ++i) {
            const float value = centres[order[i] * int64_t{dimensions} + k];
            low = std::min(low, value);
            high = std::max(high, value);
        }
        if (high - low > width) width = high - low, widest = k;
    }
    std::nth_element(order, order + half, order + count, [&](int32_t a, int32_t b) {
        const float left = centres[a * int64_t{dimensions} + widest], right = centres[b * int64_t{dimensions} + widest];
        return left != right ? left < right : a < b;
    });
    arrange(centres, order, half, capacity);
    arrange(centres, order + half, count - half, capacity);
}

inline void KernelTree::fill_leaves(const float* centres, const std::vector<int32_t>& order) {
    const int64_t leaves = std::max<int64_t>((count + kBranches - 1) / kBranches, 1);
    ids.assign(leaves * kBranches, 0);
    Layer layer{leaves, std::vector<float>(leaves * dimensions * kBranches, kFar)};
    for (int64_t i = 0; i < count; ++i) {
        ids[i] = order[i];
        for (int k = 0; k < dimensions; ++k)
            layer.values[(i / kBranches * dimensions + k) * kBranches + i % kBranches] = centres[order[i] * int64_t{dimensions} + k];
    }
    layers.push_back(std::move(layer));
}

inline void KernelTree::add_layer() {
    const Layer& below = layers.back();
    const bool of_leaves = layers.size() == 1;
    const int64_t nodes = (below.nodes + kBranches - 1) / kBranches;
    Layer layer{nodes, std::vector<float>(nodes * 2 * dimensions * kBranches)};
    for (int64_t child = 0; child < nodes * kBranches; ++child)
        for (int k = 0; k < dimensions; ++k) {
            float low = kFar, high = -kFar;
            for (int i = 0; i < kBranches && child < below.nodes; ++i) {
                const float* from = below.values.data() + (child * dimensions + k) * (of_leaves ? 1 : 2) * kBranches + i;
                const float upper = of_leaves ? from[0] : from[kBranches];
                low = std::min(low, from[0]);
                if (upper < kFar) high = std::max(high, upper);  // empty places lie at infinity
            }
            float* to = layer.values.data() + (child / kBranches * dimensions + k) * 2 * kBranches + child % kBranches;
            to[0] = low;
            to[kBranches] = high;
        }
    layers.push_back(std::move(layer));
}

}  // namespace neurfield
