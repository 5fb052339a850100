// Fewer triangles by moving vertices onto neighbours. The specification is ops/reference/edge_collapse.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "common/parallel.h"
#include "surface/quadrics.h"

namespace neurfield {

struct CollapseInput {
    const double* vertices;    // [v, 3]
    int64_t count;             // v
    const double* attributes;  // [v, k], in lengths
    int kinds;                 // k
    const uint8_t* locked;     // [v]
    double border;             // how much leaving a border's plane weighs beside leaving a face's
    double length;             // what a square length of way costs
    double steepest;           // the least cosine between a face's normal before and after
};

class EdgeCollapse {
public:
    EdgeCollapse(const CollapseInput& input, int32_t* faces, int64_t count)
        : in_(input), faces_(faces), n_(count), plane_(input.count), weight_(input.count, 0.0), slope_(input.count * input.kinds) {
        best_.assign(in_.count, -1), cost_.assign(in_.count, 0.0), stale_.assign(in_.count, 1), touched_.assign(in_.count, 0);
        rings();
        for (int64_t f = 0; f < n_; ++f) add_face(f);
        for (int64_t v = 0; v < in_.count; ++v) add_borders(static_cast<int32_t>(v));
    }

    // Collapses until so many faces are left or a collapse would cost more than `most`; the faces left, first in `faces`.
    int64_t run(int64_t target, double most) {
        while (n_ > target && round(target, most)) rings();
        return n_;
    }

    double costliest() const { return costliest_; }

private:
    struct Corners {  // the ends of a face's side opposite a vertex, in the face's order
        int32_t next, last;
    };
    struct Ring {
        std::vector<Corners> sides;
        std::vector<int32_t> around;
        int32_t border_next = -1, border_last = -1;  // the ends of its border's edges, of a border vertex
        bool good = true;                            // every edge has one or two faces, at most one fan is open
        bool open() const { return border_next >= 0; }
        bool faces(const Corners& one) const {
            return std::any_of(sides.begin(), sides.end(), [&](const Corners& side) {
                return (side.next == one.next && side.last == one.last) || (side.next == one.last && side.last == one.next);
            });
        }
        bool has(int32_t v) const { return std::find(around.begin(), around.end(), v) != around.end(); }
    };

    shape::Vector3 at(int32_t v) const { return {in_.vertices[3 * v], in_.vertices[3 * v + 1], in_.vertices[3 * v + 2]}; }

    // The corners [3 n] of the faces, grouped by their vertex.
    void rings() {
        start_.assign(in_.count + 1, 0);
        corner_.resize(3 * n_);
        for (int64_t i = 0; i < 3 * n_; ++i) ++start_[faces_[i] + 1];
        for (int64_t v = 0; v < in_.count; ++v) start_[v + 1] += start_[v];
        std::vector<int32_t> filled(start_.begin(), start_.end() - 1);
        for (int64_t i = 0; i < 3 * n_; ++i) corner_[filled[faces_[i]]++] = static_cast<int32_t>(i);
    }

    Corners side(int32_t corner) const {
        const int32_t first = corner - corner % 3;
        return {faces_[first + (corner + 1 - first) % 3], faces_[first + (corner + 2 - first) % 3]};
    }

    void look(int32_t v, Ring& ring) const {
        ring.sides.clear(), ring.around.clear();
        ring.border_next = ring.border_last = -1, ring.good = true;
        for (int32_t i = start_[v]; i < start_[v + 1]; ++i) ring.sides.push_back(side(corner_[i]));
        for (size_t i = 0; i < ring.sides.size(); ++i) {
            const Corners one = ring.sides[i];
            bool after = false, before = false;
            for (size_t j = 0; j < ring.sides.size(); ++j) {
                if (j != i && (ring.sides[j].next == one.next || ring.sides[j].last == one.last)) ring.good = false;
                after |= ring.sides[j].last == one.next, before |= ring.sides[j].next == one.last;
            }
            ring.around.push_back(one.next);
            if (!after) ring.good &= ring.border_next < 0, ring.border_next = one.next;
            if (!before) ring.good &= ring.border_last < 0, ring.border_last = one.last, ring.around.push_back(one.last);
        }
    }

