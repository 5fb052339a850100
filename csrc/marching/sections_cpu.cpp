// Ray sections on the CPU: where they are, how opaque, which way their surface faces; and the backward of the latter two.
#include <algorithm>
#include <cmath>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"
#include "marching/opacity.h"
#include "marching/opacity_point.h"

namespace neurfield::sections {
namespace {

constexpr int64_t kChunk = 2048;       // sections per task

// What is known of S sections, checked.
struct Sections {
    TensorView<float, 1> sdf, t_starts, t_ends;
    TensorView<float, 2> gradient, directions;
    TensorView<int64_t, 1> rays;

    Sections(const py::object& sdf_, const py::object& gradient_, const py::object& t_starts_, const py::object& t_ends_,
             const py::object& directions_, const py::object& rays_)
        : sdf(sdf_, "sdf"), t_starts(t_starts_, "t_starts"), t_ends(t_ends_, "t_ends"), gradient(gradient_, "gradient"),
          directions(directions_, "directions"), rays(rays_, "ray_indices") {
        gradient.expect(0, count(), "gradient"), gradient.expect(1, 3, "gradient");
        t_starts.expect(0, count(), "t_starts"), t_ends.expect(0, count(), "t_ends");
        rays.expect(0, count(), "ray_indices"), directions.expect(1, 3, "directions");
        check_rays(rays, directions.shape(0));
    }

    static void check_rays(const TensorView<int64_t, 1>& rays, int64_t n_rays) {
        uint64_t highest = 0;  // a negative index is a huge one
        for (int64_t i = 0; i < rays.size(); ++i) highest = std::max(highest, static_cast<uint64_t>(rays[i]));
        if (rays.size() > 0 && highest >= static_cast<uint64_t>(n_rays))
            throw py::value_error("ray_indices: must lie within 0.." + std::to_string(n_rays - 1));
    }

    int64_t count() const { return sdf.size(); }
    const float* direction(int64_t i) const { return directions.data() + 3 * rays[i]; }
};

// The inputs of a tile of sections from `begin` on, `n` of them real.
struct TileInputs {
    alignas(64) float sdf[kTile] = {}, slope[kTile] = {}, length[kTile] = {};

    TileInputs(const Sections& s, int64_t begin, int n) {
        for (int k = 0; k < n; ++k) {
            const int64_t i = begin + k;
            const float *g = s.gradient.data() + 3 * i, *d = s.direction(i);
            sdf[k] = s.sdf[i];
            slope[k] = g[0] * d[0] + g[1] * d[1] + g[2] * d[2];
            length[k] = s.t_ends[i] - s.t_starts[i];
        }
    }
    template <class Kind>
    Tile alpha(const Kind& kind, Slopes* slopes) const {
        return kind.alpha(Tile::load(sdf), Tile::load(slope), Tile::load(length), slopes);
    }
};

// body(tile, first section, how many) for all tiles.
template <class Body>
void for_each_tile(int64_t count, Body&& body) {
    py::gil_scoped_release release;
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i += kTile) body(i, static_cast<int>(std::min<int64_t>(kTile, end - i)));
    });
}

// `width` is a tensor of one number, which may be learnt.
template <class Body>
void with_kind(bool neus, const py::object& width_, double anneal, Body&& body) {
    const TensorView<float, 1> width(width_, "width");
    width.expect(0, 1, "width");
    if (!(width[0] > 0.0f) || std::isinf(width[0]))
        throw py::value_error("opacity: width must be positive and finite, got " + std::to_string(width[0]));
    if (neus)
        body(Neus{width[0], static_cast<float>(anneal)});
    else
        body(Volsdf{width[0]});
}

void section_midpoints(const py::object& origins_, const py::object& directions_, const py::object& rays_,
                       const py::object& t_starts_, const py::object& t_ends_, const py::object& points_, const py::object& t_) {
    const TensorView<float, 2> origins(origins_, "origins"), directions(directions_, "directions"), points(points_, "points");
    const TensorView<float, 1> t_starts(t_starts_, "t_starts"), t_ends(t_ends_, "t_ends"), t(t_, "t");
    const TensorView<int64_t, 1> rays(rays_, "ray_indices");
    const int64_t count = rays.size();
    origins.expect(1, 3, "origins"), directions.expect(0, origins.shape(0), "directions"), directions.expect(1, 3, "directions");
    t_starts.expect(0, count, "t_starts"), t_ends.expect(0, count, "t_ends"), t.expect(0, count, "t"), points.expect(1, 3, "points");
    if (points.shape(0) < count) throw py::value_error("points: too few rows");
    Sections::check_rays(rays, origins.shape(0));
    for_each_tile(count, [&](int64_t begin, int n) {
        for (int64_t i = begin; i < begin + n; ++i) {
            const float *o = origins.row(rays[i]), *d = directions.row(rays[i]);
            t[i] = 0.5f * (t_starts[i] + t_ends[i]);
            for (int a = 0; a < 3; ++a) points[3 * i + a] = o[a] + t[i] * d[a];
        }
    });
}

