// A directory is drawn as a frame with a heading, its children inside, largest first. Each level of
// directories makes the inner area smaller by the frame, and an area below kLeastArea is not divided, so the
// depth of the recursion and the number of areas are bounded by the size of the picture.
#include "core/explain/treemap.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "core/base/utf8.h"
#include "core/explain/squarified.h"

namespace layoutfs {
namespace {

// In pixels of the SVG.
constexpr double kWidth = 1200, kHeight = 760, kTop = 40, kMargin = 8;
constexpr double kHeading = 15, kFrame = 1.5, kLegendRow = 18;
constexpr double kLeastArea = 48;       // a smaller one is joined with others
constexpr double kLeastDivided = 500;   // a smaller directory is not divided
constexpr double kLetter = 6.2;         // the mean width of a letter of 11 pixels
constexpr std::size_t kMaxTitle = 600;  // bytes of a path in a title

constexpr std::string_view kStyle =
    "text{font:11px system-ui,sans-serif;fill:#1b1b1b;pointer-events:none}"
    ".back{fill:#fff}.dir{fill:#e9e9ec;stroke:#9a9aa2;stroke-width:.5}"
    ".file{stroke:#fff;stroke-width:.5}.rest{fill:#c9c9cf;fill-opacity:.55;stroke:#fff;stroke-width:.5}"
    ".wasted{stroke:#b3261e;stroke-width:1}.title{font-size:15px;font-weight:600}";
constexpr std::string_view kDarkStyle =
    "text{fill:#f1f1f3}.back{fill:#17171a}.dir{fill:#2a2a2f;stroke:#5d5d66}.file,.rest{stroke:#17171a}"
    ".rest{fill:#4a4a52}.wasted{stroke:#ff8a80}";

// Returns for example "12.5".
std::string number(double value) {
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%.1f", value);
  std::string shown(text, static_cast<std::size_t>(size));
  if (shown.ends_with(".0")) shown.resize(shown.size() - 2);
  return shown;
}

// Neighbouring layers get distant hues: steps of the golden angle. Returns for example "#a1b2c3", which older
// renderers understand, too.
std::string colour(std::size_t layer, double saturation, double lightness) {
  const double hue = std::fmod(210 + 137.508 * static_cast<double>(layer), 360);
  // CSS Color 4, 7.1: HSL to sRGB.
  const auto channel = [&](double shift) {
    const double at = std::fmod(shift + hue / 30, 12);
    const double amount = saturation * std::min(lightness, 1 - lightness);
    const double value = lightness - amount * std::max(-1.0, std::min({at - 3, 9 - at, 1.0}));
    return static_cast<unsigned>(std::lround(value * 255));
  };
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", channel(0) & 255, channel(8) & 255, channel(4) & 255);
  return text;
}

// Returns the first `columns` characters, with dots if it is longer.
std::string shortened(std::string_view text, std::size_t columns) {
  std::size_t at = 0, column = 0;
  for (; column < columns && at < text.size(); ++column)
    at += std::max<std::size_t>(utf8_length(text.substr(at)), 1);
  if (at >= text.size()) return std::string(text);
  at = 0;
  for (column = 0; column + 1 < columns; ++column)
    at += std::max<std::size_t>(utf8_length(text.substr(at)), 1);
  return std::string(text.substr(0, at)) + "\u2026";
}

// A vote of bytes for their layers (Boyer and Moore): the layer with more than half of the bytes, if there is
// one, otherwise any of them. Takes less memory than the bytes of each layer.
struct Vote {
  std::uint32_t layer = 0;
  std::uint64_t bytes = 0;  // of the layer, less those of others

  void add(const Vote& other) {
    if (other.layer == layer)
      bytes += other.bytes;
    else if (other.bytes > bytes)
      *this = {other.layer, other.bytes - bytes};
    else
      bytes -= other.bytes;
  }
};

std::string rest_kind(const Vote& vote) {
  return vote.bytes == 0 ? "rest" : "rest l" + std::to_string(vote.layer);
}

class Drawing {
 public:
  Drawing(const ImageTree& tree, const DirectorySizes& sizes, const ImageUsage& usage,
          const TreemapLabels& labels)
      : tree_(tree), sizes_(sizes), usage_(usage), labels_(labels), votes_(sizes.rows().size()) {
    const auto& rows = sizes.rows();
    for (std::size_t position = rows.size(); position-- > 0;) {
      if (!rows[position].is_directory)
        votes_[position] = {tree.inode(rows[position].inode).layer, rows[position].bytes};
      if (position > 0) votes_[rows[position].parent].add(votes_[position]);
    }
  }

  std::string draw() {
    const double legend = kLegendRow * static_cast<double>(shown_layers().size());
    begin(kTop + kHeight + kMargin * 2 + legend);
    const std::uint64_t wasted = usage_.all.wasted();
    const std::uint64_t both[] = {std::max(sizes_.rows()[0].bytes, wasted),
                                  std::min(sizes_.rows()[0].bytes, wasted)};
    const auto areas = squarify(both, {kMargin, kTop, kWidth - 2 * kMargin, kHeight});
    const bool is_wasted_first = wasted > sizes_.rows()[0].bytes;
    draw_row(0, areas[is_wasted_first ? 1 : 0], "/");
    draw_wasted(areas[is_wasted_first ? 0 : 1]);
    draw_legend(kTop + kHeight + kMargin);
    return std::move(svg_) + "</svg>\n";
  }