    void add_face(int64_t f) {
        const int32_t* c = faces_ + 3 * f;
        const shape::Vector3 p = at(c[0]), e1 = at(c[1]) - p, e2 = at(c[2]) - p, n = cross(e1, e2);
        const double area = length(n);
        if (!(area > 0.0)) return;
        PlaneQuadric plane;
        const shape::Vector3 unit = n * (1.0 / area);
        plane.add(unit, -dot(unit, p), area);
        AttributeSlope slopes[kMostAttributes];
        for (int k = 0; k < in_.kinds; ++k) {
            shape::Vector3 g;
            const double a = attribute(c[0], k), d1 = attribute(c[1], k) - a, d2 = attribute(c[2], k) - a;
            const double d = slope_of(e1, e2, d1, d2, g) ? a - dot(g, p) : a + (d1 + d2) / 3.0;
            plane.add(g, d, area), slopes[k].add(g, d, area);
        }
        for (int i = 0; i < 3; ++i) {
            plane_[c[i]].add(plane), weight_[c[i]] += area;
            for (int k = 0; k < in_.kinds; ++k) slope_[static_cast<int64_t>(c[i]) * in_.kinds + k].add(slopes[k]);
        }
    }

    // Planes that stand on the faces along the edges of a border: leaving them moves the border.
    void add_borders(int32_t v) {
        for (int32_t i = start_[v]; i < start_[v + 1]; ++i) {
            const Corners one = side(corner_[i]);
            bool single = true;
            for (int32_t j = start_[v]; j < start_[v + 1]; ++j) {
                const Corners other = side(corner_[j]);
                single &= j == i || (other.next != one.next && other.last != one.next);
            }
            if (!single) continue;
            const shape::Vector3 p = at(v), edge = at(one.next) - p, n = cross(edge, cross(edge, at(one.last) - p));
            const double size = length(n);
            if (!(size > 0.0)) continue;
            const shape::Vector3 unit = n * (1.0 / size);
            for (const int32_t end : {v, one.next}) plane_[end].add(unit, -dot(unit, p), in_.border * dot(edge, edge));
        }
    }

    double attribute(int32_t v, int k) const { return in_.attributes[static_cast<int64_t>(v) * in_.kinds + k]; }

    // The mean square of what a vertex's faces are left by where the vertex is moved onto another.
    double cost(int32_t v, int32_t onto) const {
        const shape::Vector3 p = at(onto);
        double sum = plane_[v].at(p);
        for (int k = 0; k < in_.kinds; ++k) {
            const double a = attribute(onto, k);
            sum += weight_[v] * a * a - 2.0 * a * slope_[static_cast<int64_t>(v) * in_.kinds + k].at(p);
        }
        const shape::Vector3 way = p - at(v);
        return std::max(sum, 0.0) / std::max(weight_[v], 1e-300) + in_.length * dot(way, way);
    }

    // Whether the mesh hangs together as before, and no face turns over.
    bool allowed(int32_t v, const Ring& ring, int32_t onto, Ring& other) const {
        if (ring.open() && onto != ring.border_next && onto != ring.border_last) return false;
        look(onto, other);
        if (!other.good) return false;
        int shared = 0, faces = 0;
        for (const int32_t u : ring.around) shared += other.has(u);
        for (const Corners& one : ring.sides) faces += one.next == onto || one.last == onto;
        if (shared != faces) return false;
        if (ring.sides.size() == 1) {  // an ear: what it stands on must have a face beside it
            const int32_t third = ring.sides[0].next == onto ? ring.sides[0].last : ring.sides[0].next;
            if (third == other.border_next || third == other.border_last) return false;
        }
        const shape::Vector3 p = at(v), q = at(onto);
        for (const Corners& one : ring.sides) {
            if (one.next == onto || one.last == onto) continue;
            if (other.faces(one)) return false;  // the face would be there twice
            const shape::Vector3 a = at(one.next), side = at(one.last) - a, before = cross(side, p - a), after = cross(side, q - a);
            if (!(dot(before, after) > in_.steepest * length(before) * length(after))) return false;
            if (!(length(after) > 0.0)) return false;
        }
        return true;
    }

    struct Scratch {
        Ring ring, other;
        std::vector<std::pair<double, int32_t>> onto;
    };

