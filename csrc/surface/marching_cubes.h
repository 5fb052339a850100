// Marching cubes on one block of 8^3 cubes of a BlockLattice, a row of eight cubes at a time as bits.
//
// A cube belongs to the block of its lowest corner, an edge to the block of its low end; so a vertex has one owner and one
// number, and the surface is welded from the start. A cube takes part if all its corners are settled and the ends of its
// crossed edges known.
#pragma once

#include "surface/block_lattice.h"
#include "surface/triangle_table.h"

namespace neurfield {

// The 9^3 corners of a block's cubes: those of the block and of the seven blocks after it. Bit z of [x][y].
struct Window {
    Cell3 at;
    std::array<const Block*, 8> blocks;  // by 4 (x >= 8) + 2 (y >= 8) + (z >= 8); null where there is none
    uint16_t known[9][9], settled[9][9], positive[9][9];

    Window(const BlockLattice& lattice, const Cell3& at_) : at(at_) {
        for (int i = 0; i < 8; ++i) blocks[i] = lattice.find({at[0] + (i >> 2), at[1] + (i >> 1 & 1), at[2] + (i & 1)});
        for (int x = 0; x < 9; ++x)
            for (int y = 0; y < 9; ++y) {
                const int i = (x >> 3) * 4 + (y >> 3) * 2;
                const auto row = [&](auto&& bits) {
                    const auto of = [&](const Block* block) {
                        return block == nullptr ? 0u : static_cast<unsigned>(bits(*block) >> (8 * (y & 7)) & 0xff);
                    };
                    return static_cast<uint16_t>(of(blocks[i]) | (of(blocks[i + 1]) & 1) << 8);
                };
                known[x][y] = row([&](const Block& block) { return block.known[x & 7]; });
                settled[x][y] = row([&](const Block& block) { return block.settled(x & 7); });
                positive[x][y] = row([&](const Block& block) { return block.positive[x & 7]; });
            }
        for (int a = 0; a < 3; ++a) cubes_[a] = std::clamp(lattice.cells()[a] - 8 * at[a], 0, 8);
    }

    // Bits of edges whose ends differ in sign, divided by whether both ends are known.
    struct EdgeRow {
        unsigned crossed, loose;
        EdgeRow operator|(const EdgeRow& other) const { return {crossed | other.crossed, loose | other.loose}; }
    };

    // The rows of edges along x, y, z from the points of row (x, y).
    EdgeRow edges_x(int x, int y) const { return edges(x, y, x + 1, y); }
    EdgeRow edges_y(int x, int y) const { return edges(x, y, x, y + 1); }
    EdgeRow edges_z(int x, int y) const {
        const unsigned s = settled[x][y], p = positive[x][y], k = known[x][y];
        const unsigned differ = (p ^ p >> 1) & s & s >> 1 & 0xff;
        return {differ & k & k >> 1, differ & ~(k & k >> 1)};
    }

    // The row of cubes (x, y): bits of those with a crossed edge, divided by whether they take part; and of those with a corner
    // that is not settled.
    struct CubeRow { unsigned complete, loose, open; };
    CubeRow cube_row(int x, int y) const {
        if (x >= cubes_[0] || y >= cubes_[1]) return {0, 0, 0};
        const unsigned s = settled[x][y] & settled[x][y + 1] & settled[x + 1][y] & settled[x + 1][y + 1];
        const EdgeRow across = edges_x(x, y) | edges_x(x, y + 1) | edges_y(x, y) | edges_y(x + 1, y);
        const EdgeRow along = edges_z(x, y) | edges_z(x, y + 1) | edges_z(x + 1, y) | edges_z(x + 1, y + 1);
        const unsigned inside = (1u << cubes_[2]) - 1;
        const unsigned loose = (across.loose | across.loose >> 1 | along.loose) & inside;
        const unsigned any = (across.crossed | across.crossed >> 1 | along.crossed) & inside;
        return {any & ~loose & s & s >> 1, loose, (any | loose) & ~(s & s >> 1)};
    }

    int pattern(int x, int y, int z) const {
        return (positive[x][y] >> z & 3) | (positive[x][y + 1] >> z & 3) << 2 | (positive[x + 1][y] >> z & 3) << 4 |
               (positive[x + 1][y + 1] >> z & 3) << 6;
    }

