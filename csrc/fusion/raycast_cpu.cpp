// Depth maps of a sparse volume of signed distances.
#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"
#include "fusion/raycast.h"

namespace neurfield {
namespace fusion {
namespace {

// Fills seen [F, h, w] with the z-depth at which the pixels' rays meet the surface, 0 where they do not, or where wanted [F, h, w] is 0.
void raycast(const py::object& row_, const py::object& distance_, float voxel, const py::object& cam_from_grid_,
             const py::object& intrinsics_, const py::object& wanted_, const py::object& seen_) {
    const TensorView<int64_t, 3> row(row_, "row");
    const TensorView<float, 2> distance(distance_, "distance"), intrinsics(intrinsics_, "intrinsics");
    const TensorView<float, 3> poses(cam_from_grid_, "cam_from_grid"), seen(seen_, "seen");
    const TensorView<uint8_t, 3> wanted(wanted_, "wanted");
    const int64_t frames = seen.shape(0), height = seen.shape(1), width = seen.shape(2);
    for (int axis = 0; axis < 3; ++axis) wanted.expect(axis, seen.shape(axis), "wanted");
    distance.expect(1, kVoxels, "distance");
    poses.expect(0, frames, "cam_from_grid"), poses.expect(1, 3, "cam_from_grid"), poses.expect(2, 4, "cam_from_grid");
    intrinsics.expect(0, frames, "intrinsics"), intrinsics.expect(1, 4, "intrinsics");
    for (int64_t i = 0; i < row.size(); ++i)
        if (row.data()[i] >= distance.shape(0)) throw py::value_error("row names a brick that distance does not have");
    py::gil_scoped_release release;
    const int64_t size[3] = {row.shape(0), row.shape(1), row.shape(2)};
    const Bricks bricks(row.data(), size, distance.data(), distance.shape(0));
    const Volume volume{bricks.near.data(), bricks.padded.data(), bricks.behind.data(), {size[0], size[1], size[2]}};
    parallel_chunks(frames * height, 16, [&](int64_t begin, int64_t end) {
        for (int64_t line = begin; line < end; ++line) {
            const View view = View::from(poses.row(line / height), intrinsics.row(line / height));
            const float zero[3] = {0.0f, 0.0f, 0.0f};
            float origin[3];
            view.from_camera(zero, origin);
            for (int64_t column = 0; column < width; ++column) {
                const int64_t pixel = line * width + column;
                seen.data()[pixel] = 0.0f;
                if (wanted.data()[pixel] == 0) continue;
                const float ahead[3] = {(static_cast<float>(column) + 0.5f - view.cx) / view.fx,
                                        (static_cast<float>(line % height) + 0.5f - view.cy) / view.fy, 1.0f};
                float from[3], along[3];
                view.from_camera(ahead, along);
                for (int a = 0; a < 3; ++a) along[a] = (along[a] - origin[a]) / voxel, from[a] = origin[a] / voxel;
                seen.data()[pixel] = first_crossing(volume, from, along);
            }
        }
    });
}

}  // namespace
}  // namespace fusion

void bind_raycast(py::module_& module) { module.def("fusion_raycast", &fusion::raycast); }

}  // namespace neurfield
