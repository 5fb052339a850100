// Maps of slanted planes: fitted to inverse depth, brought to a finer picture; and which other pictures agree with a picture's depth.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "common/arguments.h"
#include "common/families.h"
#include "common/parallel.h"
#include "stereo/depth_lookup.h"
#include "stereo/slanted_window.h"

namespace neurfield {
namespace stereo {
namespace {

constexpr int64_t kRowsAtOnce = 8;
constexpr float kSteps = 0.05f;  // relative change of inverse depth over a pixel beyond which a neighbour is another surface
constexpr float kAlike = 10.0f;  // grey levels, when a finer picture chooses among planes

inline Vec read(const float* table, IntLanes entry) {
    Vec found;
    for (int i = 0; i < kLanes; ++i) found.v[i] = table[entry[i]];
    return found;
}

struct Fit {
    int64_t count, height, width;
    int radius;
    const float* inverse_depth;  // [count][height][width]
    float* planes;  // the same, [3]
};

Fit fit_arguments(const py::object& inverse_depth, int radius, const py::object& planes) {
    const TensorView<float, 3> map(inverse_depth, "inverse_depth");
    return {map.shape(0), map.shape(1), map.shape(2),
            radius,       map.data(),   tensor_of(planes, "planes", map.shape(0), map.shape(1), map.shape(2), 3)};
}

void fit_planes(const Fit& call) {
    py::gil_scoped_release release;
    const int64_t h = call.height, width = call.width;
    parallel_chunks(call.count * h, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int32_t row = static_cast<int32_t>(i % h);
            const float* map = call.inverse_depth + (i - row) * width;
            for (int64_t first = 0; first < width; first += kLanes) {
                const Lanes lanes(row, static_cast<int32_t>(first), 1, width);
                const Vec w = read(map, lanes.pixel(width)), zero(0.0f), one(1.0f);
                Vec n(0.0f), x(0.0f), y(0.0f), xx(0.0f), xy(0.0f), yy(0.0f), d(0.0f), xd(0.0f), yd(0.0f);
                for (int down = -call.radius; down <= call.radius; ++down) {
                    if (row + down < 0 || row + down >= h) continue;
                    for (int right = -call.radius; right <= call.radius; ++right) {
                        const IntLanes column = lanes.column + right;
                        const IntLanes within = lanes.exist & (column >= 0) & (column < static_cast<int32_t>(width));
                        const Vec other = read(map, ((row + down) * static_cast<int32_t>(width) + column) & within);
                        const Vec apart = other - w, most = w * Vec(kSteps * static_cast<float>(std::max(std::abs(right), std::abs(down))));
                        const Vec counts = choose(within & (other.v > 0.0f) & (abs(apart).v <= most.v), one, zero);
                        const Vec cx = counts * Vec(static_cast<float>(right)), cy = counts * Vec(static_cast<float>(down));
                        const Vec gap = counts * apart;
                        n += counts, x += cx, y += cy, d += gap;
                        xx = fma(cx, cx, xx), xy = fma(cx, cy, xy), yy = fma(cy, cy, yy), xd = fma(cx, gap, xd), yd = fma(cy, gap, yd);
                    }
                }
                const Vec share = one / max(n, one);
                xx -= x * x * share, xy -= x * y * share, yy -= y * y * share, xd -= x * d * share, yd -= y * d * share;
                const Vec determinant = xx * yy - xy * xy;
                const IntLanes good = (w.v > 0.0f) & (determinant.v > 0.5f);
                const Vec inverse = one / choose(good, determinant, one);
                const Vec a = choose(good, (xd * yy - yd * xy) * inverse, zero), b = choose(good, (yd * xx - xd * xy) * inverse, zero);
                float* out = call.planes + 3 * (i * width + first);
                for (int64_t lane = 0; lane < std::min<int64_t>(kLanes, width - first); ++lane)
                    out[3 * lane] = w.v[lane] > 0.0f ? w.v[lane] : 0.0f, out[3 * lane + 1] = a.v[lane], out[3 * lane + 2] = b.v[lane];
            }
        }
    });
}

struct Finer {
    int64_t count, height, width, fine_height, fine_width;
    const float* planes;  // [count][height][width][3]
    const uint8_t *grey, *fine_grey;
    float* fine;
};

Finer finer_arguments(const py::object& planes, const py::object& grey, const py::object& fine_grey, const py::object& fine) {
    const TensorView<float, 4> coarse(planes, "planes");
    const TensorView<uint8_t, 3> picture(fine_grey, "finer");
    const int64_t n = coarse.shape(0), h = coarse.shape(1), w = coarse.shape(2);
    coarse.expect(3, 3, "planes"), picture.expect(0, n, "finer");
    return {n,
            h,
            w,
            picture.shape(1),
            picture.shape(2),
            coarse.data(),
            tensor_of<uint8_t>(grey, "grey", n, h, w),
            picture.data(),
            tensor_of(fine, "fine", n, picture.shape(1), picture.shape(2), 3)};
}

void upsample(const Finer& call) {
    py::gil_scoped_release release;
    const float near = std::log(0.75f), far = std::log(0.25f);
    parallel_chunks(call.count * call.fine_height, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t picture = i / call.fine_height, y = i % call.fine_height;
            const int64_t rows[2] = {y / 2, y / 2 + (y % 2 ? 1 : -1)};  // the nearest, the next
            for (int64_t x = 0; x < call.fine_width; ++x) {
                const int64_t columns[2] = {x / 2, x / 2 + (x % 2 ? 1 : -1)};
                const float own = call.fine_grey[i * call.fine_width + x];
                float best = -INFINITY, plane[3] = {0.0f, 0.0f, 0.0f};
                for (int k = 0; k < 4; ++k) {
                    const int64_t row = std::clamp<int64_t>(rows[k / 2], 0, call.height - 1);
                    const int64_t column = std::clamp<int64_t>(columns[k % 2], 0, call.width - 1);
                    const int64_t at = (picture * call.height + row) * call.width + column;
                    const float* from = call.planes + 3 * at;
                    if (!(from[0] > 0.0f)) continue;
                    const float apart = own - static_cast<float>(call.grey[at]);
                    const float score = (k / 2 ? far : near) + (k % 2 ? far : near) - apart * apart * (0.5f / (kAlike * kAlike));
                    if (!(score > best)) continue;
                    const float right = 0.5f * (static_cast<float>(x) + 0.5f) - (static_cast<float>(column) + 0.5f);
                    const float down = 0.5f * (static_cast<float>(y) + 0.5f) - (static_cast<float>(row) + 0.5f);
                    const float moved = from[0] + from[1] * right + from[2] * down;
                    if (!(moved > 0.0f)) continue;
                    best = score, plane[0] = moved, plane[1] = 0.5f * from[1], plane[2] = 0.5f * from[2];
                }
                std::copy_n(plane, 3, call.fine + 3 * (i * call.fine_width + x));
            }
        }
    });
}

