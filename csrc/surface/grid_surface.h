// Marching cubes on a dense grid, row by row along z: what a row adds to the surface, in numbers and in vertices and faces.
//
// An edge belongs to the row of its low end, a cube to the row of its lowest corner. Vertices are numbered by plane of constant
// x, in it by axis, then by y and z. So a row of cubes walks along eight rows of edges and counts on: no vertex is ever looked
// up, and the surface is welded from the start (the idea of Schroeder, Maynard and Geveci's flying edges, 2015, on bits).
#pragma once

#include <bit>
#include <vector>

#include "surface/grid_signs.h"
#include "surface/triangle_table.h"

namespace neurfield {

// The numbers of the first vertex on a row's edges along each axis, and of the first face of its cubes.
struct RowStart {
    int64_t vertex[3], face;
};

// The triangle table with its edges in the order in which a walk has them: eight rows of edges at z, then the first four at z + 1.
struct WalkTable {
    std::array<std::array<uint8_t, 16>, 256> edges{};
    std::array<uint8_t, 256> triangles{};

    explicit WalkTable(const TriangleTable& table) {
        for (int pattern = 0; pattern < 256; ++pattern) {
            triangles[pattern] = static_cast<uint8_t>(table.count(pattern));
            for (int i = 0; i < 3 * triangles[pattern]; ++i) {
                const int edge = table.edges[pattern * table.width + i];
                edges[pattern][i] = static_cast<uint8_t>(edge >= 8 ? edge - 4 : edge / 2 + (edge & 1) * 8);
            }
        }
    }
};

// Where the values are and where the vertices go.
struct GridFrame {
    const float* values;
    double level;
    std::array<double, 3> origin, spacing;
};

// The crossed edges of a plane along one axis, until they become vertices: many at a time, so that the processor need not
// guess again and again how many there are.
class VertexQueue {
public:
    VertexQueue() : y_(kRoom), z_(kRoom) {}

    // The first edges are those of bits of a word that starts at point z; at most 64.
    void push(uint64_t bits, int32_t y, int32_t z) {
        int32_t *to_y = y_.data() + size_, *to_z = z_.data() + size_;
        size_ += std::popcount(bits);
        while (bits != 0)
            for (int i = 0; i < 4; ++i, bits &= bits - 1) *to_y++ = y, *to_z++ = z + std::countr_zero(bits);
    }

    bool full() const { return size_ > kRoom - 68; }

    // Writes the vertices on edges along `axis` of plane x and returns where the next ones go.
    double* flush(const GridFrame& frame, const GridSigns& signs, int64_t x, int axis, double* out) {
        const int64_t nz = signs.shape(2), plane = signs.shape(1) * nz, step = axis == 0 ? plane : axis == 1 ? nz : 1;
        for (int64_t i = 0; i < size_; ++i, out += 3) {
            const float* value = frame.values + x * plane + y_[i] * nz + z_[i];
            const double a = value[0], b = value[step], t = (frame.level - a) / (b - a);
            out[0] = frame.origin[0] + (static_cast<double>(x) + (axis == 0 ? t : 0.0)) * frame.spacing[0];
            out[1] = frame.origin[1] + (y_[i] + (axis == 1 ? t : 0.0)) * frame.spacing[1];
            out[2] = frame.origin[2] + (z_[i] + (axis == 2 ? t : 0.0)) * frame.spacing[2];
        }
        size_ = 0;
        return out;
    }

private:
    static constexpr int64_t kRoom = 2048;
    int64_t size_ = 0;
    std::vector<int32_t> y_, z_;
};

class GridSurface {
public:
    GridSurface(const GridSigns& signs, const WalkTable& table) : signs_(signs), table_(table) {}

    // Numbers of vertices and faces of row (x, y), in place of what lies before them.
    RowStart count(int64_t x, int64_t y) const {
        const Rows rows(signs_, x, y);
        RowStart n{};
        if (rows.same(signs_.words())) return n;
        const bool cubes_here = x + 1 < signs_.shape(0) && y + 1 < signs_.shape(1);
        for (int64_t w = 0; w < signs_.words(); ++w) {
            const Corners c = rows[w];
            if (c.same()) continue;
            const Edges e = edges(c, x, y, w);
            n.vertex[0] += std::popcount(e.x), n.vertex[1] += std::popcount(e.y), n.vertex[2] += std::popcount(e.z);
            for (uint64_t cubes = cubes_here ? c.crossed() & complete(x, y, w) : 0; cubes != 0; cubes &= cubes - 1)
                n.face += table_.triangles[c.pattern(std::countr_zero(cubes))];
        }
        return n;
    }

