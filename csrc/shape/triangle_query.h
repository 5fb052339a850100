// What is asked of a tree of triangles at one point: the nearest point of the mesh, and the winding number.
#pragma once

#include <cmath>
#include <cstdint>

#include "shape/triangle_tree.h"

namespace neurfield::shape {

constexpr int kDeepest = 96;  // of a walk's stack; a tree by medians has at most 31 levels

constexpr double kSliver = 1e-12;  // the squared sine of an angle below which rounding decides what lies within a triangle

// The point between a and b nearest to p.
inline Vector3 closest_between(const Vector3& a, const Vector3& b, const Vector3& p) {
    const Vector3 along = b - a;
    const double squared = dot(along, along), share = squared > 0.0 ? dot(p - a, along) / squared : 0.0;
    return a + along * std::min(std::max(share, 0.0), 1.0);
}

inline Vector3 closest_on_edges(const Triangle& t, const Vector3& p) {
    Vector3 best = closest_between(t.a, t.b, p);
    for (const Vector3& other : {closest_between(t.b, t.c, p), closest_between(t.c, t.a, p)})
        if (length(other - p) < length(best - p)) best = other;
    return best;
}

// The point of a triangle nearest to p. Ericson, Real-Time Collision Detection (2005), section 5.1.5; a triangle may be a line or a point.
inline Vector3 closest_on(const Triangle& t, const Vector3& p) {
    const Vector3 ab = t.b - t.a, ac = t.c - t.a, ap = p - t.a, bp = p - t.b, cp = p - t.c, across = cross(ab, ac);
    if (!(dot(across, across) > kSliver * dot(ab, ab) * dot(ac, ac))) return closest_on_edges(t, p);
    const auto share = [](double part, double rest) { return part + rest != 0.0 ? part / (part + rest) : 0.0; };
    const double d1 = dot(ab, ap), d2 = dot(ac, ap);
    if (d1 <= 0.0 && d2 <= 0.0) return t.a;
    const double d3 = dot(ab, bp), d4 = dot(ac, bp);
    if (d3 >= 0.0 && d4 <= d3) return t.b;
    const double d5 = dot(ab, cp), d6 = dot(ac, cp);
    if (d6 >= 0.0 && d5 <= d6) return t.c;
    const double vc = d1 * d4 - d3 * d2;
    if (vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0) return t.a + ab * share(d1, -d3);
    const double vb = d5 * d2 - d1 * d6;
    if (vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0) return t.a + ac * share(d2, -d6);
    const double va = d3 * d6 - d5 * d4;
    if (va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0) return t.b + (t.c - t.b) * share(d4 - d3, d5 - d6);
    const double total = va + vb + vc;
    if (!(total > 0.0)) return t.a;
    return t.a + ab * (vb / total) + ac * (vc / total);
}

inline double squared_gap(const Node& node, const double p[3]) {
    double sum = 0.0;
    for (int k = 0; k < 3; ++k) {
        const double gap = std::max(std::max(node.low[k] - p[k], p[k] - node.high[k]), 0.0);
        sum += gap * gap;
    }
    return sum;
}

struct NearestPoint {
    double squared = std::numeric_limits<double>::infinity();
    Vector3 place;
    int64_t face = 0;
};

// The tree has a node at least.
inline NearestPoint nearest(const TriangleTree& tree, const Vector3& p) {
    struct Waiting {
        int32_t node;
        double gap;
    } stack[kDeepest];
    const double at[3] = {p.x, p.y, p.z};
    NearestPoint best;
    int depth = 0;
    stack[depth++] = {0, squared_gap(tree.nodes[0], at)};
    while (depth > 0) {
        const Waiting waiting = stack[--depth];
        if (!(waiting.gap < best.squared)) continue;
        const Node& node = tree.nodes[waiting.node];
        if (node.right == 0) {
            for (int32_t i = node.first; i < node.first + node.count; ++i) {
                const Vector3 place = closest_on(tree.triangles[i], p), away = place - p;
                const double squared = dot(away, away);
                if (squared < best.squared) best = {squared, place, tree.triangles[i].face};
            }
            continue;
        }
        const int32_t left = waiting.node + 1, right = node.right;
        const double to_left = squared_gap(tree.nodes[left], at), to_right = squared_gap(tree.nodes[right], at);
        const bool left_first = to_left <= to_right;
        stack[depth++] = left_first ? Waiting{right, to_right} : Waiting{left, to_left};
        stack[depth++] = left_first ? Waiting{left, to_left} : Waiting{right, to_right};
    }
    return best;
}

// The solid angle of a triangle, seen from q (Van Oosterom and Strackee 1983); positive where its back is seen.
inline double solid_angle(const Triangle& t, const Vector3& q) {
    const Vector3 a = t.a - q, b = t.b - q, c = t.c - q;
    const double la = length(a), lb = length(b), lc = length(c);
    const double above = dot(a, cross(b, c));
    const double below = la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb;
    return 2.0 * std::atan2(above, below);
}

// The same of a node from afar, r from the point to the node's centre; Barill et al. 2018, section 3.2, with the moments worked out.
inline double solid_angle(const Moments& m, const Vector3& r) {
    const double squared = dot(r, r), by3 = 1.0 / (squared * std::sqrt(squared)), by5 = by3 / squared, by7 = by5 / squared;
    const double* f = m.first;
    const double first =
        f[0] * r.x * r.x + f[1] * r.y * r.y + f[2] * r.z * r.z + 2.0 * (f[3] * r.x * r.y + f[4] * r.x * r.z + f[5] * r.y * r.z);
    const double* c = m.cubic;
    const double cubic = r.x * r.x * (c[0] * r.x + c[3] * r.y + c[4] * r.z) + r.y * r.y * (c[1] * r.y + c[5] * r.x + c[6] * r.z) +
                         r.z * r.z * (c[2] * r.z + c[7] * r.x + c[8] * r.y) + c[9] * r.x * r.y * r.z;
    return (dot(m.dipole, r) + m.trace) * by3 - 3.0 * (first + dot(m.second, r)) * by5 + 15.0 * cubic * by7;
}

// Nodes are seen from afar where they are more than `beta` of their radii away.
inline double winding_number(const TriangleTree& tree, const Vector3& q, double beta) {
    int32_t stack[kDeepest];
    int depth = 0;
    double sum = 0.0;
    stack[depth++] = 0;
    while (depth > 0) {
        const int32_t index = stack[--depth];
        const Node& node = tree.nodes[index];
        const Moments& m = tree.moments[index];
        const Vector3 r = m.centre - q;
        if (dot(r, r) > beta * beta * m.radius * m.radius) {
            sum += solid_angle(m, r);
        } else if (node.right == 0) {
            for (int32_t i = node.first; i < node.first + node.count; ++i) sum += solid_angle(tree.triangles[i], q);
        } else {
            stack[depth++] = node.right;
            stack[depth++] = index + 1;
        }
    }
    return sum * (0.25 / 3.14159265358979323846);
}

}  // namespace neurfield::shape
