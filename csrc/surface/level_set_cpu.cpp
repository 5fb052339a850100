// A level set over a sparse lattice, as Python drives it: say which corners matter, fill in their values, follow the surface
// where it leaves what is known, extract.
#include <algorithm>
#include <limits>
#include <unordered_set>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"
#include "surface/marching_cubes.h"

namespace neurfield {

namespace {

constexpr int64_t kBlocksPerChunk = 64;

Cell3 row3(const TensorView<int32_t, 2>& view, int64_t i) { return {view[3 * i], view[3 * i + 1], view[3 * i + 2]}; }

class LevelSet {
public:
    LevelSet(int32_t nx, int32_t ny, int32_t nz, float level, float slope, int32_t first) : lattice_({nx, ny, nz}, level, slope, first) {}

    void put(const py::object& points_, const py::object& values_, int reach) {
        TensorView<int32_t, 2> points(points_, "points");
        TensorView<float, 1> values(values_, "values");
        points.expect(1, 3, "points"), values.expect(0, points.shape(0), "values");
        for (int64_t i = 0; i < points.shape(0); ++i) {
            const Cell3 point = row3(points, i);
            for (int a = 0; a < 3; ++a)
                if (point[a] < (a == 0 ? 8 * lattice_.first() : 0) || point[a] > lattice_.cells()[a])
                    throw py::value_error("points: outside of the lattice");
            lattice_.put(point, values[i]);
        }
        if (reach <= 0) return;
        for (int64_t i = 0; i < points.shape(0); ++i) lattice_.settle(row3(points, i), values[i], reach);
    }

    void want_unsettled(int step, bool every_other) {
        if (step != 1 && step != 2 && step != 4) throw py::value_error("step: must be 1, 2 or 4");
        lattice_.want_unsettled(step, every_other);
    }

    int64_t wanted() const { return lattice_.wanted(); }

    // Fills rows of `points` and says how many; `give` takes as many values.
    int64_t take(const py::object& points_) {
        TensorView<int32_t, 2> points(points_, "points");
        points.expect(1, 3, "points");
        int32_t* out = points.data();
        lattice_.take(points.shape(0), [&](const Cell3& point) { out = std::copy(point.begin(), point.end(), out); });
        return lattice_.pending();
    }

    void give(const py::object& values_, int reach) {
        TensorView<float, 1> values(values_, "values");
        values.expect(0, lattice_.pending(), "values");
        lattice_.give(values.data(), reach);
    }

    // Wants the ends of crossed edges; and all corners of each block of cubes in which the surface reaches a cube with a corner
    // that is not settled. Looks at what changed since the last call only.
    void want_frontier() {
        std::unordered_set<uint64_t> seen;
        std::vector<Cell3> changed;
        for (const auto& block : lattice_.map().blocks()) {
            if (!block->dirty) continue;
            block->dirty = false;
            block->classify(lattice_.level());
            for (int i = 0; i < 8; ++i) {
                const Cell3 at = {block->at[0] - (i >> 2), block->at[1] - (i >> 1 & 1), block->at[2] - (i & 1)};
                if (std::min({at[0] - lattice_.first(), at[1], at[2]}) < 0) continue;
                if (seen.insert(key_of(at)).second) changed.push_back(at);
            }
        }
        std::vector<std::vector<Cell3>> ends(changed.size());
        std::vector<uint8_t> open(changed.size());
        {
            py::gil_scoped_release release;
            parallel_chunks(static_cast<int64_t>(changed.size()), kBlocksPerChunk, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) open[i] = look_at(Window(lattice_, changed[i]), ends[i]);
            });
        }
        for (size_t i = 0; i < changed.size(); ++i) {
            const Cell3 low = {8 * changed[i][0], 8 * changed[i][1], 8 * changed[i][2]};
            if (open[i]) lattice_.want(low, {low[0] + 8, low[1] + 8, low[2] + 8});
            for (const Cell3& point : ends[i]) lattice_.want(point, point);
        }
    }