    float value(int x, int y, int z) const {
        const Block* block = blocks[(x >> 3) * 4 + (y >> 3) * 2 + (z >> 3)];
        return block->values[(x & 7) * 64 + (y & 7) * 8 + (z & 7)];
    }

private:
    EdgeRow edges(int x, int y, int x2, int y2) const {
        const unsigned differ = (positive[x][y] ^ positive[x2][y2]) & settled[x][y] & settled[x2][y2];
        const unsigned both = known[x][y] & known[x2][y2];
        return {differ & both, differ & ~both};
    }

    Cell3 cubes_;  // how many of the eight cubes along each axis are in the lattice
};

// The numbers of one block's vertices and faces: bits of its crossed edges, and how many lie before each word.
struct BlockSurface {
    uint64_t crossed[24] = {};  // by axis * 8 + x; bit y * 8 + z
    uint16_t before[24] = {};
    int64_t first_vertex = 0, n_vertices = 0, first_face = 0, n_faces = 0;

    void count(const Window& window, const int* triangles_of_pattern) {
        for (int x = 0; x < 8; ++x)
            for (int y = 0; y < 8; ++y) {
                crossed[x] |= uint64_t{window.edges_x(x, y).crossed & 0xff} << (8 * y);
                crossed[8 + x] |= uint64_t{window.edges_y(x, y).crossed & 0xff} << (8 * y);
                crossed[16 + x] |= uint64_t{window.edges_z(x, y).crossed} << (8 * y);
                for (unsigned cubes = window.cube_row(x, y).complete; cubes != 0; cubes &= cubes - 1)
                    n_faces += triangles_of_pattern[window.pattern(x, y, std::countr_zero(cubes))];
            }
        for (int word = 0; word < 24; ++word) {
            before[word] = static_cast<uint16_t>(n_vertices);
            n_vertices += std::popcount(crossed[word]);
        }
    }

    int64_t vertex(int axis, int x, int y, int z) const {
        const int word = axis * 8 + x;
        return first_vertex + before[word] + std::popcount(crossed[word] & ((uint64_t{1} << (y * 8 + z)) - 1));
    }

    // Positions in lattice units [n_vertices, 3].
    void write_vertices(const Window& window, float level, double* out) const {
        for (int axis = 0; axis < 3; ++axis)
            for (int x = 0; x < 8; ++x)
                for (uint64_t bits = crossed[axis * 8 + x]; bits != 0; bits &= bits - 1, out += 3) {
                    const int place = std::countr_zero(bits), y = place / 8, z = place % 8;
                    const double a = window.value(x, y, z);
                    const double b = window.value(x + (axis == 0), y + (axis == 1), z + (axis == 2));
                    out[0] = 8 * window.at[0] + x, out[1] = 8 * window.at[1] + y, out[2] = 8 * window.at[2] + z;
                    out[axis] += (level - a) / (b - a);
                }
    }

    // Vertex numbers [n_faces, 3]; `surfaces` are those of the window's eight blocks.
    static void write_faces(const Window& window, const std::array<const BlockSurface*, 8>& surfaces, const TriangleTable& table,
                            int64_t* out) {
        for (int x = 0; x < 8; ++x)
            for (int y = 0; y < 8; ++y)
                for (unsigned cubes = window.cube_row(x, y).complete; cubes != 0; cubes &= cubes - 1) {
                    const int z = std::countr_zero(cubes);
                    const uint8_t* edges = table.edges + window.pattern(x, y, z) * table.width;
                    for (int i = 0; i < table.width && edges[i] != TriangleTable::kEnd; ++i) {
                        const int axis = edges[i] >> 2, u = edges[i] >> 1 & 1, v = edges[i] & 1;
                        const int px = x + (axis == 0 ? 0 : u), py = y + (axis == 0 ? u : axis == 1 ? 0 : v);
                        const int pz = z + (axis == 2 ? 0 : v);
                        const BlockSurface* owner = surfaces[(px >> 3) * 4 + (py >> 3) * 2 + (pz >> 3)];
                        *out++ = owner->vertex(axis, px & 7, py & 7, pz & 7);
                    }
                }
    }
};

}  // namespace neurfield
