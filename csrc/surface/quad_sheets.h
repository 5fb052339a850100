// Which quads around crossed edges of a lattice hang together within a cell. The specification is ops/reference/quad_sheets.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace neurfield {

// Sets of numbers that are joined; a set's root is its least number.
class JoinedSets {
public:
    explicit JoinedSets(int64_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), int64_t{0}); }

    int64_t root(int64_t i) {
        while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
        return i;
    }
    void join(int64_t a, int64_t b) {
        a = root(a), b = root(b);
        parent_[std::max(a, b)] = std::min(a, b);
    }

private:
    std::vector<int64_t> parent_;
};

// Quads [quads, 4] of cells; side i lies between corners i and i + 1. `face` [quads, 4] is which face between cells a side passes through,
// `uses` how many sides each face has, `group` tells sides of a face of four apart.
struct QuadSides {
    const int64_t *quads, *face, *uses;
    int64_t count;

    static int64_t after(int64_t corner) { return corner % 4 == 3 ? corner - 3 : corner + 1; }
};

// Corners [quads, 4] joined over sides of one group, lower cell to lower cell; and all of a cell at a face with an odd number of sides.
inline JoinedSets joined_corners(const QuadSides& sides, const int64_t* group, int64_t cells, int64_t faces) {
    const int64_t corners = 4 * sides.count;
    JoinedSets joined(corners);
    std::vector<int64_t> before(4 * faces, -1);  // the side of each group that was met last
    std::vector<uint8_t> odd(cells, 0);
    for (int64_t i = 0; i < corners; ++i) {
        const int64_t face = sides.face[i], next = QuadSides::after(i);
        if (sides.uses[face] % 2 == 1) odd[sides.quads[i]] = odd[sides.quads[next]] = 1;
        int64_t& last = before[4 * face + (sides.uses[face] == 4 ? group[i] : 0)];
        if (last >= 0) {
            const int64_t last_next = QuadSides::after(last);
            const bool swapped = (sides.quads[last] < sides.quads[last_next]) != (sides.quads[i] < sides.quads[next]);
            joined.join(last, swapped ? next : i);
            joined.join(last_next, swapped ? i : next);
        }
        last = i;
    }
    std::vector<int64_t> of_cell(cells, -1);
    for (int64_t i = 0; i < corners; ++i) {
        const int64_t cell = sides.quads[i];
        if (!odd[cell]) continue;
        if (of_cell[cell] >= 0) joined.join(of_cell[cell], i);
        of_cell[cell] = i;
    }
    return joined;
}

// Turns over answers [count] of whether an edge is crossed that contradict the faces around it.
class Contradictions {
public:
    Contradictions(const int64_t* crossings, const int64_t* face, const double* reach, double most, int64_t count, int64_t faces,
                   uint8_t* crossed)
        : crossings_(crossings), face_(face), reach_(reach), most_(most), count_(count), odd_(faces, 0), first_(faces, count),
          crossed_(crossed) {
        for (int64_t e = 0; e < count; ++e) {
            crossed[e] = crossings[e] % 2 == 1;
            if (crossed[e]) flip_faces(e);
        }
    }

    // Whether anything was in doubt. Of doubtful edges at a face the first alone is turned over.
    bool round() {
        std::vector<int64_t> doubt;
        for (int64_t e = 0; e < count_; ++e) {
            int odd = 0;
            for (int k = 0; k < 4; ++k) odd += odd_[face_[4 * e + k]];
            const bool twice = crossings_[e] >= 2 && !crossed_[e] && odd == 2;
            if ((odd >= 3 && (crossed_[e] || reach_[e] <= most_)) || twice) doubt.push_back(e);
        }
        for (const int64_t e : doubt)
            for (int k = 0; k < 4; ++k) first_[face_[4 * e + k]] = std::min(first_[face_[4 * e + k]], e);
        for (const int64_t e : doubt) {
            const int64_t* face = face_ + 4 * e;
            if (first_[face[0]] != e || first_[face[1]] != e || first_[face[2]] != e || first_[face[3]] != e) continue;
            crossed_[e] = !crossed_[e];
            flip_faces(e);
        }
        for (const int64_t e : doubt)
            for (int k = 0; k < 4; ++k) first_[face_[4 * e + k]] = count_;
        return !doubt.empty();
    }

private:
    void flip_faces(int64_t e) {
        for (int k = 0; k < 4; ++k) odd_[face_[4 * e + k]] ^= 1;
    }

    const int64_t *crossings_, *face_;
    const double* reach_;
    double most_;
    int64_t count_;
    std::vector<uint8_t> odd_;    // faces of which an odd number of edges is crossed
    std::vector<int64_t> first_;  // doubtful edge of each face
    uint8_t* crossed_;
};

}  // namespace neurfield