    // Counts vertices, faces, and cubes of the patterns that are called ambiguous; the order of all is that of the blocks' places,
    // whatever was asked for first.
    py::tuple measure(const py::object& table_, const py::object& ambiguous_) {
        TensorView<uint8_t, 2> table(table_, "table");
        TensorView<uint8_t, 1> ambiguous(ambiguous_, "ambiguous");
        table.expect(0, 256, "table"), ambiguous.expect(0, 256, "ambiguous");
        std::copy(ambiguous.data(), ambiguous.data() + 256, is_ambiguous_.begin());
        for (int pattern = 0; pattern < 256; ++pattern) triangles_[pattern] = TriangleTable{table.data(), table.shape(1)}.count(pattern);
        blocks_.clear();
        for (const auto& block : lattice_.map().blocks()) blocks_.push_back(block.get());
        std::sort(blocks_.begin(), blocks_.end(), [](const Block* a, const Block* b) { return a->at < b->at; });
        surfaces_.assign(blocks_.size(), {});
        py::gil_scoped_release release;
        for_each_block([&](int64_t i) {
            blocks_[i]->classify(lattice_.level());
            blocks_[i]->index = i;
        });
        for_each_block([&](int64_t i) { surfaces_[i].count(Window(lattice_, blocks_[i]->at), triangles_.data(), is_ambiguous_.data()); });
        int64_t vertices = 0, faces = 0, cubes = 0;
        for (BlockSurface& surface : surfaces_) {
            surface.first_vertex = vertices, surface.first_face = faces, surface.first_ambiguous = cubes;
            vertices += surface.n_vertices, faces += surface.n_faces, cubes += surface.n_ambiguous;
        }
        py::gil_scoped_acquire acquire;
        return py::make_tuple(vertices, faces, cubes);
    }

    void extract(const py::object& table_, const py::object& vertices_, const py::object& faces_) {
        TensorView<uint8_t, 2> table(table_, "table");
        TensorView<double, 2> vertices(vertices_, "vertices");
        TensorView<int64_t, 2> faces(faces_, "faces");
        const BlockSurface last = surfaces_.empty() ? BlockSurface{} : surfaces_.back();
        vertices.expect(0, last.first_vertex + last.n_vertices, "vertices"), vertices.expect(1, 3, "vertices");
        faces.expect(0, last.first_face + last.n_faces, "faces"), faces.expect(1, 3, "faces");
        py::gil_scoped_release release;
        for_each_block([&](int64_t i) {
            const BlockSurface& surface = surfaces_[i];
            if (surface.n_vertices == 0 && surface.n_faces == 0) return;
            const Window window(lattice_, blocks_[i]->at);
            surface.write_vertices(window, lattice_.level(), vertices.data() + 3 * surface.first_vertex);
            const auto around = surfaces_around(window);
            BlockSurface::write_faces(window, around, {table.data(), table.shape(1)}, faces.data() + 3 * surface.first_face);
        });
    }

    // After `measure`, of each cube with an ambiguous pattern: its place, pattern, first face and the vertices on its twelve edges,
    // -1 where there is none [k, 17]; and the values at its corners, NaN where they are not known [k, 8].
    void ambiguous(const py::object& cubes_, const py::object& values_) const {
        TensorView<int64_t, 2> cubes(cubes_, "cubes");
        TensorView<float, 2> values(values_, "values");
        const BlockSurface last = surfaces_.empty() ? BlockSurface{} : surfaces_.back();
        cubes.expect(0, last.first_ambiguous + last.n_ambiguous, "cubes"), cubes.expect(1, 17, "cubes");
        values.expect(0, cubes.shape(0), "values"), values.expect(1, 8, "values");
        py::gil_scoped_release release;
        for_each_block([&](int64_t i) {
            if (surfaces_[i].n_ambiguous == 0) return;
            const Window window(lattice_, blocks_[i]->at);
            const auto around = surfaces_around(window);
            int64_t* out = cubes.data() + 17 * surfaces_[i].first_ambiguous;
            float* value = values.data() + 8 * surfaces_[i].first_ambiguous;
            surfaces_[i].for_each_ambiguous(
                window, triangles_.data(), is_ambiguous_.data(), [&](int x, int y, int z, int pattern, int64_t face) {
                    for (const int64_t number : {int64_t{8} * window.at[0] + x, int64_t{8} * window.at[1] + y,
                                                 int64_t{8} * window.at[2] + z, int64_t{pattern}, face})
                        *out++ = number;
                    for (int e = 0; e < 12; ++e) *out++ = BlockSurface::vertex_of(around, CubeEdge(e, x, y, z));
                    for (int c = 0; c < 8; ++c) {
                        const int cx = x + (c >> 2), cy = y + (c >> 1 & 1), cz = z + (c & 1);
                        *value++ = window.known[cx][cy] >> cz & 1 ? window.value(cx, cy, cz) : std::numeric_limits<float>::quiet_NaN();
                    }
                });
        });
    }

