// A tree over points for sums in which what is far away counts as one: points in order, leaves of 32, and halves up to one node.
//
// Points are ordered by halving along the widest axis, so that all leaves but the last are full: a leaf is what kernels take as a
// group of targets, too.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace neurfield::winding {

constexpr int64_t kLeaf = 32;

// Indices of points [count, 3] so that every 32 in a row lie close together.
inline void order_points(const float* points, int32_t* order, int64_t count) {
    if (count <= kLeaf) return;
    const int64_t leaves = (count + kLeaf - 1) / kLeaf, half = leaves / 2 * kLeaf;
    int widest = 0;
    float width = -1.0f;
    for (int axis = 0; axis < 3; ++axis) {
        float low = points[3 * int64_t{order[0]} + axis], high = low;
        for (int64_t i = 1; i < count; ++i) {
            const float value = points[3 * int64_t{order[i]} + axis];
            low = std::min(low, value), high = std::max(high, value);
        }
        if (high - low > width) width = high - low, widest = axis;
    }
    std::nth_element(order, order + half, order + count, [&](int32_t a, int32_t b) {
        const float left = points[3 * int64_t{a} + widest], right = points[3 * int64_t{b} + widest];
        return left != right ? left < right : a < b;
    });
    order_points(points, order, half);
    order_points(points, order + half, count - half);
}

// What a sum adds up: a place and what is there, a vector or a number. Eight floats, so that one lies in one cache line.
struct Source {
    float at[3];
    float weight;  // the length of what is there: places are averaged by it
    float value[3];
    float unused = 0.0f;
};

struct Node {
    float center[3];  // of the box of its points
    float radius;     // of the sphere around that box
    int64_t begin, end;
    int32_t left, right;  // -1 and -1: a leaf
};

// The tree of some points, and sources for it: made once, filled for each sum.
class WindingTree {
public:
    // Copies points [count, 3].
    WindingTree(const float* points, int64_t count) : order_(count), at_(3 * count) {
        for (int64_t i = 0; i < count; ++i) order_[i] = static_cast<int32_t>(i);
        order_points(points, order_.data(), count);
        for (int64_t i = 0; i < count; ++i)
            for (int axis = 0; axis < 3; ++axis) at_[3 * i + axis] = points[3 * int64_t{order_[i]} + axis];
        if (count) add_node(0, count);
    }

    int64_t count() const { return static_cast<int64_t>(order_.size()); }
    const std::vector<Node>& nodes() const { return nodes_; }
    const int32_t* order() const { return order_.data(); }
    const float* at(int64_t i) const { return at_.data() + 3 * i; }  // of the i-th in order

    // Sources of all points in order, then of all nodes: values [count, Width] of the points as they were given.
    template <int Width>
    std::vector<Source> sources(const float* values) const {
        std::vector<Source> all(order_.size() + nodes_.size());
        for (int64_t i = 0; i < count(); ++i) {
            Source& one = all[i];
            float square = 0.0f;
            for (int axis = 0; axis < 3; ++axis) {
                one.at[axis] = at_[3 * i + axis];
                one.value[axis] = axis < Width ? values[Width * int64_t{order_[i]} + axis] : 0.0f;
                square += one.value[axis] * one.value[axis];
            }
            one.weight = std::sqrt(square);
        }
        for (int64_t n = static_cast<int64_t>(nodes_.size()) - 1; n >= 0; --n) {  // children stand behind their parents
            const Node& node = nodes_[n];
            Source& one = all[order_.size() + n];
            if (node.left < 0)
                gather(node, all.data() + node.begin, node.end - node.begin, one);
            else {
                const Source both[2] = {all[order_.size() + node.left], all[order_.size() + node.right]};
                gather(node, both, 2, one);
            }
        }
        return all;
    }

private:
    static void gather(const Node& node, const Source* parts, int64_t count, Source& one) {
        one = Source{{0.0f, 0.0f, 0.0f}, 0.0f, {0.0f, 0.0f, 0.0f}};
        for (int64_t i = 0; i < count; ++i) {
            one.weight += parts[i].weight;
            for (int axis = 0; axis < 3; ++axis) {
                one.at[axis] += parts[i].weight * (parts[i].at[axis] - node.center[axis]);
                one.value[axis] += parts[i].value[axis];
            }
        }
        const float share = one.weight > 0.0f ? 1.0f / one.weight : 0.0f;
        for (int axis = 0; axis < 3; ++axis) one.at[axis] = node.center[axis] + share * one.at[axis];
    }

    int32_t add_node(int64_t begin, int64_t end) {
        const auto index = static_cast<int32_t>(nodes_.size());
        Node node{{}, 0.0f, begin, end, -1, -1};
        float square = 0.0f;
        for (int axis = 0; axis < 3; ++axis) {
            float low = at_[3 * begin + axis], high = low;
            for (int64_t i = begin + 1; i < end; ++i) {
                low = std::min(low, at_[3 * i + axis]);
                high = std::max(high, at_[3 * i + axis]);
            }
            node.center[axis] = 0.5f * (low + high);
            square += 0.25f * (high - low) * (high - low);
        }
        node.radius = std::sqrt(square);
        nodes_.push_back(node);
        if (end - begin > kLeaf) {
            const int64_t half = ((end - begin + kLeaf - 1) / kLeaf) / 2 * kLeaf;
            const int32_t left = add_node(begin, begin + half), right = add_node(begin + half, end);
            nodes_[index].left = left, nodes_[index].right = right;
        }
        return index;
    }

    std::vector<int32_t> order_;
    std::vector<float> at_;
    std::vector<Node> nodes_;
};

}  // namespace neurfield::winding
