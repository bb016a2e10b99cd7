#include "core/cas/archive_contents.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/beneath.h"
#include "core/base/file.h"
#include "core/base/utf8.h"
#include "core/cas/layout_dir.h"
#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxBlobs = 1'000'000;
constexpr std::size_t kMaxPieces = 4'000'000;  // of all sparse files
// Limits for other files of the archive, which are recorded because links may point to them.
constexpr std::size_t kMaxOthers = 1'000'000;
constexpr std::size_t kMaxOtherBytes = std::size_t{64} << 20;  // of names and targets
constexpr std::size_t kMaxNames = 10'000, kMaxMarkers = 100;
constexpr std::size_t kMaxTarget = 4096;  // length of a symlink's target in bytes, as in Linux
// Limits for the components visited while resolving symlinks.
constexpr std::size_t kSpareSteps = 1'000'000, kStepsPerNode = 32;

bool is_root_file(std::string_view path) { return path == kMarkerFile || path == kIndexFile; }

std::string folder_of(Algorithm algorithm) {
  return std::string(kBlobsFolder) + "/" + std::string(name_of(algorithm));
}

// Returns whether it is the path of a blob: "blobs/ALGORITHM/HEX".
bool is_blob_path(std::string_view path) {
  return std::ranges::any_of(algorithms(), [&](Algorithm algorithm) {
    const std::string folder = folder_of(algorithm) + "/";
    return path.starts_with(folder) &&
           Digest::parse(std::string(name_of(algorithm)) + ":" + std::string(path.substr(folder.size())));
  });
}

// The files and links of an archive by path. Directories exist implicitly.
class ArchiveTree {
 public:
  using Node = std::variant<ArchivePlace, std::string>;  // a file, or the target of a symlink

  void put(std::string path, Node node) {
    has_links_ |= std::holds_alternative<std::string>(node);
    nodes_.insert_or_assign(std::move(path), std::move(node));
  }
  void erase(std::string_view path) {
    if (const auto found = nodes_.find(path); found != nodes_.end()) nodes_.erase(found);
  }
  const Node* find(std::string_view path) const {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : &found->second;
  }

  // Returns the location of an entry with that name if earlier symlinks replace its directories.
  std::string place_of(const std::string& path) const {
    const auto slash = path.rfind('/');
    if (!has_links_ || slash == std::string::npos) return path;
    const auto folder = resolve(path.substr(0, slash));
    if (!folder) return path;
    return folder->empty() ? path.substr(slash + 1) : *folder + path.substr(slash);
  }

  // Errc::unsupported if there are too many steps: many long chains of symlinks would take hours.
  Status check_steps() const {
    if (steps_ <= kSpareSteps + kStepsPerNode * nodes_.size()) return {};
    return fail(Errc::unsupported, "too many symlinks to resolve in the archive");
  }

  // Returns the path with its symlinks resolved; it need not exist.
  Result<std::string> resolve(std::string_view path) const;
  // Returns the file at a path; nullopt if it does not exist, unless a symlink is the reason.
  std::optional<ArchiveFile> file_at(std::string_view path) const;
  // Calls `visit` with the names of the files and links in a directory.
  template <class Visit>
  void for_each_in(const std::string& directory, Visit visit) const {
    const std::string prefix = directory.empty() ? "" : directory + "/";
    for (auto node = nodes_.lower_bound(prefix); node != nodes_.end() && node->first.starts_with(prefix);
         ++node)
      if (node->first.find('/', prefix.size()) == std::string::npos)
        visit(node->first.substr(prefix.size()), node->first);
  }

 private:
  std::map<std::string, Node, std::less<>> nodes_;
  bool has_links_ = false;
  mutable std::size_t steps_ = 0;  // components visited through symlinks
};

std::string described_link(std::string_view link, std::string_view target) {
  return printable(link) + " is a symlink to " + printable(target);
}

Result<std::string> ArchiveTree::resolve(std::string_view path) const {
  std::string here;
  std::vector<std::string_view> ways{path};  // remaining components, the current path last
  int followed = 0;
  std::string_view link, target;  // the last one followed
  const auto leaves = [&] {
    return fail(Errc::invalid_image, described_link(link, target) + ", which leaves the archive");
  };
  while (!ways.empty()) {
    std::string_view& way = ways.back();
    const auto slash = std::min(way.find('/'), way.size());
    const std::string_view name = way.substr(0, slash);
    way.remove_prefix(std::min(slash + 1, way.size()));
    if (way.empty()) ways.pop_back();
    if (followed > 0) ++steps_;
    if (auto bounded = check_steps(); !bounded) return fail(std::move(bounded).error());
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (here.empty()) return leaves();
      here.erase(here.contains('/') ? here.rfind('/') : 0);
      continue;
    }
    const std::size_t above = here.size();
    if (!here.empty()) here += '/';
    here += name;
    const auto node = has_links_ ? nodes_.find(here) : nodes_.end();
    const auto* const text = node == nodes_.end() ? nullptr : std::get_if<std::string>(&node->second);
    if (text == nullptr) continue;
    link = node->first;
    target = *text;
    if (++followed > kMaxLinks)
      return fail(Errc::invalid_image, described_link(link, target) + ", a symlink loop or more than " +
                                           std::to_string(kMaxLinks) + " symlinks");
    if (target.starts_with('/')) return leaves();
    here.resize(above);
    ways.push_back(target);
  }
  return here;
}

