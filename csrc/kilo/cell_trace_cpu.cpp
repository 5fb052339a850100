// Sphere tracing through the cells (Hart 1996): rays go on together, those in one cell ask its network together.
//
// A ray leaves an empty cell by one division. In a cell with a network it goes on by the distance over the cell's steepness, and no
// further than the cell. Where the sign is another than at its first sample, the root is between two samples: regula falsi, the Illinois
// way, which halves the weight of an end that stays.
#include "common/families.h"
#include "common/parallel.h"
#include "kilo/cell_networks_arguments.h"

namespace neurfield::kilo {
namespace {

constexpr int64_t kRays = 4096;      // that go on together: neighbours share cells
constexpr int kMostSteps = 512;      // of a ray
constexpr int kMostTurns = 12;       // of a root
constexpr float kLeastStep = 2e-3f;  // of a cell's edge: what is thinner may be passed through
constexpr float kNear = 2e-5f;       // of a cell's edge: a root is as near as that
constexpr float kBeyond = 1e-5f;     // of a cell's edge: into the next cell

struct TracedRay {
    int64_t index;
    float t, far;            // where it is, and where it ends
    float before, at_before;  // the sample before: where, and its value
    float behind, at_behind;  // the other end of a bracket
    bool begun, refining;
    bool in_matter;     // at its first sample
    bool moved_before;  // which end of the bracket moved last
    int steps, turns;
};

class Tracer {
public:
    Tracer(const CellTrace& call, const std::vector<Network>& networks)
        : call_(call), networks_(networks), least_(kLeastStep * call.grid.edge), near_(kNear * call.grid.edge) {}

    void trace(int64_t begin, int64_t end) {
        rays_.clear();
        for (int64_t i = begin; i < end; ++i) {
            call_.t[i] = std::numeric_limits<float>::infinity();
            const float near = std::max(0.0f, call_.t_min[i]), far = call_.t_max[i];
            if (near < far && std::isfinite(far)) rays_.push_back({i, near, far, near, 0.0f, 0.0f, 0.0f, false, false, false, false, 0, 0});
        }
        while (!rays_.empty()) {
            place();
            ask();
            size_t kept = 0;
            for (size_t i = 0; i < rays_.size(); ++i) {
                TracedRay& ray = rays_[i];
                if (ray.refining ? refine(ray, value_[i]) : march(ray, cell_[i], value_[i])) rays_[kept++] = ray;
            }
            rays_.resize(kept);
        }
    }

private:
    // Moves each ray to a cell with a network and says where in it it is; drops those that end before.
    void place() {
        size_t kept = 0;
        cell_.resize(rays_.size()), local_.resize(3 * rays_.size());
        for (size_t i = 0; i < rays_.size(); ++i) {
            TracedRay ray = rays_[i];
            int32_t cell = 0;
            float* local = local_.data() + 3 * kept;
            if (!reach(ray, cell, local)) continue;
            cell_[kept] = cell;
            rays_[kept++] = ray;
        }
        rays_.resize(kept);
    }

    bool reach(TracedRay& ray, int32_t& cell, float* local) {
        const float* o = call_.origins + 3 * ray.index;
        const float* d = call_.directions + 3 * ray.index;
        for (;;) {
            if (ray.t > ray.far) return false;
            const float point[3] = {o[0] + ray.t * d[0], o[1] + ray.t * d[1], o[2] + ray.t * d[2]};
            cell = call_.grid.locate(point, local);
            if (cell >= 0) return true;
            const bool in_matter = cell == kMatter;
            if (ray.refining || (ray.begun && in_matter != ray.in_matter)) {  // the wall of the empty cell is the surface
                call_.t[ray.index] = ray.t;
                return false;
            }
            ray.begun = true, ray.in_matter = in_matter;
            const float step = call_.grid.exit(point, d);
            if (!std::isfinite(step)) return false;
            ray.at_before = (in_matter ? -1.0f : 1.0f) * call_.grid.edge;
            ray.before = ray.t + step;
            ray.t += step + kBeyond * call_.grid.edge + 1e-6f * ray.t;
        }
    }