struct Agreement {
    int64_t count, height, width, most_sources;
    const float *depth, *lens, *a, *b, *back_a, *back_b, *centre;  // [n][h][w], [n][4], pairs [n][S], centres of sources [n][S][3]
    const int64_t* sources;
    float relative, pixels;
    uint8_t* agreeing;
    float* angle;
};

Agreement agreement_arguments(const py::object& depth, const py::object& lens, const py::object& sources, const py::object& a,
                              const py::object& b, const py::object& back_a, const py::object& back_b, const py::object& centre,
                              float relative, float pixels, const py::object& agreeing, const py::object& angle) {
    const TensorView<float, 3> map(depth, "depth");
    const TensorView<int64_t, 2> source(sources, "sources");
    const int64_t n = map.shape(0), h = map.shape(1), w = map.shape(2), S = source.shape(1);
    source.expect(0, n, "sources");
    for (int64_t i = 0; i < source.size(); ++i)
        if (source[i] >= n) throw py::value_error("neurfield native: 'sources' must be below " + std::to_string(n));
    return {n,
            h,
            w,
            S,
            map.data(),
            tensor_of(lens, "lens", n, 4),
            tensor_of(a, "a", n, S, 3, 3),
            tensor_of(b, "b", n, S, 3),
            tensor_of(back_a, "back_a", n, S, 3, 3),
            tensor_of(back_b, "back_b", n, S, 3),
            tensor_of(centre, "centre", n, S, 3),
            source.data(),
            relative,
            pixels,
            tensor_of<uint8_t>(agreeing, "agreeing", n, h, w),
            tensor_of(angle, "angle", n, h, w)};
}

