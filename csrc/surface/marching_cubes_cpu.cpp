// Marching cubes on a dense grid as Python sees it: count, let Python allocate, write.
#include <optional>
#include <utility>

#include "common/families.h"
#include "common/tensor_view.h"
#include "surface/grid_surface.h"

namespace neurfield {
namespace {

constexpr int64_t kStart = sizeof(RowStart) / sizeof(int64_t);

class GridMesh {
public:
    // How many int64 of room a grid needs; Python gives it, because it has memory in large pages.
    static int64_t room(int64_t nx, int64_t ny, int64_t nz) { return nx * ny * GridSigns::words_for(nz) + (nx * ny + 1) * kStart; }

    GridMesh(const py::object& values, float level, const py::object& table, const py::object& room_)
        : values_(values), room_(room_), view_(values, "values"), level_(level), table_(triangles(table)) {
        for (int axis = 0; axis < 3; ++axis)
            if (view_.shape(axis) < 2) throw py::value_error("values: need at least 2 points along each axis");
        const int64_t nx = view_.shape(0), ny = view_.shape(1), nz = view_.shape(2);
        TensorView<int64_t, 1> room(room_, "room");
        room.expect(0, GridMesh::room(nx, ny, nz), "room");
        starts_ = reinterpret_cast<RowStart*>(room.data());
        py::gil_scoped_release release;
        signs_.emplace(view_.data(), std::array<int64_t, 3>{nx, ny, nz}, level,
                       reinterpret_cast<uint64_t*>(room.data() + (nx * ny + 1) * kStart));
        const GridSurface surface(*signs_, table_);
        parallel_chunks(nx * ny, ny, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) starts_[row] = surface.count(row / ny, row % ny);
        });
        for (int64_t x = 0; x < nx; ++x) number(starts_ + x * ny, ny);
        starts_[nx * ny] = {{vertices_, vertices_, vertices_}, faces_};
    }

    int64_t vertices() const { return vertices_; }
    int64_t faces() const { return faces_; }

    // `frame`: where the grid begins and how far its points are apart, [2, 3].
    void write(const py::object& frame_, const py::object& vertices_out, const py::object& faces_out) const {
        TensorView<double, 2> frame(frame_, "frame"), vertices(vertices_out, "vertices");
        TensorView<int64_t, 2> faces(faces_out, "faces");
        frame.expect(0, 2, "frame"), frame.expect(1, 3, "frame");
        vertices.expect(0, vertices_, "vertices"), vertices.expect(1, 3, "vertices");
        faces.expect(0, faces_, "faces"), faces.expect(1, 3, "faces");
        py::gil_scoped_release release;
        const GridSurface surface(*signs_, table_);
        const GridFrame place{view_.data(), level_, {frame[0], frame[1], frame[2]}, {frame[3], frame[4], frame[5]}};
        std::vector<std::array<VertexQueue, 3>> queues(max_threads());
        parallel_chunks(view_.shape(0), 1, [&](int64_t x, int64_t) {
            surface.write(x, place, starts_, queues[omp_get_thread_num()], vertices.data(), faces.data());
        });
    }

private:
    static TriangleTable triangles(const py::object& table_) {
        TensorView<uint8_t, 2> table(table_, "table");
        table.expect(0, 256, "table");
        if (table.shape(1) > 16) throw py::value_error("table: at most 16 edges a case");
        return {table.data(), table.shape(1)};
    }

    // The numbers of one plane's vertices and faces, in place of how many each row has.
    void number(RowStart* rows, int64_t count) {
        for (int axis = 0; axis < 3; ++axis)
            for (int64_t y = 0; y < count; ++y) vertices_ += std::exchange(rows[y].vertex[axis], vertices_);
        for (int64_t y = 0; y < count; ++y) faces_ += std::exchange(rows[y].face, faces_);
    }

    py::object values_, room_;  // hold what the views look at
    TensorView<float, 3> view_;
    float level_;
    WalkTable table_;
    std::optional<GridSigns> signs_;
    RowStart* starts_ = nullptr;  // by row x * ny + y, and one more with the totals
    int64_t vertices_ = 0, faces_ = 0;
};

}  // namespace

void bind_marching_cubes(pybind11::module_& module) {
    py::class_<GridMesh>(module, "GridMesh")
        .def_static("room", &GridMesh::room)
        .def(py::init<const py::object&, float, const py::object&, const py::object&>())
        .def("vertices", &GridMesh::vertices)
        .def("faces", &GridMesh::faces)
        .def("write", &GridMesh::write);
}

}  // namespace neurfield
