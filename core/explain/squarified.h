// Squarified treemaps: areas in proportion to sizes, as close to squares as possible (Bruls, Huizing and van
// Wijk, "Squarified Treemaps", 2000).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace layoutfs {

struct Rectangle {
  double x = 0, y = 0, width = 0, height = 0;
  double area() const noexcept { return width * height; }
};

// Divides `whole` into a rectangle for each size, in their order; the areas are in proportion to the sizes.
// `sizes` are in descending order. Returns empty rectangles for sizes of 0, and if `whole` is empty. Cost:
// linear.
std::vector<Rectangle> squarify(std::span<const std::uint64_t> sizes, const Rectangle& whole);

}  // namespace layoutfs