void section_opacity(const py::object& sdf, const py::object& gradient, const py::object& t_starts, const py::object& t_ends,
                     const py::object& directions, const py::object& rays, bool neus,
                     const py::object& width, double anneal, const py::object& alpha_, const py::object& normal_) {
    const Sections s(sdf, gradient, t_starts, t_ends, directions, rays);
    const TensorView<float, 1> alpha(alpha_, "alpha");
    const TensorView<float, 2> normal(normal_, "normal");
    alpha.expect(0, s.count(), "alpha"), normal.expect(0, s.count(), "normal"), normal.expect(1, 3, "normal");
    with_kind(neus, width, anneal, [&](const auto& kind) {
        for_each_tile(s.count(), [&](int64_t begin, int n) {
            alignas(64) float found[kTile];
            TileInputs(s, begin, n).alpha(kind, nullptr).store(found);
            std::copy_n(found, n, alpha.data() + begin);
            for (int64_t i = begin; i < begin + n; ++i) {
                const float* g = s.gradient.data() + 3 * i;
                const float inverse = inverse_length(g);
                for (int a = 0; a < 3; ++a) normal[3 * i + a] = g[a] * inverse;
            }
        });
    });
}

void section_opacity_backward(const py::object& sdf, const py::object& gradient, const py::object& t_starts,
                                const py::object& t_ends, const py::object& directions, const py::object& rays, bool neus,
                                const py::object& width, double anneal, const py::object& d_alpha_, const py::object& d_normal_,
                                const py::object& d_sdf_, const py::object& d_gradient_, const py::object& d_width_) {
    const Sections s(sdf, gradient, t_starts, t_ends, directions, rays);
    const TensorView<float, 1> d_alpha(d_alpha_, "d_alpha"), d_sdf(d_sdf_, "d_sdf");
    const TensorView<float, 2> d_normal(d_normal_, "d_normal"), d_gradient(d_gradient_, "d_gradient");
    d_alpha.expect(0, s.count(), "d_alpha"), d_sdf.expect(0, s.count(), "d_sdf");
    for (const auto* view : {&d_normal, &d_gradient}) view->expect(0, s.count(), "d_normal"), view->expect(1, 3, "d_normal");
    const TensorView<float, 1> d_width(d_width_, "d_width");
    d_width.expect(0, 1, "d_width");
    std::vector<double> parts((s.count() + kTile - 1) / kTile);  // of each tile: summed in one order whatever the threads
    with_kind(neus, width, anneal, [&](const auto& kind) {
        for_each_tile(s.count(), [&](int64_t begin, int n) {
            Slopes slopes;
            TileInputs(s, begin, n).alpha(kind, &slopes);
            alignas(64) float by_sdf[kTile], by_slope[kTile], by_width[kTile];
            slopes.sdf.store(by_sdf), slopes.slope.store(by_slope), slopes.width.store(by_width);
            double total = 0.0;
            for (int k = 0; k < n; ++k) {
                const int64_t i = begin + k;
                d_sdf[i] = d_alpha[i] * by_sdf[k];
                total += d_alpha[i] * by_width[k];
                float* to = d_gradient.data() + 3 * i;
                for (int a = 0; a < 3; ++a) to[a] = d_alpha[i] * by_slope[k] * s.direction(i)[a];
                add_unit_backward(s.gradient.data() + 3 * i, d_normal.data() + 3 * i, to);
            }
            parts[begin / kTile] = total;
        });
    });
    double sum = 0.0;
    for (double part : parts) sum += part;
    d_width[0] = static_cast<float>(sum);
}

}  // namespace
}  // namespace neurfield::sections

namespace neurfield {

void bind_sections(py::module_& module) {
    module.def("section_midpoints", &sections::section_midpoints);
    module.def("section_opacity", &sections::section_opacity);
    module.def("section_opacity_backward", &sections::section_opacity_backward);
}

}  // namespace neurfield
