// Depth maps into a sparse truncated signed distance field: which bricks they touch, and the running means inside these.
#include <algorithm>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"
#include "fusion/depth_fusion.h"

namespace neurfield {
namespace fusion {
namespace {

struct Maps {
    TensorView<float, 3> depth;
    const float* weight = nullptr;
    const uint8_t* normal = nullptr;
    const float* sigma = nullptr;
    std::vector<View> views;

    Maps(const py::object& depth_, const py::object& weight_, const py::object& normal_, const py::object& cam_from_grid_,
         const py::object& intrinsics_, const py::object& sigma_ = py::none())
        : depth(depth_, "depth") {
        const TensorView<float, 3> poses(cam_from_grid_, "cam_from_grid");
        const TensorView<float, 2> intrinsics(intrinsics_, "intrinsics");
        const int64_t frames = depth.shape(0);
        poses.expect(0, frames, "cam_from_grid"), poses.expect(1, 3, "cam_from_grid"), poses.expect(2, 4, "cam_from_grid");
        intrinsics.expect(0, frames, "intrinsics"), intrinsics.expect(1, 4, "intrinsics");
        if (!weight_.is_none()) {
            const TensorView<float, 3> view(weight_, "weight");
            for (int axis = 0; axis < 3; ++axis) view.expect(axis, depth.shape(axis), "weight");
            weight = view.data();
        }
        if (!normal_.is_none()) {
            const TensorView<uint8_t, 4> view(normal_, "normal");
            for (int axis = 0; axis < 3; ++axis) view.expect(axis, depth.shape(axis), "normal");
            view.expect(3, 4, "normal");
            normal = view.data();
        }
        if (!sigma_.is_none()) {
            const TensorView<float, 3> view(sigma_, "sigma");
            for (int axis = 0; axis < 3; ++axis) view.expect(axis, depth.shape(axis), "sigma");
            sigma = view.data();
        }
        for (int64_t i = 0; i < frames; ++i) views.push_back(View::from(poses.row(i), intrinsics.row(i)));
    }

