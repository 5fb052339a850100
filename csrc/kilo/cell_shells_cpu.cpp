// Looks at every network once: its values on a lattice, and between them where the surface may be near.
#include "common/parallel.h"
#include "kilo/cell_networks_arguments.h"

namespace neurfield::kilo {
namespace {

constexpr float kDoubt = 2.0f;    // times what was seen between
constexpr float kLeast = 4e-5f;   // of a cell's edge, that is always doubted
constexpr int kMostVoxels = 100;  // that a voxel knows around itself

// A voxel's middle and those of its sides. What bends as a sum of squares along the axes is farthest from its lattice at one of them:
// in the middle, where all bend one way, else on a side.
constexpr int kLooks = 7;
constexpr float kLook[kLooks][3] = {
    {0.5f, 0.5f, 0.5f}, {0.0f, 0.5f, 0.5f}, {1.0f, 0.5f, 0.5f}, {0.5f, 0.0f, 0.5f},
    {0.5f, 1.0f, 0.5f}, {0.5f, 0.5f, 0.0f}, {0.5f, 0.5f, 1.0f},
};

// One network's part.
class Look {
public:
    explicit Look(const CellShells& call) : call_(call), fine_(call.fine), edge_(2.0f / static_cast<float>(call.fine)) {}

    void at(int64_t cell, const int64_t* place) {
        static thread_local Network network;
        call_.networks.pack(cell, network, 1);
        const int64_t side = fine_ + 1, points = side * side * side, voxels = int64_t{fine_} * fine_ * fine_;
        float* values = call_.values + cell * points;
        places_.clear();
        for (int64_t i = 0; i < points; ++i) add(i / (side * side), i / side % side, i % side);
        ask(network, values);
        close_.clear(), places_.clear();
        for (int64_t i = 0; i < voxels; ++i) {
            const int64_t x = i / (fine_ * fine_), y = i / fine_ % fine_, z = i % fine_;
            const Corners corners(values + (x * side + y) * side + z, fine_);
            const auto [least, most] = std::minmax_element(corners.value, corners.value + 8);
            call_.errors[cell * voxels + i] = 0.0f;
            if (*least > edge_ || *most < -edge_) {
                tell(place, x, y, z, *least > 0.0f ? 1 : -1);
                continue;
            }
            close_.push_back(i);
            for (const auto& look : kLook) add(x + look[0], y + look[1], z + look[2]);
        }
        between_.resize(kLooks * close_.size());
        if (!close_.empty()) ask(network, between_.data());
        for (size_t j = 0; j < close_.size(); ++j) compare(cell, place, close_[j], between_.data() + kLooks * j);
        for (int64_t i = 0; i < points; ++i) values[i] *= 0.5f * call_.grid.edge;
    }

private:
    void add(float x, float y, float z) {
        for (const float at : {x, y, z}) places_.push_back(at * edge_ - 1.0f);
    }

    void ask(const Network& network, float* answers) {
        static thread_local LocalColumns columns;
        constexpr int64_t most = 512;  // whose inputs stay in the second-level cache
        const int64_t count = static_cast<int64_t>(places_.size()) / 3;
        for (int64_t i = 0; i < count; i += most) {
            const int64_t part = std::min(most, count - i);
            forward_tiles(network, columns.of(places_.data() + 3 * i, part, call_.octaves), nullptr, answers + i, nullptr, false, 0, part);
        }
    }

    // A voxel's lattice beside the network's own values in it, and on which side it is by both.
    void compare(int64_t cell, const int64_t* place, int64_t voxel, const float* seen) {
        const int64_t side = fine_ + 1, x = voxel / (fine_ * fine_), y = voxel / fine_ % fine_, z = voxel % fine_;
        const Corners corners(call_.values + cell * side * side * side + (x * side + y) * side + z, fine_);
        float worst = 0.0f;
        for (int i = 0; i < kLooks; ++i) worst = std::max(worst, std::abs(corners.at(kLook[i][0], kLook[i][1], kLook[i][2]) - seen[i]));
        const float error = kDoubt * worst + 2.0f * kLeast;
        call_.errors[cell * fine_ * fine_ * fine_ + voxel] = 0.5f * call_.grid.edge * error;
        const auto [least, most] = std::minmax_element(corners.value, corners.value + 8);
        tell(place, x, y, z, *least > error ? 1 : *most < -error ? -1 : 0);
    }