 private:
  // The layers with any content, in order.
  std::vector<std::size_t> shown_layers() const {
    std::vector<std::size_t> layers;
    for (std::size_t i = 0; i < usage_.layers.size(); ++i)
      if (usage_.layers[i].bytes > 0) layers.push_back(i);
    return layers;
  }

  void begin(double height) {
    const std::string size = number(kWidth) + " " + number(height);
    svg_ += "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + "\" role=\"img\">\n<title>" +
            svg_text(labels_.title) + "</title>\n<style>";
    svg_ += kStyle;
    std::string dark(kDarkStyle);
    for (const std::size_t layer : shown_layers()) {
      const std::string rule = ".l" + std::to_string(layer) + "{fill:";
      svg_ += rule + colour(layer, 0.6, 0.72) + "}";
      dark += rule + colour(layer, 0.4, 0.32) + "}";
    }
    svg_ += "@media(prefers-color-scheme:dark){" + dark +
            "}</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n";
    label(kMargin, 25,
          labels_.title + ": " + text(usage_.all.visible) + " in the root filesystem, " +
              text(usage_.all.wasted()) + " in layers only",
          kWidth, "title");
  }

  std::string text(std::uint64_t bytes) const { return labels_.size_text(bytes); }

  // Draws nothing if there is no room for a few letters.
  void label(double x, double y, const std::string& whole, double width, const char* kind = nullptr) {
    const auto columns = static_cast<std::size_t>(std::max(0.0, width / kLetter));
    if (columns < 4) return;
    svg_ += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"";
    if (kind != nullptr) svg_ += std::string(" class=\"") + kind + "\"";
    svg_ += ">" + svg_text(shortened(printable(whole), columns)) + "</text>\n";
  }

  void box(const Rectangle& at, const std::string& kind, const std::string& title) {
    svg_ += "<rect class=\"" + kind + "\" x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" width=\"" +
            number(at.width) + "\" height=\"" + number(at.height) + "\"><title>" + svg_text(title) +
            "</title></rect>\n";
  }

  // A file or a joined rest: a box with its name if there is room.
  void leaf(const Rectangle& at, const std::string& kind, const std::string& name, const std::string& title) {
    box(at, kind, title);
    if (at.height >= kHeading) label(at.x + 3, at.y + 11.5, name, at.width - 6);
  }

  std::string title_of(std::string_view path, std::uint64_t bytes) const {
    std::string title(path.substr(0, kMaxTitle));
    if (path.size() > kMaxTitle) title += "...";
    return title + "\n" + text(bytes);
  }

  std::string layer_text(std::size_t layer) const {
    std::string line = "layer " + std::to_string(layer);
    if (layer < labels_.layers.size() && !labels_.layers[layer].empty()) line += ": " + labels_.layers[layer];
    return line;
  }

  // Draws the heading of a directory, and returns the area for its children.
  Rectangle open_box(const Rectangle& at, const std::string& kind, const std::string& name,
                     const std::string& title) {
    box(at, kind, title);
    const bool has_heading = at.height >= 3 * kHeading && at.width >= 40;
    if (has_heading) label(at.x + 3, at.y + 11.5, name, at.width - 6);
    const double top = has_heading ? kHeading : kFrame;
    return {at.x + kFrame, at.y + top, at.width - 2 * kFrame, at.height - top - kFrame};
  }

  void draw_row(std::size_t position, const Rectangle& at, const std::string& path) {
    const DirectorySizes::Row& row = sizes_.rows()[position];
    if (row.bytes == 0 || at.area() <= 0) return;
    const std::string name = position == 0 ? path : std::string(row.name);
    if (!row.is_directory) {
      const std::uint32_t layer = tree_.inode(row.inode).layer;
      return leaf(at, "file l" + std::to_string(layer), name,
                  title_of(path, row.bytes) + ", layer " + std::to_string(layer));
    }
    const std::string title = title_of(path, row.bytes) + ", " + std::to_string(row.files) + " files";
    if (at.area() < kLeastDivided) return leaf(at, rest_kind(votes_[position]), name + "/", title);
    const Rectangle inner = open_box(at, "dir", name + (position == 0 ? "" : "/"), title);
    std::vector<std::uint32_t> children;
    for (std::uint32_t i = 0; i < row.child_count; ++i)
      if (sizes_.rows()[row.first_child + i].bytes > 0) children.push_back(row.first_child + i);
    std::ranges::sort(children, [&](std::uint32_t a, std::uint32_t b) {
      const std::uint64_t of_a = sizes_.rows()[a].bytes, of_b = sizes_.rows()[b].bytes;
      return of_a != of_b ? of_a > of_b : a < b;
    });
    std::vector<std::uint64_t> bytes;
    for (const std::uint32_t child : children) bytes.push_back(sizes_.rows()[child].bytes);
    const auto kind_of_rest = [&](std::size_t first) {
      Vote vote;
      for (; first < children.size(); ++first) vote.add(votes_[children[first]]);
      return rest_kind(vote);
    };
    draw_parts(bytes, inner, row.bytes, kind_of_rest, [&](std::size_t i, const Rectangle& part) {
      draw_row(children[i], part,
               (position == 0 ? "/" : path + "/") + std::string(sizes_.rows()[children[i]].name));
    });
  }

