// Triangles turned alike, piece by piece. The specification is ops/reference/mesh_turning.py.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "surface/cell_vertex.h"
#include "surface/pair_groups.h"

namespace neurfield {

// The sides of triangles [faces, 3], side 3 f + k from corner k of face f to the next one, grouped by the edge that they lie on.
inline PairGroups edges_of(const int64_t* faces, int64_t count, int64_t vertices) {
    return PairGroups(3 * count, vertices, [faces](int64_t i) { return std::pair(faces[i], faces[i % 3 == 2 ? i - 2 : i + 1]); });
}

struct MeshPieces {
    std::vector<int64_t> piece;  // of each face, rising with their first faces
    std::vector<uint8_t> over;   // whether a face is turned over against the first of its piece
    std::vector<uint8_t> one_sided;  // of each piece
};

// Pieces hang together by edges of two faces. Those without two sides are left as they are.
inline MeshPieces mesh_pieces(const int64_t* faces, int64_t count, int64_t vertices) {
    std::vector<int64_t> beside(3 * count, -1);  // the other side of an edge of two faces
    edges_of(faces, count, vertices).for_each([&](const PairGroups::Entry* from, const PairGroups::Entry* to) {
        if (to - from == 2) beside[from[0].pair] = from[1].pair, beside[from[1].pair] = from[0].pair;
    });
    const auto rises = [&](int64_t side) { return faces[side] < faces[side % 3 == 2 ? side - 2 : side + 1]; };
    MeshPieces pieces{std::vector<int64_t>(count, -1), std::vector<uint8_t>(count, 0), {}};
    std::vector<int64_t> waiting;
    for (int64_t first = 0; first < count; ++first) {
        if (pieces.piece[first] >= 0) continue;
        const int64_t piece = static_cast<int64_t>(pieces.one_sided.size());
        pieces.one_sided.push_back(0);
        pieces.piece[first] = piece;
        waiting.push_back(first);
        while (!waiting.empty()) {
            const int64_t face = waiting.back();
            waiting.pop_back();
            for (int64_t side = 3 * face; side < 3 * face + 3; ++side) {
                if (beside[side] < 0) continue;
                const int64_t other = beside[side] / 3;
                const uint8_t over = pieces.over[face] ^ (rises(side) == rises(beside[side]));
                if (pieces.piece[other] < 0) {
                    pieces.piece[other] = piece, pieces.over[other] = over;
                    waiting.push_back(other);
                } else if (pieces.over[other] != over) {
                    pieces.one_sided[piece] = 1;
                }
            }
        }
    }
    for (int64_t f = 0; f < count; ++f)
        if (pieces.one_sided[pieces.piece[f]]) pieces.over[f] = 0;
    return pieces;
}

// For each piece the sum over its faces, turned as they are to be, of area times normal times the way from the piece's middle.
inline std::vector<double> outwardness(const double* vertices, const int64_t* faces, const MeshPieces& pieces) {
    const size_t count = pieces.piece.size(), n = pieces.one_sided.size();
    std::vector<Vector3> middle(n, Vector3{}), centre(count), normal(count);
    std::vector<double> area(n, 0.0), sum(n, 0.0);
    for (size_t f = 0; f < count; ++f) {
        Vector3 a, b;
        const double *p = vertices + 3 * faces[3 * f], *q = vertices + 3 * faces[3 * f + 1], *r = vertices + 3 * faces[3 * f + 2];
        for (int k = 0; k < 3; ++k) a[k] = q[k] - p[k], b[k] = r[k] - p[k], centre[f][k] = (p[k] + q[k] + r[k]) / 3.0;
        const double sign = pieces.over[f] ? -1.0 : 1.0;
        normal[f] = {sign * (a[1] * b[2] - a[2] * b[1]), sign * (a[2] * b[0] - a[0] * b[2]), sign * (a[0] * b[1] - a[1] * b[0])};
        const double size = std::sqrt(dot(normal[f], normal[f]));
        area[pieces.piece[f]] += size;
        for (int k = 0; k < 3; ++k) middle[pieces.piece[f]][k] += size * centre[f][k];
    }
    for (size_t f = 0; f < count; ++f) {
        const int64_t piece = pieces.piece[f];
        Vector3 way;
        for (int k = 0; k < 3; ++k) way[k] = centre[f][k] - middle[piece][k] / std::max(area[piece], 1e-300);
        sum[piece] += dot(way, normal[f]);
    }
    return sum;
}

}  // namespace neurfield
