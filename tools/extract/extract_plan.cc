#include "tools/extract/extract_plan.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/layer/data_offset.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

constexpr std::uint64_t kGroupBytes = std::uint64_t{8} << 20;
constexpr std::size_t kGroupFiles = 256;

// Returns the last component of a path, without slashes: "b" for "a/b/". Empty for the root.
std::string_view last_component(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Returns the position of a file's data. Files without data come last.
std::tuple<std::uint32_t, std::uint64_t> position_of(const InodeView& inode) {
  constexpr auto kNowhere = std::numeric_limits<std::uint32_t>::max();
  const auto offset = data_offset(inode);
  return offset ? std::tuple(inode.layer, *offset) : std::tuple(kNowhere, std::uint64_t{0});
}

class Planner {
 public:
  explicit Planner(const ImageTree& tree) : tree_(tree) {}

  void add_top(Inode inode) { plan_.directories.push_back({inode, 0, ""}); }

  void add(Inode number, std::size_t directory, std::string_view name) {
    const InodeView inode = tree_.inode(number);
    if (inode.type == EntryType::directory) {
      plan_.directories.push_back({number, directory, name});
      return;
    }
    if (inode.nlink > 1 && !names_.emplace(number, 0).second) {
      links_.push_back({number, directory, name});
      return;
    }
    plan_.files.push_back({number, directory, name});
    if (inode.type == EntryType::file) plan_.bytes += inode.stored;
  }

  ExtractPlan finish() {
    for (std::size_t i = 0; i < plan_.directories.size(); ++i) {
      const Inode inode = plan_.directories[i].inode;
      if (inode == 0) continue;
      for (std::size_t rank = 0; rank < tree_.child_count(inode); ++rank) {
        const DirectoryEntry child = tree_.child(inode, rank);
        add(child.inode, i, child.name);
      }
    }
    std::ranges::sort(plan_.files, {}, [this](const PlannedFile& file) {
      return std::pair(position_of(tree_.inode(file.inode)), file.inode);
    });
    for (std::size_t i = 0; i < plan_.files.size(); ++i)
      if (const auto named = names_.find(plan_.files[i].inode); named != names_.end()) named->second = i;
    for (const PlannedFile& link : links_)
      plan_.links.push_back({names_.at(link.inode), link.directory, link.name});
    add_groups();
    return std::move(plan_);
  }

 private:
  void add_groups() {
    std::uint64_t bytes = 0;
    std::size_t first = 0;
    for (std::size_t i = 0; i < plan_.files.size(); ++i) {
      bytes += tree_.inode(plan_.files[i].inode).stored;
      if (bytes < kGroupBytes && i + 1 - first < kGroupFiles && i + 1 < plan_.files.size()) continue;
      plan_.group_ends.push_back(i + 1);
      first = i + 1;
      bytes = 0;
    }
  }

  const ImageTree& tree_;
  ExtractPlan plan_;
  std::vector<PlannedFile> links_;
  std::unordered_map<Inode, std::size_t> names_;  // of files with several names: position among the files
};

}  // namespace

std::string ExtractPlan::path_of(std::size_t directory, std::string_view name) const {
  std::string path(name);
  for (; directory != 0; directory = directories[directory].parent)
    path.insert(0, std::string(directories[directory].name) + "/");
  return path;
}

Result<ExtractPlan> plan_extraction(const Image& image, const std::vector<std::string>& paths) {
  Planner planner(image.tree());
  std::set<std::string_view> names;
  std::vector<std::pair<Inode, std::string_view>> found;
  for (const std::string& path : paths) {
    const auto inode = image.resolve(path, false);
    if (!inode) return fail(Error(inode.error()));
    const std::string_view name = *inode == kRootInode ? "" : last_component(path);
    if (name == "." || name == "..")
      return fail(Errc::invalid_argument, path + ": name the file, not '.' or '..'");
    if (*inode == kRootInode && paths.size() > 1)
      return fail(Errc::invalid_argument, "the root of the image cannot be combined with other paths");
    if (!names.insert(name).second)
      return fail(Errc::invalid_argument, path + ": another path ends in '" + std::string(name) + "' too");
    found.emplace_back(*inode, name);
  }
  const bool is_of_root = found.empty() || found.front().first == kRootInode;
  planner.add_top(is_of_root ? kRootInode : 0);
  if (!is_of_root)
    for (const auto& [inode, name] : found) planner.add(inode, 0, name);
  return planner.finish();
}

}  // namespace layoutfs::tools