std::optional<ArchiveFile> ArchiveTree::file_at(std::string_view path) const {
  const auto real = resolve(path);
  if (!real) return real.error();
  const Node* const node = find(*real);
  if (node != nullptr) return std::get<ArchivePlace>(*node);
  const Node* const link = find(path);
  if (link == nullptr) return std::nullopt;
  return Error(Errc::not_found,
               described_link(path, std::get<std::string>(*link)) + ", which does not exist");
}

// Collects the files from the entries of the tar, in order.
class ContentsReader {
 public:
  Status add(TarEntry&& entry) {
    add_name(entry);
    const std::string path = tree_.place_of(entry.path);
    auto node = node_of(entry);
    if (!node) return fail(std::move(node).error());
    // An entry of another type replaces an earlier one of the same name.
    if (!*node) {
      tree_.erase(path);
      return {};
    }
    if (const bool is_of_layout = is_root_file(path) || is_blob_path(path); is_of_layout) {
      if (tree_.find(path) == nullptr && ++blobs_ > kMaxBlobs)
        return fail(Errc::unsupported, "the archive has more than " + std::to_string(kMaxBlobs) + " blobs");
    } else if (!take_room(path.size() + entry.target.size())) {
      tree_.erase(path);
      return {};
    }
    tree_.put(path, std::move(**node));
    return {};
  }

  Result<ArchiveContents> take() && {
    ArchiveContents contents;
    for (const char* const name : {kMarkerFile, kIndexFile})
      if (auto file = tree_.file_at(name)) contents.files.emplace(name, *std::move(file));
    for (const Algorithm algorithm : algorithms()) {
      const auto folder = tree_.resolve(folder_of(algorithm));
      if (!folder) return fail(Error(folder.error()));
      tree_.for_each_in(*folder, [&](const std::string& name, const std::string& path) {
        auto digest = Digest::parse(std::string(name_of(algorithm)) + ":" + name);
        if (digest)
          if (auto file = tree_.file_at(path)) contents.blobs.emplace(*std::move(digest), *std::move(file));
      });
    }
    if (auto bounded = tree_.check_steps(); !bounded) return fail(std::move(bounded).error());
    contents.names = std::move(names_);
    return contents;
  }

 private:
  // Adds the names that identify the kind of archive.
  void add_name(const TarEntry& entry) {
    const bool is_marker = entry.path.ends_with("/" + std::string(kMarkerFile));
    const auto first = entry.path.find('/');
    const auto second = first == std::string::npos ? first : entry.path.find('/', first + 1);
    const bool is_near = second == std::string::npos;
    if (!is_near && names_.size() < kMaxNames) names_.insert(entry.path.substr(0, second + 1));
    const std::size_t most = is_marker ? kMaxNames + kMaxMarkers : is_near ? kMaxNames : 0;
    if (names_.size() < most && entry.path.size() < kMaxTarget)
      names_.insert(entry.path + (entry.type == EntryType::directory ? "/" : ""));
  }

  Result<std::optional<ArchiveTree::Node>> node_of(TarEntry& entry) {
    const std::int64_t mtime_ns = to_ns({.tv_sec = entry.mtime.seconds, .tv_nsec = entry.mtime.nanoseconds});
    switch (entry.type) {
      case EntryType::file:
        if (!entry.is_sparse) return ArchivePlace{entry.stream_offset, entry.size, mtime_ns, nullptr};
        pieces_ += entry.extents.size();
        if (pieces_ > kMaxPieces)
          return fail(Errc::unsupported, "the sparse files of the archive have more than " +
                                             std::to_string(kMaxPieces) + " extents");
        return ArchivePlace{0, entry.size, mtime_ns,
                            std::make_shared<const std::vector<Extent>>(std::move(entry.extents))};
      case EntryType::symlink:
        if (entry.target.size() >= kMaxTarget) return std::nullopt;
        return entry.target;
      case EntryType::hardlink: {
        // tar(1) writes further names of a file as links to the first one.
        const ArchiveTree::Node* const found = tree_.find(tree_.place_of(entry.target));
        return found == nullptr ? std::nullopt : std::optional(*found);
      }
      default:
        return std::nullopt;
    }
  }

  bool take_room(std::size_t bytes) {
    ++others_;
    other_bytes_ += std::min(bytes, kMaxOtherBytes);
    return others_ <= kMaxOthers && other_bytes_ <= kMaxOtherBytes;
  }

  ArchiveTree tree_;
  std::set<std::string, std::less<>> names_;
  std::size_t blobs_ = 0, others_ = 0, other_bytes_ = 0, pieces_ = 0;
};

}  // namespace

Result<ArchiveContents> read_archive_contents(int fd, std::uint64_t size) {
  ContentsReader reader;
  TarParser parser([&](TarEntry&& entry) { return reader.add(std::move(entry)); });
  std::array<std::byte, 4 * kTarBlock> piece;
  for (std::uint64_t offset = 0; offset < size && !parser.is_ended();) {
    const auto got = pread_full(fd, piece, offset);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) break;
    // One block at a time: a header may be followed by data to skip.
    for (ByteView rest = ByteView(piece).first(*got); !rest.empty() && !parser.is_ended();) {
      const ByteView block = rest.first(std::min(rest.size(), kTarBlock));
      if (auto fed = parser.feed(block); !fed) return fail(std::move(fed).error());
      rest = rest.subspan(block.size());
      offset += block.size();
      if (parser.skippable() >= rest.size()) break;
    }
    const std::uint64_t jump = std::min(parser.skippable(), size - std::min(offset, size));
    parser.skip(jump);
    offset += jump;
  }
  if (auto finished = parser.finish(); !finished) return fail(std::move(finished).error());
  return std::move(reader).take();
}

}  // namespace layoutfs