    // value_ of all rays, by the networks of their cells.
    void ask() {
        const int64_t count = static_cast<int64_t>(rays_.size());
        static thread_local LocalColumns columns;
        value_.resize(count), places_.resize(3 * count), answers_.resize(count);
        sort_by_cell(count);
        for (int64_t i = 0; i < count; ++i) std::copy_n(local_.data() + 3 * order_[i], 3, places_.data() + 3 * i);
        for (int64_t begin = 0; begin < count;) {
            const int32_t cell = cell_[order_[begin]];
            int64_t end = begin;
            while (end < count && cell_[order_[end]] == cell) ++end;
            const float* rows = columns.of(places_.data() + 3 * begin, end - begin, call_.octaves);
            forward_tiles(networks_[cell], rows, nullptr, answers_.data(), nullptr, false, 0, end - begin);
            for (int64_t i = begin; i < end; ++i) value_[order_[i]] = 0.5f * call_.grid.edge * answers_[i - begin];
            begin = end;
        }
    }

    // order_, by counting: which cells there are is few numbers, and only those that have rays are looked at again.
    void sort_by_cell(int64_t count) {
        order_.resize(count), ends_.resize(networks_.size(), 0), held_.clear();
        for (int64_t i = 0; i < count; ++i)
            if (ends_[cell_[i]]++ == 0) held_.push_back(cell_[i]);
        std::sort(held_.begin(), held_.end());
        int64_t begin = 0;
        for (const int32_t cell : held_) {
            const int64_t own = ends_[cell];
            ends_[cell] = begin, begin += own;
        }
        for (int64_t i = 0; i < count; ++i) order_[ends_[cell_[i]]++] = i;
        for (const int32_t cell : held_) ends_[cell] = 0;
    }

    // A step; false where the ray ends.
    bool march(TracedRay& ray, int32_t cell, float value) {
        if (!std::isfinite(value) || ++ray.steps > kMostSteps) return false;
        const bool in_matter = value < 0.0f;
        if (!ray.begun) ray.begun = true, ray.in_matter = in_matter;
        if (in_matter != ray.in_matter) {
            ray.refining = true;
            ray.behind = ray.t, ray.at_behind = value;
            return narrow(ray);
        }
        ray.before = ray.t, ray.at_before = value;
        const float* o = call_.origins + 3 * ray.index;
        const float* d = call_.directions + 3 * ray.index;
        const float point[3] = {o[0] + ray.t * d[0], o[1] + ray.t * d[1], o[2] + ray.t * d[2]};
        const float leave = call_.grid.exit(point, d) + kBeyond * call_.grid.edge + 1e-6f * ray.t;
        ray.t += std::min(std::max(std::abs(value) / call_.steepness[cell], least_), leave);
        return true;
    }

    bool refine(TracedRay& ray, float value) {
        if (!std::isfinite(value)) return false;
        if (std::abs(value) < near_) {
            call_.t[ray.index] = ray.t;
            return false;
        }
        const bool before = (value < 0.0f) == ray.in_matter;
        (before ? ray.before : ray.behind) = ray.t;
        (before ? ray.at_before : ray.at_behind) = value;
        if (ray.turns > 1 && before == ray.moved_before) (before ? ray.at_behind : ray.at_before) *= 0.5f;  // it stays a second time
        ray.moved_before = before;
        return narrow(ray);
    }

    // The next place between the ends of a bracket; false where they are as near as need be.
    bool narrow(TracedRay& ray) {
        const float wide = ray.behind - ray.before;
        const float share = ray.at_before / (ray.at_before - ray.at_behind);
        ray.t = ray.before + wide * std::min(std::max(share, 0.05f), 0.95f);
        if (wide > near_ && ++ray.turns <= kMostTurns) return true;
        call_.t[ray.index] = ray.t <= ray.far ? ray.t : std::numeric_limits<float>::infinity();
        return false;
    }

    const CellTrace& call_;
    const std::vector<Network>& networks_;  // packed, of the distance alone
    float least_, near_;
    std::vector<TracedRay> rays_;
    std::vector<int32_t> cell_, held_;
    std::vector<int64_t> order_, ends_;  // ends_: a number a network, zeros between calls
    std::vector<float> local_, places_, value_, answers_;
};

void cell_trace(const CellTrace& call) {
    const py::gil_scoped_release release;
    std::vector<Network> networks(call.networks.count);  // once: rays come to a cell in many small companies
    parallel_chunks(call.networks.count, 16, [&](int64_t begin, int64_t end) {
        for (int64_t cell = begin; cell < end; ++cell) call.networks.pack(cell, networks[cell], 1);
    });
    parallel_chunks(call.count, kRays, [&](int64_t begin, int64_t end) { Tracer(call, networks).trace(begin, end); });
}

}  // namespace
}  // namespace neurfield::kilo

namespace neurfield {

void bind_cell_trace(py::module_& module) { define(module, "cell_trace", kilo::cell_trace_of, kilo::cell_trace); }

}  // namespace neurfield