    // The cheapest neighbour that a vertex may be moved onto; -1: none for at most `most`.
    void choose(int32_t v, double most, Scratch& scratch) {
        best_[v] = -1;
        if (start_[v] == start_[v + 1] || in_.locked[v]) return;
        look(v, scratch.ring);
        if (!scratch.ring.good) return;
        scratch.onto.clear();
        for (const int32_t u : scratch.ring.around) {
            const double price = cost(v, u);
            if (price <= most) scratch.onto.emplace_back(price, u);
        }
        std::sort(scratch.onto.begin(), scratch.onto.end());
        for (const auto& [price, u] : scratch.onto) {
            if (!allowed(v, scratch.ring, u, scratch.other)) continue;
            best_[v] = u, cost_[v] = price;
            return;
        }
    }

    // One round: vertices whose surroundings no other of the round has changed, the cheapest third first; whether any was moved.
    bool round(int64_t target, double most) {
        parallel_chunks(in_.count, 4096, [&](int64_t begin, int64_t end) {
            Scratch scratch;
            for (int64_t v = begin; v < end; ++v)
                if (stale_[v]) choose(static_cast<int32_t>(v), most, scratch);
        });
        std::vector<std::pair<double, int32_t>> order;
        for (int64_t v = 0; v < in_.count; ++v)
            if (best_[v] >= 0) order.emplace_back(cost_[v], static_cast<int32_t>(v));
        if (order.empty()) return false;
        const int64_t share = std::max<int64_t>(static_cast<int64_t>(order.size()) / 3, n_ / 2000 + 1);
        const int64_t some = std::min<int64_t>(order.size(), std::min(share, 2 * (n_ - target)));
        std::nth_element(order.begin(), order.begin() + (some - 1), order.end());
        order.resize(some);
        std::sort(order.begin(), order.end());
        std::fill(touched_.begin(), touched_.end(), uint8_t{0});
        std::vector<int32_t> onto(in_.count);
        for (int64_t v = 0; v < in_.count; ++v) onto[v] = static_cast<int32_t>(v);
        int64_t left = n_;
        for (const auto& [price, v] : order) {
            const int32_t u = best_[v];
            if (left <= target) break;
            if (touched_[v] || touched_[u]) continue;
            for (int32_t i = start_[v]; i < start_[v + 1]; ++i) {
                const Corners one = side(corner_[i]);
                touched_[one.next] = touched_[one.last] = 1;
                left -= one.next == u || one.last == u;
            }
            touched_[v] = 1, onto[v] = u, best_[v] = -1;
            plane_[u].add(plane_[v]), weight_[u] += weight_[v];
            for (int k = 0; k < in_.kinds; ++k)
                slope_[static_cast<int64_t>(u) * in_.kinds + k].add(slope_[static_cast<int64_t>(v) * in_.kinds + k]);
            costliest_ = std::max(costliest_, price);
        }
        if (left == n_) return false;
        move(onto);
        mark_stale();
        return true;
    }

    void move(const std::vector<int32_t>& onto) {
        int64_t kept = 0;
        for (int64_t f = 0; f < n_; ++f) {
            const int32_t a = onto[faces_[3 * f]], b = onto[faces_[3 * f + 1]], c = onto[faces_[3 * f + 2]];
            if (a == b || b == c || c == a) continue;
            faces_[3 * kept] = a, faces_[3 * kept + 1] = b, faces_[3 * kept + 2] = c, ++kept;
        }
        n_ = kept;
    }

    // A choice stands until a vertex, its faces or those of a neighbour change.
    void mark_stale() {
        stale_ = touched_;
        for (int64_t f = 0; f < n_; ++f) {
            const int32_t* c = faces_ + 3 * f;
            if (touched_[c[0]] | touched_[c[1]] | touched_[c[2]]) stale_[c[0]] = stale_[c[1]] = stale_[c[2]] = 1;
        }
    }

    CollapseInput in_;
    int32_t* faces_;
    int64_t n_;
    std::vector<PlaneQuadric> plane_;
    std::vector<double> weight_;
    std::vector<AttributeSlope> slope_;  // [v, k]
    std::vector<int32_t> start_, corner_, best_;
    std::vector<double> cost_;
    std::vector<uint8_t> stale_, touched_;
    double costliest_ = 0.0;
};

}  // namespace neurfield