    // After `measure`, of each vertex on an edge within the plane x = 8 * layer: its number, y and z of the edge's low end, and its
    // axis [k, 4]. Says how many there are; writes none of them unless `out` has room for just so many.
    int64_t on_plane(int32_t layer, const py::object& out_) const {
        TensorView<int64_t, 2> out(out_, "out");
        out.expect(1, 4, "out");
        std::vector<int64_t> found;
        for (size_t i = 0; i < blocks_.size(); ++i)
            if (blocks_[i]->at[0] == layer)
                surfaces_[i].for_each_on_plane([&](int64_t number, int y, int z, int axis) {
                    found.insert(found.end(), {number, int64_t{8} * blocks_[i]->at[1] + y, int64_t{8} * blocks_[i]->at[2] + z, axis});
                });
        if (out.shape(0) * 4 == static_cast<int64_t>(found.size())) std::copy(found.begin(), found.end(), out.data());
        return static_cast<int64_t>(found.size()) / 4;
    }

private:
    std::array<const BlockSurface*, 8> surfaces_around(const Window& window) const {
        std::array<const BlockSurface*, 8> around{};
        for (int k = 0; k < 8; ++k)
            if (window.blocks[k] != nullptr) around[k] = &surfaces_[window.blocks[k]->index];
        return around;
    }

    // Collects the unknown ends of crossed edges; says whether the surface reaches a corner that is not settled.
    static bool look_at(const Window& window, std::vector<Cell3>& ends) {
        unsigned open = 0;
        for (int x = 0; x < 8; ++x)
            for (int y = 0; y < 8; ++y) {
                open |= window.cube_row(x, y).open;
                const auto add = [&](unsigned edges, int dx, int dy, int dz) {
                    for (edges &= 0xff; edges != 0; edges &= edges - 1) {
                        const Cell3 low = {8 * window.at[0] + x, 8 * window.at[1] + y, 8 * window.at[2] + std::countr_zero(edges)};
                        ends.push_back(low);
                        ends.push_back({low[0] + dx, low[1] + dy, low[2] + dz});
                    }
                };
                add(window.edges_x(x, y).loose, 1, 0, 0);
                add(window.edges_y(x, y).loose, 0, 1, 0);
                add(window.edges_z(x, y).loose, 0, 0, 1);
            }
        return open != 0;
    }

    template <class Body>
    void for_each_block(Body&& body) const {
        parallel_chunks(static_cast<int64_t>(blocks_.size()), kBlocksPerChunk, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) body(i);
        });
    }

    BlockLattice lattice_;
    std::vector<Block*> blocks_;  // sorted by place
    std::vector<BlockSurface> surfaces_;
    std::array<int, 256> triangles_{};
    std::array<uint8_t, 256> is_ambiguous_{};
};

}  // namespace

void bind_level_set(pybind11::module_& module) {
    py::class_<LevelSet>(module, "LevelSet")
        .def(py::init<int32_t, int32_t, int32_t, float, float, int32_t>())
        .def("put", &LevelSet::put)
        .def("want_unsettled", &LevelSet::want_unsettled)
        .def("wanted", &LevelSet::wanted)
        .def("take", &LevelSet::take)
        .def("give", &LevelSet::give)
        .def("want_frontier", &LevelSet::want_frontier)
        .def("measure", &LevelSet::measure)
        .def("extract", &LevelSet::extract)
        .def("ambiguous", &LevelSet::ambiguous)
        .def("on_plane", &LevelSet::on_plane);
}

}  // namespace neurfield
