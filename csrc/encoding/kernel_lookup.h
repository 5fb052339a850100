// The nearest centres of a point: a tree of sixteen branches a node, built once, exact for every point wherever it lies.
//
// Centres are ordered by halving along the widest axis, so that every sixteen in a row are a leaf, every sixteen leaves a node, and so
// on: the tree is nothing but boxes, laid out for comparing sixteen of them at a time. Dense and sparse parts of space cost the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "common/simd.h"
#include "common/simd_mask.h"

namespace neurfield {

constexpr int kBranches = 16;
constexpr int kMaxNearest = 8;
constexpr float kFar = std::numeric_limits<float>::infinity();

// The nearest so far, nearest first. Distances are squares.
struct Nearest {
    int wanted;
    float bound;  // only what is nearer counts
    float distance[kMaxNearest];
    int32_t index[kMaxNearest];

    void begin(int count, float within) {
        wanted = count;
        bound = within;
        for (int i = 0; i < count; ++i) {
            distance[i] = kFar;
            index[i] = 0;  // what a point that is no number gets
        }
    }
    void offer(float d, int32_t i) {
        if (!(d < bound)) return;
        int at = wanted - 1;
        for (; at > 0 && distance[at - 1] > d; --at) {
            distance[at] = distance[at - 1];
            index[at] = index[at - 1];
        }
        distance[at] = d;
        index[at] = i;
        bound = std::min(bound, distance[wanted - 1]);
    }
};

class KernelLookup {
public:
    // Copies centres [count, dimensions].
    KernelLookup(const float* centres, int64_t count, int dimensions) : dimensions_(dimensions), count_(count) {
        std::vector<int32_t> order(count);
        for (int64_t i = 0; i < count; ++i) order[i] = static_cast<int32_t>(i);
        int64_t capacity = kBranches;
        while (capacity < count) capacity *= kBranches;
        arrange(centres, order.data(), count, capacity);
        fill_leaves(centres, order);
        while (layers_.back().nodes > 1) add_layer();
    }

    int dimensions() const { return dimensions_; }
    int64_t count() const { return count_; }

    int64_t leaves() const { return layers_[0].nodes; }

    // The leaf that a straight way down leads to: not always the nearest, but its centres say how near is near.
    template <int D>
    int64_t home_of(const float* x) const {
        Vec at[D];
        for (int k = 0; k < D; ++k) at[k] = Vec(x[k]);
        alignas(64) float distance[kBranches];
        int64_t home = 0;
        for (int layer = top_layer(); layer > 0; --layer) {
            box_distances<D>(layers_[layer], home, at, kFar, distance);
            home = home * kBranches + nearest_of(distance);
        }
        return home;
    }

    template <int D>
    void find(const float* x, int64_t home, Nearest& nearest) const {
        Vec at[D];
        for (int k = 0; k < D; ++k) at[k] = Vec(x[k]);
        alignas(64) float distance[kBranches];
        offer_leaf<D>(home, at, nearest);
        if (top_layer() == 0) return;
        struct Visit { float distance; int32_t layer; int64_t node; };
        Visit stack[kBranches * 16];
        int top = 0;
        stack[top++] = {0.0f, top_layer(), 0};
        while (top > 0) {
            const Visit visit = stack[--top];
            if (!(visit.distance < nearest.bound)) continue;
            if (visit.layer == 0) {
                offer_leaf<D>(visit.node, at, nearest);
                continue;
            }
            uint32_t hits = box_distances<D>(layers_[visit.layer], visit.node, at, nearest.bound, distance);
            const int first = top;
            for (; hits != 0; hits &= hits - 1) {  // the farthest below, so that the nearest is taken next
                const int i = __builtin_ctz(hits);
                const int64_t child = visit.node * kBranches + i;
                if (visit.layer == 1 && child == home) continue;
                int place = top++;
                for (; place > first && stack[place - 1].distance < distance[i]; --place) stack[place] = stack[place - 1];
                stack[place] = {distance[i], visit.layer - 1, child};
            }
        }
    }

private:
    struct Layer {
        int64_t nodes;
        std::vector<float> values;  // leaves: [node][axis][16] coordinates; above: [node][axis, low and high][16] of the children
    };

    void arrange(const float* centres, int32_t* order, int64_t count, int64_t capacity) {
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

    void fill_leaves(const float* centres, const std::vector<int32_t>& order) {
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

    void add_layer() {
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

    static uint32_t nearer(Vec distance, float bound) {
        return ~bits_at_least(distance, Vec(bound)) & ((1u << kLanes) - 1u);
    }

    int top_layer() const { return static_cast<int>(layers_.size()) - 1; }

    static int nearest_of(const float distance[kBranches]) {
        Vec least = Vec::load(distance);
        for (int i = kLanes; i < kBranches; i += kLanes) least = min(least, Vec::load(distance + i));
        float lowest = least.v[0];
        for (int i = 1; i < kLanes; ++i) lowest = std::min(lowest, least.v[i]);
        uint32_t hits = 0;
        for (int i = 0; i < kBranches; i += kLanes) hits |= bits_at_least(Vec(lowest), Vec::load(distance + i)) << i;
        return hits == 0 ? 0 : __builtin_ctz(hits);
    }

    template <int D>
    void offer_leaf(int64_t leaf, const Vec at[D], Nearest& nearest) const {
        alignas(64) float distance[kBranches];
        for (uint32_t hits = centre_distances<D>(leaf, at, nearest.bound, distance); hits != 0; hits &= hits - 1) {
            const int i = __builtin_ctz(hits);
            nearest.offer(distance[i], ids_[leaf * kBranches + i]);
        }
    }

    template <int D>
    uint32_t centre_distances(int64_t leaf, const Vec at[D], float bound, float out[kBranches]) const {
        const float* values = layers_[0].values.data() + leaf * D * kBranches;
        uint32_t hits = 0;
        for (int i = 0; i < kBranches; i += kLanes) {
            Vec total(0.0f);
            for (int k = 0; k < D; ++k) {
                const Vec step = Vec::load(values + k * kBranches + i) - at[k];
                total = fma(step, step, total);
            }
            total.store(out + i);
            hits |= nearer(total, bound) << i;
        }
        return hits;
    }

    template <int D>
    static uint32_t box_distances(const Layer& layer, int64_t node, const Vec at[D], float bound, float out[kBranches]) {
        const float* values = layer.values.data() + node * 2 * D * kBranches;
        uint32_t hits = 0;
        for (int i = 0; i < kBranches; i += kLanes) {
            Vec total(0.0f);
            for (int k = 0; k < D; ++k) {
                const float* box = values + 2 * k * kBranches + i;
                const Vec step = max(max(Vec::load(box) - at[k], at[k] - Vec::load(box + kBranches)), Vec(0.0f));
                total = fma(step, step, total);
            }
            total.store(out + i);
            hits |= nearer(total, bound) << i;
        }
        return hits;
    }

    int dimensions_;
    int64_t count_;
    std::vector<Layer> layers_;
    std::vector<int32_t> ids_;
};

}  // namespace neurfield