// Degrees of the angle whose sine and cosine are in this ratio, 0 to 180; to 1e-3.
inline Vec degrees(Vec sine, Vec cosine) {
    const Vec zero(0.0f), tiny(1e-30f);
    const Vec whole = PairSums::square_root(sine * sine + cosine * cosine);
    const Vec up = sine, across = whole + cosine;  // the tangent of half of it
    const IntLanes steep = up.v > across.v;
    const Vec t = choose(steep, across / max(up, tiny), up / max(across, tiny)), t2 = t * t;
    // Abramowitz and Stegun 4.4.49, error below 2e-8.
    Vec p(0.0028662257f);
    for (const float c :
         {-0.0161657367f, 0.0429096138f, -0.0752896400f, 0.1065626393f, -0.1420889944f, 0.1999355085f, -0.3333314528f, 1.0f})
        p = fma(p, t2, Vec(c));
    const Vec half = p * t;
    return choose(whole.v > 0.0f, choose(steep, Vec(1.57079633f) - half, half) * Vec(2.0f * 57.2957795f), zero);
}

void consistent_views(const Agreement& call) {
    py::gil_scoped_release release;
    const int64_t h = call.height, width = call.width;
    parallel_chunks(call.count * h, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t picture = i / h;
            const float* lens = call.lens + 4 * picture;
            for (int64_t first = 0; first < width; first += kLanes) {
                const Lanes lanes(static_cast<int32_t>(i % h), static_cast<int32_t>(first), 1, width);
                const Vec zero(0.0f), one(1.0f);
                const Vec depth = read(call.depth + picture * h * width, lanes.pixel(width));
                const IntLanes known = lanes.exist & (depth.v > 0.0f);
                Vec count(0.0f), angles(0.0f);
                for (int64_t k = 0; k < call.most_sources && any(known); ++k) {
                    const int64_t at = picture * call.most_sources + k, s = call.sources[at];
                    if (s < 0) continue;
                    const DepthMap map{call.depth + s * h * width, static_cast<int32_t>(h), static_cast<int32_t>(width)};
                    const RoundTrip trip =
                        round_trip(Pair{call.a + 9 * at, call.b + 3 * at}, Pair{call.back_a + 9 * at, call.back_b + 3 * at}, map, lanes.u,
                                   lanes.v, one / choose(known, depth, one));
                    const IntLanes agrees = known & (trip.depth.v > 0.0f) & (trip.error.v <= call.pixels) &
                                            (abs(trip.depth - trip.expected).v <= (Vec(call.relative) * trip.expected).v);
                    if (!any(agrees)) continue;
                    const Vec point[3] = {(lanes.u - Vec(lens[2])) * Vec(1.0f / lens[0]) * depth,
                                          (lanes.v - Vec(lens[3])) * Vec(1.0f / lens[1]) * depth, depth};
                    Vec there[3];
                    for (int c = 0; c < 3; ++c) there[c] = point[c] - Vec(call.centre[3 * at + c]);
                    Vec squares(0.0f), along(0.0f);
                    for (int c = 0; c < 3; ++c) {
                        const Vec cross = point[(c + 1) % 3] * there[(c + 2) % 3] - point[(c + 2) % 3] * there[(c + 1) % 3];
                        squares = fma(cross, cross, squares), along = fma(point[c], there[c], along);
                    }
                    count += choose(agrees, one, zero);
                    angles += choose(agrees, degrees(PairSums::square_root(squares), along), zero);
                }
                const Vec mean = angles / max(count, one);
                for (int64_t lane = 0; lane < std::min<int64_t>(kLanes, width - first); ++lane) {
                    call.agreeing[i * width + first + lane] = static_cast<uint8_t>(std::min(count.v[lane], 255.0f));
                    call.angle[i * width + first + lane] = mean.v[lane];
                }
            }
        }
    });
}

}  // namespace
}  // namespace stereo

void bind_plane_maps(py::module_& module) {
    define(module, "stereo_fit_planes", stereo::fit_arguments, stereo::fit_planes);
    define(module, "stereo_upsample_planes", stereo::finer_arguments, stereo::upsample);
    define(module, "stereo_consistent_views", stereo::agreement_arguments, stereo::consistent_views);
}

}  // namespace neurfield
