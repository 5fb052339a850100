// What all depth maps together say of places: sums of votes for nothing there and for a surface there.
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"
#include "fusion/votes.h"

namespace neurfield {
namespace fusion {
namespace {

constexpr int64_t kPlacesAtOnce = 4096;

const float* pixels_of(const py::object& tensor, const TensorView<float, 3>& depth, const char* name) {
    if (tensor.is_none()) return nullptr;
    const TensorView<float, 3> view(tensor, name);
    for (int axis = 0; axis < 3; ++axis) view.expect(axis, depth.shape(axis), name);
    return view.data();
}

// Fills free, hits and outside [P]; outside, the farthest that a place [P, 3] lies off an outline, may be None.
void votes(const py::object& depth_, const py::object& sigma_, const py::object& trust_, const py::object& outline_,
           const py::object& cam_from_grid_, const py::object& intrinsics_, const py::object& places_, float reach, float least,
           float margin, const py::object& free_, const py::object& hits_, const py::object& outside_) {
    const TensorView<float, 3> depth(depth_, "depth"), poses(cam_from_grid_, "cam_from_grid");
    const TensorView<float, 2> intrinsics(intrinsics_, "intrinsics"), places(places_, "places");
    const TensorView<float, 1> free(free_, "free"), hits(hits_, "hits");
    const int64_t frames = depth.shape(0), pixels = depth.shape(1) * depth.shape(2), count = places.shape(0);
    poses.expect(0, frames, "cam_from_grid"), poses.expect(1, 3, "cam_from_grid"), poses.expect(2, 4, "cam_from_grid");
    intrinsics.expect(0, frames, "intrinsics"), intrinsics.expect(1, 4, "intrinsics");
    places.expect(1, 3, "places"), free.expect(0, count, "free"), hits.expect(0, count, "hits");
    const float *sigma = pixels_of(sigma_, depth, "sigma"), *trust = pixels_of(trust_, depth, "trust"),
                *outline = pixels_of(outline_, depth, "outline");
    float* outside = nullptr;
    if (!outside_.is_none()) {
        const TensorView<float, 1> view(outside_, "outside");
        view.expect(0, count, "outside");
        outside = view.data();
    }
    std::vector<View> views;
    std::vector<VotingMap> maps;
    for (int64_t i = 0; i < frames; ++i) {
        const int64_t first = i * pixels;
        views.push_back(View::from(poses.row(i), intrinsics.row(i)));
        maps.push_back({depth.data() + first, sigma ? sigma + first : nullptr, trust ? trust + first : nullptr,
                        outline ? outline + first : nullptr, depth.shape(1), depth.shape(2)});
    }
    const VoteRule rule{reach, least, margin};
    py::gil_scoped_release release;
    parallel_chunks(count, kPlacesAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p) {
            Votes sums;
            for (size_t i = 0; i < views.size(); ++i) vote(views[i], maps[i], places.row(p), rule, sums);
            free.data()[p] = sums.free, hits.data()[p] = sums.hits;
            if (outside != nullptr) outside[p] = sums.outside;
        }
    });
}

}  // namespace
}  // namespace fusion

void bind_votes(py::module_& module) { module.def("fusion_votes", &fusion::votes); }

}  // namespace neurfield