    DepthMap map(int64_t i) const {
        const int64_t pixels = depth.shape(1) * depth.shape(2);
        return {depth.data() + i * pixels,
                weight ? weight + i * pixels : nullptr,
                normal ? normal + 4 * i * pixels : nullptr,
                sigma ? sigma + i * pixels : nullptr,
                depth.shape(1),
                depth.shape(2)};
    }
};

// Marks in marks [X, Y, Z] the bricks within `reach` of every `stride`-th pixel's point, along its ray.
void touched_bricks(const py::object& depth_, const py::object& cam_from_grid_, const py::object& intrinsics_, float brick, float reach,
                    int64_t stride, const py::object& marks_) {
    const Maps maps(depth_, py::none(), py::none(), cam_from_grid_, intrinsics_);
    const TensorView<uint8_t, 3> marks(marks_, "marks");
    const int64_t size[3] = {marks.shape(0), marks.shape(1), marks.shape(2)};
    const int steps = static_cast<int>(std::ceil(4.0f * reach / brick)) + 1;
    py::gil_scoped_release release;
    parallel_chunks(static_cast<int64_t>(maps.views.size()), 1, [&](int64_t i, int64_t) {
        const View& view = maps.views[i];
        const DepthMap map = maps.map(i);
        for (int64_t row = stride / 2; row < map.height; row += stride)
            for (int64_t column = stride / 2; column < map.width; column += stride) {
                const float z = map.depth[row * map.width + column];
                if (!(z > 0.0f)) continue;
                for (int s = 0; s < steps; ++s) {
                    const float at = z - reach + 2.0f * reach * static_cast<float>(s) / static_cast<float>(steps - 1);
                    const float in_camera[3] = {(static_cast<float>(column) + 0.5f - view.cx) / view.fx * at,
                                                (static_cast<float>(row) + 0.5f - view.cy) / view.fy * at, at};
                    float point[3];
                    view.from_camera(in_camera, point);
                    int64_t cell[3];
                    bool inside = at > 0.0f;
                    for (int a = 0; a < 3; ++a) {
                        const float place = point[a] / brick;  // compared before it becomes an integer: it may be no number
                        inside = inside && place >= 0.0f && place < static_cast<float>(size[a]);
                        cell[a] = inside ? static_cast<int64_t>(place) : 0;
                    }
                    if (!inside) continue;
                    uint8_t& mark = marks[(cell[0] * size[1] + cell[1]) * size[2] + cell[2]];
                    __atomic_store_n(&mark, uint8_t{1}, __ATOMIC_RELAXED);  // every thread writes the same
                }
            }
    });
}

void integrate(const py::object& depth_, const py::object& weight_, const py::object& normal_, const py::object& sigma_,
               const py::object& cam_from_grid_, const py::object& intrinsics_, const py::object& bricks_, float voxel, float truncation,
               const py::object& distance_, const py::object& total_, const py::object& normals_) {
    const Maps maps(depth_, weight_, normal_, cam_from_grid_, intrinsics_, sigma_);
    const TensorView<int32_t, 2> bricks(bricks_, "bricks");
    const TensorView<float, 2> distance(distance_, "distance"), total(total_, "weight_sum");
    const int64_t count = bricks.shape(0), frames = static_cast<int64_t>(maps.views.size());
    bricks.expect(1, 3, "bricks");
    distance.expect(0, count, "distance"), distance.expect(1, kVoxels, "distance");
    total.expect(0, count, "weight_sum"), total.expect(1, kVoxels, "weight_sum");
    float* normals = nullptr;
    if (!normals_.is_none()) {
        const TensorView<float, 3> view(normals_, "normals");
        view.expect(0, count, "normals"), view.expect(1, 3, "normals"), view.expect(2, kVoxels, "normals");
        normals = view.data();
    }
    if (normals_.is_none() != normal_.is_none()) throw py::value_error("fusion: 'normal' and 'normals' come together");
    py::gil_scoped_release release;
    std::vector<float> offsets(frames * 3 * kVoxels + kLanes);
    for (int64_t i = 0; i < frames; ++i) voxel_offsets(maps.views[i], voxel, offsets.data() + i * 3 * kVoxels);
    const float radius = 0.5f * std::sqrt(3.0f) * kEdge * voxel;
    parallel_chunks(count, 64, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b)
            for (int64_t i = 0; i < frames; ++i) {
                const View& view = maps.views[i];
                const DepthMap map = maps.map(i);
                float first[3], middle[3], centre[3];
                for (int a = 0; a < 3; ++a) {
                    first[a] = (static_cast<float>(bricks[3 * b + a]) * kEdge + 0.5f) * voxel;
                    middle[a] = first[a] + 0.5f * (kEdge - 1) * voxel;
                }
                view.to_camera(middle, centre);
                // A brick wholly behind the camera or beside the picture: its ball against the picture's borders.
                if (centre[2] < -radius) continue;
                const float z = std::max(centre[2], 1e-3f);
                const float slack_u = radius * (1.0f + std::abs(centre[0]) / z) * view.fx,
                            slack_v = radius * (1.0f + std::abs(centre[1]) / z) * view.fy;
                const float u = centre[0] * view.fx + view.cx * z, v = centre[1] * view.fy + view.cy * z;
                if (centre[2] > radius && (u < -slack_u || v < -slack_v || u > static_cast<float>(map.width) * z + slack_u ||
                                           v > static_cast<float>(map.height) * z + slack_v))
                    continue;
                integrate_brick(view, offsets.data() + i * 3 * kVoxels, first, map, truncation, distance.row(b), total.row(b),
                                normals ? normals + 3 * kVoxels * b : nullptr);
            }
    });
}

}  // namespace
}  // namespace fusion

void bind_depth_fusion(py::module_& module) {
    module.def("fusion_touched_bricks", &fusion::touched_bricks);
    module.def("fusion_integrate", &fusion::integrate);
}

}  // namespace neurfield
