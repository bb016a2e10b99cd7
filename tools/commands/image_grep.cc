#include "tools/commands/image_grep.h"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/is_at_or_below.h"
#include "core/base/split.h"
#include "core/image/sequential_order.h"
#include "core/layer/data_offset.h"
#include "core/tar/tar_parser.h"

namespace layoutfs::tools {
namespace {

// The first one decides whether a file is binary.
constexpr std::size_t kReadPiece = std::size_t{1} << 20;
constexpr std::size_t kFirstPiece = std::size_t{64} << 10;
// A hole may have terabytes; the rest of its zeros is left out.
constexpr std::size_t kMostOfHole = std::size_t{64} << 10;
// Between the name, the number and the text of a line; the second one for a line that does not match.
constexpr char kSelected = ':', kNear = '-';
// The memory of an entry without lines.
constexpr std::size_t kKeptEntry = 200;

bool matches_any(const std::vector<std::string>& globs, const std::string& name) {
  return std::ranges::any_of(
      globs, [&](const std::string& glob) { return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0; });
}

// The files and directories to search.
class Starts {
 public:
  explicit Starts(const ImageTree& tree) : tree_(tree) {}

  void add(Inode number, const std::string& path) {
    starts_.emplace(number, number_at(path) == number ? std::optional(path) : std::nullopt);
  }

  // Returns whether the walk has come to a start. Of a file with several names, it is the one that was given;
  // after symlinks the first one.
  bool take(Inode number, const std::string& path) {
    const auto [first, last] = starts_.equal_range(number);
    for (auto start = first; start != last; ++start) {
      if (start->second && *start->second != path) continue;
      starts_.erase(start);
      return true;
    }
    return false;
  }

 private:
  // Follows no symlinks.
  std::optional<Inode> number_at(const std::string& path) const {
    Inode number = kRootInode;
    for (const std::string& name : split(path, '/')) {
      if (name.empty()) continue;
      const auto child = tree_.find(number, name);
      if (!child) return std::nullopt;
      number = *child;
    }
    return number;
  }

