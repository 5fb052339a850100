// A tree of boxes over triangles, with what winding numbers need of each node from afar.
//
// Triangles are halved by the median of their centres along the widest axis, and stand in the tree's order. Of a node, seen from afar, an
// expansion of its solid angle around its centre remains (Barill et al., Fast Winding Numbers for Soups and Clouds, SIGGRAPH 2018): dipole,
// first and second moments.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "shape/vector3.h"

namespace neurfield::shape {

constexpr int kLeaf = 6;  // triangles of a leaf, at most

struct Triangle {
    Vector3 a, b, c;
    int64_t face;  // its place in the mesh

    Vector3 centre() const { return (a + b + c) * (1.0 / 3.0); }
    Vector3 area_vector() const { return cross(b - a, c - a) * 0.5; }  // its length is the area
};

struct Node {
    float low[3], high[3];
    int32_t first, count;  // triangles
    int32_t right;  // the second child, the first follows the node; 0: a leaf
};

// Integrals over a node's area, d from `centre`, n the unit normal.
struct Moments {
    Vector3 centre;  // of the area
    double radius;  // of a ball around the centre that holds all corners
    Vector3 dipole;  // n
    double trace;  // n . d
    double first[6];  // (n d^T + d n^T) / 2: xx yy zz xy xz yz
    Vector3 second;  // (n |d|^2 + 2 d (n . d)) / 2
    double cubic[10];  // (n . r)(d . r)^2 / 2 as a polynomial of r: xxx yyy zzz xxy xxz xyy yyz xzz yzz xyz
};

struct TriangleTree {
    std::vector<Triangle> triangles;
    std::vector<Node> nodes;
    std::vector<Moments> moments;

    // Copies corners [count, 3, 3].
    TriangleTree(const float* corners, int64_t count);

private:
    int32_t add_node(int32_t first, int32_t count);
};

inline void add_second(Moments& m, const Vector3& n, const Vector3& d) {
    const double nd = dot(n, d);
    m.second = m.second + n * (0.5 * dot(d, d)) + d * nd;
    double* c = m.cubic;
    c[0] += 0.5 * n.x * d.x * d.x, c[1] += 0.5 * n.y * d.y * d.y, c[2] += 0.5 * n.z * d.z * d.z;
    c[3] += 0.5 * (n.y * d.x * d.x) + n.x * d.x * d.y, c[4] += 0.5 * (n.z * d.x * d.x) + n.x * d.x * d.z;
    c[5] += 0.5 * (n.x * d.y * d.y) + n.y * d.x * d.y, c[6] += 0.5 * (n.z * d.y * d.y) + n.y * d.y * d.z;
    c[7] += 0.5 * (n.x * d.z * d.z) + n.z * d.x * d.z, c[8] += 0.5 * (n.y * d.z * d.z) + n.z * d.y * d.z;
    c[9] += n.x * d.y * d.z + n.y * d.x * d.z + n.z * d.x * d.y;
}

inline Moments moments_of(const Triangle* triangles, int64_t count) {
    Moments m{};
    double area = 0.0;
    for (int64_t i = 0; i < count; ++i) {
        const double part = length(triangles[i].area_vector());
        m.centre = m.centre + triangles[i].centre() * part, area += part;
    }
    if (area > 0.0)
        m.centre = m.centre * (1.0 / area);
    else if (count > 0)
        m.centre = triangles[0].centre();
    for (int64_t i = 0; i < count; ++i) {
        const Triangle& t = triangles[i];
        const Vector3 n = t.area_vector(), d = t.centre() - m.centre;
        m.dipole = m.dipole + n;
        m.trace += dot(n, d);
        const double rows[6] = {
            n.x * d.x, n.y * d.y, n.z * d.z, 0.5 * (n.x * d.y + n.y * d.x), 0.5 * (n.x * d.z + n.z * d.x), 0.5 * (n.y * d.z + n.z * d.y)};
        for (int k = 0; k < 6; ++k) m.first[k] += rows[k];
        // What is quadratic over a triangle is a third of its values at the middles of the edges.
        const Vector3 middles[3] = {(t.a + t.b) * 0.5, (t.b + t.c) * 0.5, (t.c + t.a) * 0.5};
        for (const Vector3& middle : middles) add_second(m, n * (1.0 / 3.0), middle - m.centre);
        for (const Vector3& corner : {t.a, t.b, t.c}) m.radius = std::max(m.radius, length(corner - m.centre));
    }
    return m;
}

inline TriangleTree::TriangleTree(const float* corners, int64_t count) {
    triangles.resize(count);
    for (int64_t i = 0; i < count; ++i) {
        const float* p = corners + 9 * i;
        triangles[i] = {{p[0], p[1], p[2]}, {p[3], p[4], p[5]}, {p[6], p[7], p[8]}, i};
    }
    if (count > 0) add_node(0, static_cast<int32_t>(count));
}

inline int32_t TriangleTree::add_node(int32_t first, int32_t count) {
    const int32_t index = static_cast<int32_t>(nodes.size());
    Triangle* begin = triangles.data() + first;
    Node node{};
    double low[3], high[3];  // of the centres
    for (int k = 0; k < 3; ++k) {
        low[k] = node.low[k] = std::numeric_limits<float>::infinity();
        high[k] = node.high[k] = -std::numeric_limits<float>::infinity();
    }
    for (int32_t i = 0; i < count; ++i) {
        const Vector3 centre = begin[i].centre();
        for (int k = 0; k < 3; ++k) {
            low[k] = std::min(low[k], centre[k]), high[k] = std::max(high[k], centre[k]);
            for (const Vector3& corner : {begin[i].a, begin[i].b, begin[i].c}) {
                node.low[k] = std::min(node.low[k], static_cast<float>(corner[k]));
                node.high[k] = std::max(node.high[k], static_cast<float>(corner[k]));
            }
        }
    }
    node.first = first, node.count = count;
    nodes.push_back(node);
    moments.push_back(moments_of(begin, count));
    if (count <= kLeaf) return index;
    int widest = 0;
    for (int k = 1; k < 3; ++k)
        if (high[k] - low[k] > high[widest] - low[widest]) widest = k;
    const int32_t half = count / 2;
    std::nth_element(begin, begin + half, begin + count, [widest](const Triangle& left, const Triangle& right) {
        const double a = left.centre()[widest], b = right.centre()[widest];
        return a != b ? a < b : left.face < right.face;
    });
    add_node(first, half);
    nodes[index].right = add_node(first + half, count - half);
    return index;
}

}  // namespace neurfield::shape
