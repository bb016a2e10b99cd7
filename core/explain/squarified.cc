#include "core/explain/squarified.h"

#include <algorithm>
#include <cstddef>

namespace layoutfs {
namespace {

// A row of rectangles along the shorter side of the free area.
struct Row {
  std::size_t first = 0, count = 0;
  double sum = 0, largest = 0, smallest = 0;  // areas

  void add(double area) {
    if (count++ == 0) largest = area;
    smallest = area;  // areas descend
    sum += area;
  }
  // Returns the ratio of the sides of the least square rectangle, at least 1.
  double worst(double side) const {
    const double square = sum * sum, side_square = side * side;
    return std::max(side_square * largest / square, square / (side_square * smallest));
  }
};

}  // namespace

std::vector<Rectangle> squarify(std::span<const std::uint64_t> sizes, const Rectangle& whole) {
  std::vector<Rectangle> result(sizes.size());
  double sum = 0;
  for (const std::uint64_t size : sizes) sum += static_cast<double>(size);
  if (!(sum > 0) || !(whole.width > 0) || !(whole.height > 0)) return result;
  const double scale = whole.area() / sum;
  Rectangle free = whole;
  const auto place = [&](const Row& row) {
    const bool is_column = free.width >= free.height;  // along the left side
    const double side = is_column ? free.height : free.width;
    const double depth = std::min(row.sum / side, is_column ? free.width : free.height);
    double along = 0;
    for (std::size_t i = row.first; i < row.first + row.count; ++i) {
      const double length = side * (static_cast<double>(sizes[i]) * scale / row.sum);
      result[i] = is_column ? Rectangle{free.x, free.y + along, depth, length}
                            : Rectangle{free.x + along, free.y, length, depth};
      along += length;
    }
    (is_column ? free.x : free.y) += depth;
    (is_column ? free.width : free.height) -= depth;
  };
  Row row;
  for (std::size_t i = 0; i < sizes.size() && sizes[i] > 0; ++i) {
    const double side = std::min(free.width, free.height);
    Row longer = row;
    longer.add(static_cast<double>(sizes[i]) * scale);
    if (row.count > 0 && longer.worst(side) > row.worst(side)) {
      place(row);
      row = {.first = i};
      row.add(static_cast<double>(sizes[i]) * scale);
    } else {
      row = longer;
    }
  }
  if (row.count > 0) place(row);
  return result;
}

}  // namespace layoutfs