  // Calls `draw` for each part that is large enough, in descending order of sizes, and joins the others, from
  // the position on that `kind_of_rest` gets.
  template <class Kind, class Draw>
  void draw_parts(std::vector<std::uint64_t> bytes, const Rectangle& inside, std::uint64_t sum,
                  const Kind& kind_of_rest, const Draw& draw) {
    if (inside.width <= 0 || inside.height <= 0) return;
    const double scale = inside.area() / static_cast<double>(sum);
    const auto large = static_cast<std::size_t>(
        std::ranges::find_if(
            bytes, [&](std::uint64_t size) { return static_cast<double>(size) * scale < kLeastArea; }) -
        bytes.begin());
    std::uint64_t rest = sum;
    for (std::size_t i = 0; i < large; ++i) rest -= std::min(rest, bytes[i]);
    const std::size_t joined = bytes.size() - large;
    bytes.resize(large);
    // In its place among the others, as sizes must descend.
    const auto at = static_cast<std::size_t>(std::ranges::lower_bound(bytes, rest, std::ranges::greater()) -
                                             bytes.begin());
    if (joined > 0) bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), rest);
    const auto areas = squarify(bytes, inside);
    for (std::size_t i = 0; i < areas.size(); ++i) {
      if (joined > 0 && i == at)
        leaf(areas[i], kind_of_rest(large), std::to_string(joined) + " more",
             std::to_string(joined) + " smaller ones\n" + text(rest));
      else
        draw(joined > 0 && i > at ? i - 1 : i, areas[i]);
    }
  }

  void draw_wasted(const Rectangle& at) {
    if (usage_.all.wasted() == 0 || at.area() <= 0) return;
    const std::string title = "in layers, but not in the root filesystem\n" + text(usage_.all.wasted());
    if (at.area() < kLeastDivided) return leaf(at, "rest wasted", "wasted", title);
    const Rectangle inner = open_box(at, "dir wasted", "wasted", title);
    std::vector<std::uint64_t> bytes;
    for (const WastedFile& file : usage_.wasted) bytes.push_back(file.bytes);
    const auto kind_of_rest = [&](std::size_t first) {
      Vote vote;
      for (; first < usage_.wasted.size(); ++first)
        vote.add({usage_.wasted[first].layer, usage_.wasted[first].bytes});
      return rest_kind(vote) + " wasted";
    };
    draw_parts(bytes, inner, usage_.all.wasted(), kind_of_rest, [&](std::size_t i, const Rectangle& part) {
      const WastedFile& file = usage_.wasted[i];
      const std::string path = "/" + std::string(file.path);
      leaf(part, "file wasted l" + std::to_string(file.layer), path,
           title_of(path, file.bytes) + " wasted, " +
               (file.copies == 1 ? "" : std::to_string(file.copies) + " copies, up to ") + "layer " +
               std::to_string(file.layer));
    });
  }

  void draw_legend(double y) {
    for (const std::size_t layer : shown_layers()) {
      const LayerUsage& usage = usage_.layers[layer];
      std::string line = layer_text(layer) + " \u2014 " + text(usage.bytes);
      if (usage.wasted() > 0) line += ", " + text(usage.wasted()) + " wasted";
      box({kMargin, y + 2, 12, 12}, "file l" + std::to_string(layer), layer_text(layer));
      label(kMargin + 18, y + 12, line, kWidth - 40);
      y += kLegendRow;
    }
  }

  const ImageTree& tree_;
  const DirectorySizes& sizes_;
  const ImageUsage& usage_;
  const TreemapLabels& labels_;
  std::vector<Vote> votes_;  // of each row
  std::string svg_;
};

}  // namespace

std::string svg_text(std::string_view text) {
  std::string escaped;
  // A title may have lines.
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    for (const char c : printable(text.substr(at, end - at))) switch (c) {
        case '&':
          escaped += "&amp;";
          break;
        case '<':
          escaped += "&lt;";
          break;
        case '>':
          escaped += "&gt;";
          break;
        case '"':
          escaped += "&quot;";
          break;
        default:
          escaped += c;
      }
    if (end < text.size()) escaped += '\n';
    at = end + 1;
  }
  // XML 1.0, 2.2: no document contains these two.
  for (const char* const refused : {"\xef\xbf\xbe", "\xef\xbf\xbf"})
    for (std::size_t at = 0; (at = escaped.find(refused, at)) != std::string::npos;)
      escaped.replace(at, 3, "?");
  return escaped;
}

std::string draw_treemap(const ImageTree& tree, const DirectorySizes& sizes, const ImageUsage& usage,
                         const TreemapLabels& labels) {
  return Drawing(tree, sizes, usage, labels).draw();
}

}  // namespace layoutfs
