// The vertex of one cell, from the planes through feet on a surface around it: truncated least squares, and where in the cell that
// is put. Lengths are cells, and places count from the cell's low corner. The specification is ops/reference/cell_vertices.py.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace neurfield {

using Vector3 = std::array<double, 3>;

inline double dot(const Vector3& a, const Vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

struct TangentPlane {
    Vector3 foot, normal;
};

struct CellVertex {
    Vector3 place{};
    int rank = 0;  // 1 a plane, 2 an edge, 3 a corner; 0: no vertex
    Vector3 direction{};
};

struct VertexRules {
    double ratio;  // singular values below it times the largest are 0
    double corner, edge, plane;  // how far outside of its cell a vertex of this rank is accepted
};

inline bool within(const Vector3& x, double slack) {
    for (const double v : x)
        if (!(v >= -slack && v <= 1.0 + slack)) return false;
    return true;
}

// Eigenvalues of a symmetric 3x3 matrix, falling, and its axes in rows, by Jacobi's rotations.
struct Axes3 {
    Vector3 value;
    std::array<Vector3, 3> axis;

    explicit Axes3(std::array<Vector3, 3> m) {
        std::array<Vector3, 3> rows = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
        for (int sweep = 0; sweep < 16; ++sweep) {
            const double off = m[0][1] * m[0][1] + m[0][2] * m[0][2] + m[1][2] * m[1][2];
            const double all = m[0][0] * m[0][0] + m[1][1] * m[1][1] + m[2][2] * m[2][2];
            if (off <= 1e-34 * all) break;
            for (int p = 0; p < 2; ++p)
                for (int q = p + 1; q < 3; ++q) rotate(m, rows, p, q);
        }
        std::array<int, 3> order = {0, 1, 2};
        std::sort(order.begin(), order.end(), [&](int a, int b) { return m[a][a] > m[b][b]; });
        for (int k = 0; k < 3; ++k) value[k] = m[order[k]][order[k]], axis[k] = rows[order[k]];
    }

private:
    static void rotate(std::array<Vector3, 3>& m, std::array<Vector3, 3>& rows, int p, int q) {
        if (m[p][q] == 0.0) return;
        const double theta = (m[q][q] - m[p][p]) / (2.0 * m[p][q]);
        const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::sqrt(theta * theta + 1.0));
        const double c = 1.0 / std::sqrt(t * t + 1.0), s = t * c;
        for (int k = 0; k < 3; ++k) {
            const double a = m[k][p], b = m[k][q];
            m[k][p] = c * a - s * b, m[k][q] = s * a + c * b;
        }
        for (int k = 0; k < 3; ++k) {
            const double a = m[p][k], b = m[q][k];
            m[p][k] = c * a - s * b, m[q][k] = s * a + c * b;
            const double x = rows[p][k], y = rows[q][k];
            rows[p][k] = c * x - s * y, rows[q][k] = s * x + c * y;
        }
    }
};

// The mean of the hits in the cell, else of those within a slack of it.
class Hits {
public:
    explicit Hits(double slack) : slack_(slack) {}
    void add(const Vector3& hit) {
        if (within(hit, 1e-5)) {
            add_to(inside_, hit);
        } else if (within(hit, slack_)) {
            add_to(near_, hit);
        }
    }
    bool any() const { return inside_.count + near_.count > 0; }
    Vector3 mean() const {
        const Sum& sum = inside_.count > 0 ? inside_ : near_;
        return {sum.total[0] / sum.count, sum.total[1] / sum.count, sum.total[2] / sum.count};
    }

private:
    struct Sum {
        Vector3 total{};
        int count = 0;
    };
    static void add_to(Sum& sum, const Vector3& hit) {
        for (int k = 0; k < 3; ++k) sum.total[k] += hit[k];
        ++sum.count;
    }
    double slack_;
    Sum inside_, near_;
};

constexpr double kParallel = 1e-4;

// Where a line meets the planes of the cell's six faces.
inline Hits line_hits(const Vector3& x, const Vector3& direction, double slack) {
    Hits hits(slack);
    for (int side = 0; side < 2; ++side)
        for (int axis = 0; axis < 3; ++axis) {
            if (std::abs(direction[axis]) < kParallel) continue;
            const double t = (side - x[axis]) / direction[axis];
            hits.add({x[0] + t * direction[0], x[1] + t * direction[1], x[2] + t * direction[2]});
        }
    return hits;
}

