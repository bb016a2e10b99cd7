// A picture of the sizes in an image: a treemap as one SVG file without scripts, fonts or other files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/explain/usage.h"
#include "core/image/image_tree.h"

namespace layoutfs {

struct TreemapLabels {
  std::string title;                // "debian:bookworm"
  std::vector<std::string> layers;  // of each layer, for example the command that made it
  // Returns for example "1.5 MB".
  std::string (*size_text)(std::uint64_t bytes);
};

// Draws the files of `sizes`, and beside them the bytes that `usage` has as wasted. Each area is in
// proportion to its bytes, apart from headings of directories; the colour of a file is that of its layer, and
// its title, which a browser shows when the mouse is over it, has path, size and layer. Files that would be
// too small to see are joined, in a paler colour of the layer with most of their bytes, so the picture has at
// most some 20,000 areas. Names are escaped: control characters and invalid UTF-8 become \xNN. Has colours
// for light and dark browsers. Cost: linear in the number of rows, apart from sorting the files of each
// directory that is drawn.
std::string draw_treemap(const ImageTree& tree, const DirectorySizes& sizes, const ImageUsage& usage,
                         const TreemapLabels& labels);

// Returns `text` as it is written into SVG: printable, and with &, <, > and quotes as references.
std::string svg_text(std::string_view text);

}  // namespace layoutfs