    // Vertices and faces of plane x, by the starts of all rows and one more that has the totals.
    void write(int64_t x, const GridFrame& frame, const RowStart* starts, std::array<VertexQueue, 3>& queues, double* vertices,
               int64_t* faces) const {
        const int64_t ny = signs_.shape(1);
        const RowStart* start = starts + x * ny;
        double* out[3];
        for (int axis = 0; axis < 3; ++axis) out[axis] = vertices + 3 * start->vertex[axis];
        int64_t *face = faces + 3 * start->face, *end = faces + 3 * start[ny].face;
        for (int64_t y = 0; y < ny; ++y) {
            const Rows rows(signs_, x, y);
            if (rows.same(signs_.words())) continue;
            for (int64_t w = 0; w < signs_.words(); ++w) {
                if (rows[w].same()) continue;
                const Edges e = edges(rows[w], x, y, w);
                const auto z = static_cast<int32_t>(w * GridSigns::kCubesPerWord);
                queues[0].push(e.x, static_cast<int32_t>(y), z);
                queues[1].push(e.y, static_cast<int32_t>(y), z);
                queues[2].push(e.z, static_cast<int32_t>(y), z);
                for (int axis = 0; axis < 3; ++axis)
                    if (queues[axis].full()) out[axis] = queues[axis].flush(frame, signs_, x, axis, out[axis]);
            }
            if (x + 1 < signs_.shape(0) && y + 1 < ny) face = write_faces(rows, x, y, start + y, face, end);
        }
        for (int axis = 0; axis < 3; ++axis) queues[axis].flush(frame, signs_, x, axis, out[axis]);
    }

private:
    // The signs of the four rows around the cubes of one word.
    struct Corners {
        uint64_t r00, r01, r10, r11;

        bool same() const { return across() == 0 && r00 + 1 <= 1; }
        uint64_t across() const { return (r00 ^ r01) | (r00 ^ r10) | (r00 ^ r11); }
        uint64_t crossed() const { return across() | across() >> 1 | (r00 ^ r00 >> 1); }
        int pattern(int z) const {
            return static_cast<int>((r00 >> z & 3) | (r01 >> z & 3) << 2 | (r10 >> z & 3) << 4 | (r11 >> z & 3) << 6);
        }
    };

    // Those of all words; behind the grid's end its last rows again, so that nothing crosses there.
    struct Rows {
        const uint64_t *r00, *r01, *r10, *r11;

        Rows(const GridSigns& signs, int64_t x, int64_t y) {
            const int64_t x1 = std::min(x + 1, signs.shape(0) - 1), y1 = std::min(y + 1, signs.shape(1) - 1);
            r00 = signs.row(x, y), r01 = signs.row(x, y1), r10 = signs.row(x1, y), r11 = signs.row(x1, y1);
        }

        Corners operator[](int64_t w) const { return {r00[w], r01[w], r10[w], r11[w]}; }

        bool same(int64_t words) const {
            uint64_t differs = 0;
            for (int64_t w = 0; w < words; ++w) differs |= (r00[w] ^ r01[w]) | (r00[w] ^ r10[w]) | (r00[w] ^ r11[w]) | (r00[w] ^ r00[0]);
            return differs == 0 && r00[0] + 1 <= 1;
        }
    };

    // A row's crossed edges along each axis that belong to a cube with finite corners.
    struct Edges {
        uint64_t x, y, z;
    };
    Edges edges(const Corners& c, int64_t x, int64_t y, int64_t w) const {
        Edges e{(c.r00 ^ c.r10) & signs_.points(w), (c.r00 ^ c.r01) & signs_.points(w), (c.r00 ^ c.r00 >> 1) & signs_.cubes(w)};
        if (!signs_.whole()) {
            const auto above = [&](int64_t i, int64_t j) {  // points at the low or the high end of a complete cube
                const uint64_t cubes = signs_.complete(i, j, w);
                return cubes | cubes << 1 | (signs_.complete(i, j, w - 1) >> (GridSigns::kCubesPerWord - 1) & 1);
            };
            const auto beside = [&](int64_t i, int64_t j) { return signs_.complete(i, j, w); };
            e.x &= above(x, y) | above(x, y - 1);
            e.y &= above(x, y) | above(x - 1, y);
            e.z &= beside(x, y) | beside(x, y - 1) | beside(x - 1, y) | beside(x - 1, y - 1);
        }
        return e;
    }