    void tell(const int64_t* place, int64_t x, int64_t y, int64_t z, int8_t side) const {
        const int64_t at[3] = {place[0] * fine_ + x, place[1] * fine_ + y, place[2] * fine_ + z};
        call_.sides[(at[0] * call_.grid.size[1] * fine_ + at[1]) * call_.grid.size[2] * fine_ + at[2]] = side;
    }

    const CellShells& call_;
    const int64_t fine_;
    const float edge_;  // of a voxel, where a cell is [-1, 1]^3
    std::vector<float> places_, between_;
    std::vector<int64_t> close_;
};

// How many voxels around each are on its side: two passes, each by the neighbours that it has seen already.
void count_around(const CellShells& call) {
    const int64_t size[3] = {call.grid.size[0] * call.fine, call.grid.size[1] * call.fine, call.grid.size[2] * call.fine};
    const int64_t count = size[0] * size[1] * size[2];
    const std::vector<int8_t> side(call.sides, call.sides + count);
    for (const bool back : {false, true})
        for (int64_t j = 0; j < count; ++j) {
            const int64_t i = back ? count - 1 - j : j;
            if (side[i] == 0) continue;
            const int64_t x = i / (size[1] * size[2]), y = i / size[2] % size[1], z = i % size[2];
            int far = back ? std::abs(call.sides[i]) : kMostVoxels;
            for (int64_t a = std::max<int64_t>(x - 1, 0); a <= std::min(x + 1, size[0] - 1); ++a)
                for (int64_t b = std::max<int64_t>(y - 1, 0); b <= std::min(y + 1, size[1] - 1); ++b)
                    for (int64_t c = std::max<int64_t>(z - 1, 0); c <= std::min(z + 1, size[2] - 1); ++c) {
                        const int64_t n = (a * size[1] + b) * size[2] + c;
                        if (side[n] != side[i])
                            far = 1;
                        else if (back ? n > i : n < i)
                            far = std::min(far, std::abs(call.sides[n]) + 1);
                    }
            call.sides[i] = static_cast<int8_t>(side[i] * far);
        }
}

void cell_shells(const CellShells& call) {
    const py::gil_scoped_release release;
    const int64_t cells = call.grid.size[0] * call.grid.size[1] * call.grid.size[2], y = call.grid.size[1] * call.fine,
                  z = call.grid.size[2] * call.fine;
    parallel_chunks(cells, 16, [&](int64_t begin, int64_t end) {
        Look look(call);
        for (int64_t cell = begin; cell < end; ++cell) {
            const int64_t place[3] = {cell / (call.grid.size[1] * call.grid.size[2]), cell / call.grid.size[2] % call.grid.size[1],
                                      cell % call.grid.size[2]};
            const int32_t number = call.grid.table[cell];
            if (number >= 0) {
                look.at(number, place);
                continue;
            }
            for (int64_t a = 0; a < call.fine; ++a)
                for (int64_t b = 0; b < call.fine; ++b) {
                    int8_t* row = call.sides + ((place[0] * call.fine + a) * y + place[1] * call.fine + b) * z + place[2] * call.fine;
                    std::fill_n(row, call.fine, static_cast<int8_t>(number == kMatter ? -1 : 1));
                }
        }
    });
    count_around(call);
}

}  // namespace

void bind_cell_shells(py::module_& module) { define(module, "cell_shells", cell_shells_of, cell_shells); }

}  // namespace neurfield::kilo