// Where a plane meets the lines of the cell's twelve edges.
inline Hits plane_hits(const Vector3& x, const Vector3& normal, double slack) {
    Hits hits(slack);
    for (int axis = 0; axis < 3; ++axis) {
        if (std::abs(normal[axis]) < kParallel) continue;
        for (int u = 0; u < 2; ++u)
            for (int v = 0; v < 2; ++v) {
                Vector3 hit{};
                hit[(axis + 1) % 3] = u, hit[(axis + 2) % 3] = v;
                const Vector3 way = {x[0] - hit[0], x[1] - hit[1], x[2] - hit[2]};
                hit[axis] = dot(way, normal) / normal[axis];
                hits.add(hit);
            }
    }
    return hits;
}

// Planes of one cell and what is made of them; `Chosen` says which planes take part.
class CellPlanes {
public:
    CellPlanes(const TangentPlane* planes, int count, const VertexRules& rules) : planes_(planes), count_(count), rules_(rules) {}

    // As dual meshing wants it: put into the middle of what the cell has of the plane or the edge; or none.
    CellVertex placed() const {
        const auto all = [](const TangentPlane&) { return true; };
        if (count_ > 2) {
            Vector3 origin = {0.5, 0.5, 0.5};
            mean([](const TangentPlane& plane) { return within(plane.foot, 0.01); }, origin);
            const CellVertex vertex = place(least_squares(all, origin));
            if (vertex.rank > 0) return vertex;
        }
        for (const double widening : {0.0, 0.02, 0.07, 0.12, 0.17, 0.22, 0.27}) {
            const auto inside = [&](const TangentPlane& plane) { return within(plane.foot, kInside + widening); };
            Vector3 origin{};
            if (mean(inside, origin) <= 2) continue;
            const CellVertex vertex = place(least_squares(inside, origin));
            return vertex.rank > 0 && within(vertex.place, -kInside) ? vertex : CellVertex{};
        }
        return {};
    }

    // As dual contouring wants it: moved into the cell.
    CellVertex clamped() const {
        if (count_ == 0) return {};
        const auto all = [](const TangentPlane&) { return true; };
        Vector3 origin{};
        mean(all, origin);
        const Solution solution = least_squares(all, origin);
        CellVertex vertex{solution.place, solution.rank, direction(solution)};
        for (double& v : vertex.place) v = std::clamp(v, 0.0, 1.0);
        return vertex.rank > 0 ? vertex : CellVertex{};
    }

private:
    static constexpr double kInside = 1e-4;

    struct Solution {
        Vector3 place;
        int rank;
        std::array<Vector3, 3> axis;
    };

    // How many are chosen, and the mean of their feet if there are any.
    template <class Chosen>
    int mean(Chosen&& chosen, Vector3& out) const {
        Vector3 total{};
        int count = 0;
        for (int i = 0; i < count_; ++i) {
            if (!chosen(planes_[i])) continue;
            for (int k = 0; k < 3; ++k) total[k] += planes_[i].foot[k];
            ++count;
        }
        if (count > 0) out = {total[0] / count, total[1] / count, total[2] / count};
        return count;
    }

    // The point nearest to `origin` of those on all planes.
    template <class Chosen>
    Solution least_squares(Chosen&& chosen, const Vector3& origin) const {
        std::array<Vector3, 3> m{};
        Vector3 right{};
        for (int i = 0; i < count_; ++i) {
            if (!chosen(planes_[i])) continue;
            const auto& [foot, n] = planes_[i];
            const double b = dot(n, {foot[0] - origin[0], foot[1] - origin[1], foot[2] - origin[2]});
            for (int r = 0; r < 3; ++r) {
                for (int c = 0; c < 3; ++c) m[r][c] += n[r] * n[c];
                right[r] += n[r] * b;
            }
        }
        const Axes3 axes(m);
        Solution solution{origin, 0, axes.axis};
        for (int k = 0; k < 3; ++k) {
            if (!(axes.value[k] > rules_.ratio * rules_.ratio * axes.value[0] && axes.value[k] > 0.0)) continue;
            ++solution.rank;
            const double along = dot(axes.axis[k], right) / axes.value[k];
            for (int c = 0; c < 3; ++c) solution.place[c] += along * axes.axis[k][c];
        }
        return solution;
    }

    static Vector3 direction(const Solution& solution) {
        return solution.rank == 1 ? solution.axis[0] : solution.rank == 2 ? solution.axis[2] : Vector3{};
    }

    CellVertex place(const Solution& solution) const {
        CellVertex vertex{solution.place, solution.rank, direction(solution)};
        if (solution.rank == 3) return within(solution.place, rules_.corner) ? vertex : CellVertex{};
        if (solution.rank == 0) return {};
        const bool plane = solution.rank == 1;
        const Hits hits =
            plane ? plane_hits(solution.place, vertex.direction, rules_.plane) : line_hits(solution.place, vertex.direction, rules_.edge);
        if (!hits.any()) return {};
        vertex.place = hits.mean();
        return vertex;
    }

    const TangentPlane* planes_;
    int count_;
    const VertexRules& rules_;
};

}  // namespace neurfield