  const ImageTree& tree_;
  std::unordered_multimap<Inode, std::optional<std::string>> starts_;  // with the path, if it has no symlinks
};

// Returns the layer and the place in it of a file's content; "" if no content is stored.
std::string content_place(const Image& image, const InodeView& file) {
  const auto offset = data_offset(file);
  return offset ? image.layer_of(file).str() + ":" + std::to_string(*offset) : "";
}

}  // namespace

ImageGrep::ImageGrep(const LinePattern& pattern, const GrepOptions& options, Output& output)
    : pattern_(pattern),
      options_(options),
      output_(output),
      is_terminal_(::isatty(STDOUT_FILENO) == 1),
      piece_(kReadPiece) {}

Result<std::vector<std::string>> ImageGrep::search(const Image& image, const std::string& prefix,
                                                   const std::vector<bool>& is_shared) {
  std::vector<std::string> missing;
  Starts starts(image.tree());
  for (const std::string& path : options_.paths) {
    if (const auto start = image.resolve(path))
      starts.add(*start, clean_path(path));
    else
      missing.push_back(start.error().message());
  }
  if (options_.paths.empty()) starts.add(kRootInode, "");
  std::string inside;  // the directory of a start that the walk is in
  bool is_inside = false;
  const auto visit = [&](const std::string& path, Inode number) -> Status {
    is_inside = is_inside && is_at_or_below(path, inside);
    const InodeView file = image.tree().inode(number);
    if (!is_inside && !starts.take(number, path)) return {};
    if (file.type == EntryType::directory && !is_inside) {
      is_inside = true;
      inside = path;
    }
    if (file.type != EntryType::file || is_done()) return {};
    if (!is_named(std::string_view(path).substr(path.rfind('/') + 1))) return {};
    const bool is_kept = file.nlink > 1 || is_shared[file.layer];
    auto searched = search_file(image, number, file, prefix + "/" + path, is_kept);
    if (!searched) return fail(std::move(searched).error(), "/" + path);
    return {};
  };
  if (missing.size() < options_.paths.size() || options_.paths.empty())
    if (auto done = visit_sequentially(image.tree(), visit); !done) return fail(std::move(done).error());
  return missing;
}

bool ImageGrep::is_named(std::string_view name) const {
  const std::string text(name);
  if (!options_.include.empty() && !matches_any(options_.include, text)) return false;
  return !matches_any(options_.exclude, text);
}

Status ImageGrep::search_file(const Image& image, Inode number, const InodeView& file,
                              const std::string& shown, bool is_kept) {
  const std::string place = is_kept ? content_place(image, file) : "";
  is_kept = !place.empty();
  if (is_kept)
    if (const auto known = kept_.find(place); known != kept_.end() && known->second.is_whole) {
      print(shown, known->second);
      return {};
    }
  const bool prints_lines =
      !options_.is_count && !options_.is_list && !options_.is_list_of_others && !options_.is_silent;
  Found found;
  std::uint64_t last_number = 0;
  const auto print_now = [&](std::string_view line) {
    print_line(shown, line);
    if (is_kept && found.is_whole && kept_bytes_ + found.lines.size() + line.size() < kMaxKept)
      found.lines.append(line).append("\n");
    else
      found.is_whole = false;
  };
  LineSearch search(pattern_, options_.search, [&](const LineSearch::Line& line) {
    found.count += line.is_selected ? 1 : 0;
    if (!prints_lines) return options_.is_count;
    const std::string start = start_of(line, last_number);
    last_number = line.number;
    if (!options_.is_only_matching) {
      print_now(start + std::string(line.text));
    } else if (!options_.search.is_inverted) {
      for (const std::string_view match : pattern_.matches_in(line.text))
        print_now(start + std::string(match));
    }
    return true;
  });
  if (auto done = read(image, number, file, search); !done) return done;
  found.is_binary = search.is_binary() && search.has_matched() && prints_lines &&
                    options_.search.binary == BinaryFiles::summary;
  if (search.has_matched() && found.count == 0) found.count = 1;
  // Its lines are printed already.
  print(shown, {.lines = {}, .count = found.count, .is_binary = found.is_binary});
  const std::size_t size = kKeptEntry + found.lines.size();
  if (is_kept && found.is_whole && kept_bytes_ + size < kMaxKept) {
    kept_bytes_ += size;
    kept_.emplace(place, std::move(found));
  }
  return {};
}

Status ImageGrep::read(const Image& image, Inode number, const InodeView& file, LineSearch& search) {
  image.will_read(number);
  for (std::uint64_t offset = 0; offset < file.size;) {
    if (file.is_sparse) {
      const std::uint64_t data = image.seek(number, offset, Image::Seek::data).value_or(file.size);
      if (data > offset + kMostOfHole) {
        if (!search.feed(std::string(kMostOfHole, '\0'))) return {};
        offset = data;
        continue;
      }
    }
    const std::span<std::byte> room = std::span(piece_).first(offset == 0 ? kFirstPiece : kReadPiece);
    const auto got = image.read(number, room, offset);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return fail(Errc::corrupt, "content ends at byte " + std::to_string(offset));
    if (!search.feed(as_text(std::span(piece_).first(*got)))) return {};
    offset += *got;
  }
  search.finish();
  return {};
}

void ImageGrep::print(const std::string& shown, const Found& found) {
  has_matched_ = has_matched_ || found.count > 0;
  if (options_.is_silent) return;
  if (options_.is_list || options_.is_list_of_others) {
    if ((found.count > 0) == options_.is_list) output_.name(shown) << "\n";
    return;
  }
  if (options_.is_count) {
    if (options_.has_names) output_.name(shown) << std::string_view(&kSelected, 1);
    output_ << std::to_string(found.count) << "\n";
    return;
  }
  const std::string_view lines = found.lines;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    print_line(shown, lines.substr(at, end - at));
    at = end + 1;
  }
  if (!found.is_binary) return;
  output_.flush();
  print_notice(shown + ": binary file matches");
}

// Returns the first characters of what print_line() takes: whether the line follows the one before it, as '+'
// or ' ', then the separator, and then the number, if it is printed, and the separator.
std::string ImageGrep::start_of(const LineSearch::Line& line, std::uint64_t last_number) const {
  const bool is_next = last_number != 0 && line.number <= last_number + 1;
  const char separator = line.is_selected ? kSelected : kNear;
  std::string start{is_next ? '+' : ' ', separator};
  if (options_.has_numbers) start += std::to_string(line.number) + separator;
  return start;
}

void ImageGrep::print_line(const std::string& shown, std::string_view line) {
  const bool has_groups = options_.search.before > 0 || options_.search.after > 0;
  if (has_groups && line[0] != '+' && has_printed_) output_ << "--\n";
  has_printed_ = true;
  if (options_.has_names) output_.name(shown) << line.substr(1, 1);
  print_text(line.substr(2));
  output_ << "\n";
}

// On a terminal, tabs are the only control characters.
void ImageGrep::print_text(std::string_view text) {
  if (!is_terminal_) {
    output_ << text;
    return;
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\t', at), text.size());
    output_.name(text.substr(at, end - at));
    if (end < text.size()) output_ << "\t";
    at = end + 1;
  }
}

}  // namespace layoutfs::tools
