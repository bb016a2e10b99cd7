// The search of `layoutfs grep` in the files of images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/explain/line_pattern.h"
#include "core/explain/line_search.h"
#include "core/image/image.h"
#include "layoutfs/error.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

struct GrepOptions {
  std::vector<std::string> paths;             // empty: the root directory
  std::vector<std::string> include, exclude;  // patterns of fnmatch(3) for names
  SearchOptions search;
  bool has_numbers = false;        // -n
  bool is_only_matching = false;   // -o
  bool has_names = true;           // not --no-filename
  bool is_count = false;           // -c
  bool is_list = false;            // -l
  bool is_list_of_others = false;  // -L
  bool is_silent = false;          // print nothing, and stop at the first match
};

// Searches images, one after the other. Content that several files of these images have in common, because
// they are hard links or in the same layer, is read once, if the lines to print fit into kMaxKept bytes.
class ImageGrep {
 public:
  ImageGrep(const LinePattern& pattern, const GrepOptions& options, Output& output);

  // Searches the regular files below the paths, in the order of visit_sequentially(). `prefix` precedes each
  // path. `is_shared` says of each layer of the image whether another image has it, too. Returns the paths
  // that do not exist. Fails with the first error of reading, which names the file.
  Result<std::vector<std::string>> search(const Image& image, const std::string& prefix,
                                          const std::vector<bool>& is_shared);
  bool has_matched() const noexcept { return has_matched_; }
  // Returns whether further images make no difference.
  bool is_done() const noexcept { return has_matched_ && options_.is_silent; }

  static constexpr std::size_t kMaxKept = std::size_t{64} << 20;

 private:
  // The result for one content.
  struct Found {
    std::string lines;  // each as print_line() takes it, and '\n'
    std::uint64_t count = 0;
    bool is_binary = false;  // and has matched
    bool is_whole = true;    // `lines` are all
  };

  bool is_named(std::string_view name) const;
  Status search_file(const Image& image, Inode number, const InodeView& file, const std::string& shown,
                     bool is_kept);
  Status read(const Image& image, Inode number, const InodeView& file, LineSearch& search);
  std::string start_of(const LineSearch::Line& line, std::uint64_t last_number) const;
  void print(const std::string& shown, const Found& found);
  void print_line(const std::string& shown, std::string_view line);
  void print_text(std::string_view text);

  const LinePattern& pattern_;
  const GrepOptions& options_;
  Output& output_;
  const bool is_terminal_;
  bool has_matched_ = false, has_printed_ = false;
  std::unordered_map<std::string, Found> kept_;  // by digest of the layer and offset
  std::size_t kept_bytes_ = 0;
  std::vector<std::byte> piece_;
};

}  // namespace layoutfs::tools
