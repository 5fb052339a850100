// The nearest centres of a point: a tree of sixteen branches a node, built once, exact for every point wherever it lies.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "common/simd.h"
#include "common/simd_mask.h"
#include "encoding/kernel_tree.h"

namespace neurfield {

// The nearest so far, nearest first; of two at the same distance the lower index, so that the order in which a point's
// surroundings are looked at leaves no trace. Distances are squares.
class Nearest {
public:
    int wanted;
    float bound;  // nothing farther counts
    float distance[kMaxNearest];
    int32_t index[kMaxNearest];

    void begin(int count) {
        wanted = count;
        bound = kFar;
        for (int i = 0; i < count; ++i) {
            distance[i] = kFar;
            index[i] = 0;  // what a point that is no number gets
        }
    }
    void offer(float d, int32_t i) {
        int at = wanted - 1;
        if (!before(d, i, at)) return;
        for (; at > 0 && before(d, i, at - 1); --at) {
            distance[at] = distance[at - 1];
            index[at] = index[at - 1];
        }
        distance[at] = d;
        index[at] = i;
        bound = distance[wanted - 1];
    }

private:
    bool before(float d, int32_t i, int at) const { return d < distance[at] || (d == distance[at] && i < index[at]); }
};

// Some leaves with their boxes, low and high by axis, sixteen side by side.
template <int D>
struct LeafList {
    static constexpr int kMost = 128;
    int count;
    int64_t leaf[kMost];
    alignas(64) float boxes[kMost / kBranches][2 * D][kBranches];

    void add(int64_t number, const float* box) {
        for (int row = 0; row < 2 * D; ++row) boxes[count / kBranches][row][count % kBranches] = box[row * kBranches];
        leaf[count++] = number;
    }
    void finish() {  // empty places are infinitely far
        for (int at = count; at % kBranches != 0; ++at)
            for (int row = 0; row < 2 * D; ++row) boxes[at / kBranches][row][at % kBranches] = row % 2 == 0 ? kFar : -kFar;
    }
};

class KernelLookup {
public:
    // Copies centres [count, dimensions].
    KernelLookup(const float* centres, int64_t count, int dimensions) : tree_(centres, count, dimensions) {}

    int dimensions() const { return tree_.dimensions; }
    int64_t count() const { return tree_.count; }

    int64_t leaves() const { return tree_.layers[0].nodes; }

    // The leaf that a straight way down leads to: not always the nearest, but its centres say how near is near.
    template <int D>
    int64_t home_of(const float* x) const {
        Vec at[D];
        for (int k = 0; k < D; ++k) at[k] = Vec(x[k]);
        alignas(64) float distance[kBranches];
        int64_t home = 0;
        for (int layer = top_layer(); layer > 0; --layer) {
            box_distances<D>(tree_.layers[layer], home, at, at, kFar, distance);
            home = home * kBranches + nearest_of(distance);
        }
        return home;
    }

