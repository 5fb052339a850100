// Marching cubes on one block of 8^3 cubes of a BlockLattice, a row of eight cubes at a time as bits.
//
// A cube belongs to the block of its lowest corner, an edge to the block of its low end; so a vertex has one owner and one
// number, and the surface is welded from the start.
#pragma once

#include "surface/block_lattice.h"
#include "surface/triangle_table.h"
#include "surface/window_rows.h"

namespace neurfield {

// A block's cubes with their corners: those of the block and of the seven blocks after it.
struct Window : WindowRows {
    Cell3 at;
    std::array<const Block*, 8> blocks;  // by 4 (x >= 8) + 2 (y >= 8) + (z >= 8); null where there is none

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
        for (int a = 0; a < 3; ++a) cubes[a] = std::clamp(lattice.cells()[a] - 8 * at[a], 0, 8);
    }

    float value(int x, int y, int z) const {
        const Block* block = blocks[(x >> 3) * 4 + (y >> 3) * 2 + (z >> 3)];
        return block->values[(x & 7) * 64 + (y & 7) * 8 + (z & 7)];
    }
};

// The numbers of one block's vertices and faces: bits of its crossed edges, and how many lie before each word.
struct BlockSurface {
    uint64_t crossed[24] = {};  // by axis * 8 + x; bit y * 8 + z
    uint16_t before[24] = {};
    int64_t first_vertex = 0, n_vertices = 0, first_face = 0, n_faces = 0;
    int64_t first_ambiguous = 0, n_ambiguous = 0;

    void count(const Window& window, const int* triangles_of_pattern, const uint8_t* ambiguous) {
        for (int x = 0; x < 8; ++x)
            for (int y = 0; y < 8; ++y) {
                crossed[x] |= uint64_t{window.edges_x(x, y).crossed & 0xff} << (8 * y);
                crossed[8 + x] |= uint64_t{window.edges_y(x, y).crossed & 0xff} << (8 * y);
                crossed[16 + x] |= uint64_t{window.edges_z(x, y).crossed} << (8 * y);
                for (unsigned cubes = window.cube_row(x, y).complete; cubes != 0; cubes &= cubes - 1) {
                    const int pattern = window.pattern(x, y, std::countr_zero(cubes));
                    n_faces += triangles_of_pattern[pattern];
                    n_ambiguous += ambiguous[pattern];
                }
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

    // Of an edge of a window's cube, by the surfaces of the window's eight blocks; -1 if it is not crossed.
    static int64_t vertex_of(const std::array<const BlockSurface*, 8>& surfaces, const CubeEdge& edge) {
        const BlockSurface* owner = surfaces[(edge.x >> 3) * 4 + (edge.y >> 3) * 2 + (edge.z >> 3)];
        const int x = edge.x & 7, y = edge.y & 7, z = edge.z & 7;
        if (owner == nullptr || (owner->crossed[edge.axis * 8 + x] >> (y * 8 + z) & 1) == 0) return -1;
        return owner->vertex(edge.axis, x, y, z);
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
                    out[axis] += crossing(level, a, b);
                }
    }

    // Calls emit(x, y, z, pattern, first face) for the cubes whose pattern is ambiguous, in the order of faces.
    template <class Emit>
    void for_each_ambiguous(const Window& window, const int* triangles_of_pattern, const uint8_t* ambiguous, Emit&& emit) const {
        int64_t face = first_face;
        for (int x = 0; x < 8; ++x)
            for (int y = 0; y < 8; ++y)
                for (unsigned cubes = window.cube_row(x, y).complete; cubes != 0; cubes &= cubes - 1) {
                    const int z = std::countr_zero(cubes), pattern = window.pattern(x, y, z);
                    if (ambiguous[pattern]) emit(x, y, z, pattern, face);
                    face += triangles_of_pattern[pattern];
                }
    }

    // Calls emit(number, y, z, axis) for the vertices on edges within the block's first plane, y and z in the block.
    template <class Emit>
    void for_each_on_plane(Emit&& emit) const {
        for (int axis = 1; axis < 3; ++axis)
            for (uint64_t bits = crossed[8 * axis]; bits != 0; bits &= bits - 1) {
                const int place = std::countr_zero(bits);
                emit(vertex(axis, 0, place / 8, place % 8), place / 8, place % 8, axis);
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
                        *out++ = vertex_of(surfaces, CubeEdge(edges[i], x, y, z));
                    }
                }
    }
};

}  // namespace neurfield