    // The eight rows of edges around the cubes of a word.
    void edges_around(const Corners& c, int64_t x, int64_t y, int64_t w, uint64_t* rows) const {
        const uint64_t along = signs_.cubes(w), at = signs_.points(w);
        const auto shifted = [&](uint64_t r) { return (r ^ r >> 1) & along; };
        rows[0] = (c.r00 ^ c.r10) & at, rows[1] = (c.r01 ^ c.r11) & at, rows[2] = (c.r00 ^ c.r01) & at, rows[3] = (c.r10 ^ c.r11) & at;
        rows[4] = shifted(c.r00), rows[5] = shifted(c.r01), rows[6] = shifted(c.r10), rows[7] = shifted(c.r11);
        if (signs_.whole()) return;
        const Edges e00 = edges(c, x, y, w), e01 = edges(Rows(signs_, x, y + 1)[w], x, y + 1, w);
        const Edges e10 = edges(Rows(signs_, x + 1, y)[w], x + 1, y, w), e11 = edges(Rows(signs_, x + 1, y + 1)[w], x + 1, y + 1, w);
        rows[0] = e00.x, rows[1] = e01.x, rows[2] = e00.y, rows[3] = e10.y;
        rows[4] = e00.z, rows[5] = e01.z, rows[6] = e10.z, rows[7] = e11.z;
    }

    uint64_t complete(int64_t x, int64_t y, int64_t w) const { return signs_.whole() ? signs_.cubes(w) : signs_.complete(x, y, w); }

    // Vertex numbers of the row's faces, up to `end` at most; returns where the next ones go.
    int64_t* write_faces(const Rows& rows, int64_t x, int64_t y, const RowStart* start, int64_t* out, const int64_t* end) const {
        const RowStart &s00 = start[0], &s01 = start[1], &s10 = start[signs_.shape(1)], &s11 = start[signs_.shape(1) + 1];
        // The next vertex on each of the rows of edges around the cubes.
        alignas(64) int64_t next[8] = {s00.vertex[0], s01.vertex[0], s00.vertex[1], s10.vertex[1],
                                       s00.vertex[2], s01.vertex[2], s10.vertex[2], s11.vertex[2]};
        for (int64_t w = 0; w < signs_.words(); ++w) {
            const Corners c = rows[w];
            if (c.same()) continue;
            alignas(64) uint64_t around[8];
            edges_around(c, x, y, w, around);
            const uint64_t all = complete(x, y, w);
            for (uint64_t cubes = c.crossed() & signs_.cubes(w); cubes != 0; cubes &= cubes - 1) {
                const int z = std::countr_zero(cubes);
                alignas(64) int64_t vertex[16];  // those at z, and after them those of the first four rows at z + 1
                for (int i = 0; i < 8; ++i) vertex[i] = next[i];
                for (int i = 0; i < 8; ++i) next[i] += static_cast<int64_t>(around[i] >> z & 1);
                for (int i = 0; i < 8; ++i) vertex[8 + i] = next[i];
                if ((all >> z & 1) == 0) continue;
                const int pattern = c.pattern(z), count = 3 * table_.triangles[pattern];
                const auto& edge = table_.edges[pattern];
                // Most cubes have two triangles, few have five: a fixed number of copies costs less than a wrong guess.
                const int copies = end - out >= kCopies && count <= kCopies ? kCopies : count;
                if (copies == kCopies)
                    for (int i = 0; i < kCopies; ++i) out[i] = vertex[edge[i]];
                else
                    for (int i = 0; i < copies; ++i) out[i] = vertex[edge[i]];
                out += count;
            }
        }
        return out;
    }

    static constexpr int kCopies = 12;
    const GridSigns& signs_;
    const WalkTable& table_;
};

}  // namespace neurfield