    // Looks at all leaves that may hold nearer ones; `home` was looked at before.
    template <int D>
    void find(const float* x, int64_t home, Nearest& nearest) const {
        Vec at[D];
        for (int k = 0; k < D; ++k) at[k] = Vec(x[k]);
        alignas(64) float distance[kBranches];
        if (top_layer() == 0) return;
        struct Visit {
            float distance;
            int32_t layer;
            int64_t node;
        };
        Visit stack[kBranches * 16];
        int top = 0;
        stack[top++] = {0.0f, top_layer(), 0};
        while (top > 0) {
            const Visit visit = stack[--top];
            if (visit.distance > nearest.bound) continue;
            if (visit.layer == 0) {
                offer_leaf<D>(visit.node, at, nearest);
                continue;
            }
            uint32_t hits = box_distances<D>(tree_.layers[visit.layer], visit.node, at, at, nearest.bound, distance);
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

    // The leaves but `home` that points of a box (low, high) may have to look at, if none needs what is farther than `bound`. False
    // if there are too many for this to be worth it.
    template <int D>
    bool collect(const float low[D], const float high[D], int64_t home, float bound, LeafList<D>& list) const {
        list.count = 0;
        int64_t stack[kBranches * 16];
        int layers[kBranches * 16], top = 0;
        if (top_layer() == 0) return true;
        stack[top] = 0;
        layers[top++] = top_layer();
        Vec from[D], to[D];
        for (int k = 0; k < D; ++k) from[k] = Vec(low[k]), to[k] = Vec(high[k]);
        while (top > 0) {
            const int64_t node = stack[--top];
            const int layer = layers[top];
            alignas(64) float distance[kBranches];
            for (uint32_t hits = box_distances<D>(tree_.layers[layer], node, from, to, bound, distance); hits != 0; hits &= hits - 1) {
                const int i = __builtin_ctz(hits);
                const int64_t child = node * kBranches + i;
                if (layer > 1) {
                    stack[top] = child;
                    layers[top++] = layer - 1;
                } else if (child != home) {
                    if (list.count == LeafList<D>::kMost) return false;
                    list.add(child, tree_.layers[1].values.data() + node * 2 * D * kBranches + i);
                }
            }
        }
        list.finish();
        return true;
    }

    template <int D>
    void find_among(const LeafList<D>& list, const float* x, Nearest& nearest) const {
        Vec at[D];
        for (int k = 0; k < D; ++k) at[k] = Vec(x[k]);
        alignas(64) float distance[kBranches];
        for (int block = 0; block * kBranches < list.count; ++block) {
            uint32_t hits = box_distances<D>(&list.boxes[block][0][0], at, at, nearest.bound, distance);
            for (; hits != 0; hits &= hits - 1) {
                const int i = __builtin_ctz(hits);
                if (distance[i] <= nearest.bound) offer_leaf<D>(list.leaf[block * kBranches + i], at, nearest);
            }
        }
    }

    template <int D>
    void offer_leaf(int64_t leaf, const float* x, Nearest& nearest) const {
        Vec at[D];
        for (int k = 0; k < D; ++k) at[k] = Vec(x[k]);
        offer_leaf<D>(leaf, at, nearest);
    }

private:
    int top_layer() const { return static_cast<int>(tree_.layers.size()) - 1; }

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
            nearest.offer(distance[i], tree_.ids[leaf * kBranches + i]);
        }
    }

    static uint32_t not_farther(Vec distance, float bound) {  // empty places are infinitely far
        return bits_at_least(Vec(std::min(bound, std::numeric_limits<float>::max())), distance);
    }

    template <int D>
    uint32_t centre_distances(int64_t leaf, const Vec at[D], float bound, float out[kBranches]) const {
        const float* values = tree_.layers[0].values.data() + leaf * D * kBranches;
        uint32_t hits = 0;
        for (int i = 0; i < kBranches; i += kLanes) {
            Vec total(0.0f);
            for (int k = 0; k < D; ++k) {
                const Vec step = Vec::load(values + k * kBranches + i) - at[k];
                total = fma(step, step, total);
            }
            total.store(out + i);
            hits |= not_farther(total, bound) << i;
        }
        return hits;
    }

    // Squared distances between the box (low, high), or a point where these are the same, and sixteen boxes. What is no number is at no
    // distance, and so never a hit: hence 0 comes first in the outer maximum. Else a point of NaN would hit empty places, whose
    // nodes do not exist.
    template <int D>
    static uint32_t box_distances(const float* boxes, const Vec low[D], const Vec high[D], float bound, float out[kBranches]) {
        uint32_t hits = 0;
        for (int i = 0; i < kBranches; i += kLanes) {
            Vec total(0.0f);
            for (int k = 0; k < D; ++k) {
                const float* box = boxes + 2 * k * kBranches + i;
                const Vec step = max(Vec(0.0f), max(Vec::load(box) - high[k], low[k] - Vec::load(box + kBranches)));
                total = fma(step, step, total);
            }
            total.store(out + i);
            hits |= not_farther(total, bound) << i;
        }
        return hits;
    }

    template <int D>
    static uint32_t box_distances(const KernelTree::Layer& layer, int64_t node, const Vec low[D], const Vec high[D], float bound,
                                  float out[kBranches]) {
        return box_distances<D>(layer.values.data() + node * 2 * D * kBranches, low, high, bound, out);
    }

    KernelTree tree_;
};

}  // namespace neurfield
