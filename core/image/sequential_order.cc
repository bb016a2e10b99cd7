// Two walks. The first visits the names of each directory in byte order, and finds for each directory the
// first offset in each layer's stream of the data below it. The second compares these offsets of the entries
// of one directory, which decides their order.
#include "core/image/sequential_order.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/layer/data_offset.h"

namespace layoutfs {
namespace {

struct DataPosition {
  std::uint32_t layer;
  std::uint64_t offset;
};
// At most one of each layer, in ascending order of layers.
using FirstData = std::vector<DataPosition>;

std::optional<DataPosition> data_of(const InodeView& file) {
  const auto offset = data_offset(file);
  if (!offset) return std::nullopt;
  return DataPosition{file.layer, *offset};
}

void add(FirstData& to, const DataPosition& position) {
  const auto at = std::ranges::lower_bound(to, position.layer, {}, &DataPosition::layer);
  if (at == to.end() || at->layer != position.layer)
    to.insert(at, position);
  else
    at->offset = std::min(at->offset, position.offset);
}

class Walk {
 public:
  explicit Walk(const ImageTree& tree) : tree_(tree) { find_first_data(); }

  Status visit(const std::function<Status(const std::string& path, Inode inode)>& each) const {
    struct Open {
      Inode directory;
      std::vector<std::size_t> ranks;
      std::size_t next;
      std::size_t path_size;
    };
    std::string path;
    if (auto done = each(path, kRootInode); !done) return done;
    std::vector<Open> open;
    open.push_back({kRootInode, order_of(kRootInode), 0, 0});
    while (!open.empty()) {
      Open& top = open.back();
      path.resize(top.path_size);
      if (top.next == top.ranks.size()) {
        open.pop_back();
        continue;
      }
      const DirectoryEntry entry = tree_.child(top.directory, top.ranks[top.next++]);
      if (!path.empty()) path += '/';
      path += entry.name;
      if (auto done = each(path, entry.inode); !done) return done;
      if (tree_.inode(entry.inode).type == EntryType::directory)
        open.push_back({entry.inode, order_of(entry.inode), 0, path.size()});
    }
    return {};
  }

 private:
  void find_first_data() {
    std::vector<std::pair<Inode, std::size_t>> open{{kRootInode, 0}};
    while (!open.empty()) {
      const auto [directory, rank] = open.back();
      if (rank == tree_.child_count(directory)) {
        open.pop_back();
        if (open.empty() || !first_data_.contains(directory)) continue;
        FirstData& parent = first_data_[open.back().first];
        for (const DataPosition& position : first_data_.at(directory)) add(parent, position);
        continue;
      }
      ++open.back().second;
      const Inode inode = tree_.child(directory, rank).inode;
      const InodeView view = tree_.inode(inode);
      if (view.type == EntryType::directory) {
        open.emplace_back(inode, 0);
      } else if (const auto data = data_of(view); data) {
        // The first of several names gets the data.
        if (view.nlink < 2 || first_names_.emplace(inode, std::pair(directory, rank)).second)
          add(first_data_[directory], *data);
      }
    }
  }

  // Of the entry at `rank`, with all below it.
  FirstData first_data(Inode directory, std::size_t rank) const {
    const Inode inode = tree_.child(directory, rank).inode;
    const InodeView view = tree_.inode(inode);
    if (view.type == EntryType::directory) {
      const auto found = first_data_.find(inode);
      return found == first_data_.end() ? FirstData() : found->second;
    }
    const auto data = data_of(view);
    if (!data) return {};
    if (view.nlink > 1 && first_names_.at(inode) != std::pair(directory, rank)) return {};
    return {*data};
  }

  // Returns the ranks of a directory's entries in the order in which they are visited.
  std::vector<std::size_t> order_of(Inode directory) const {
    std::vector<std::size_t> ranks(tree_.child_count(directory));
    std::iota(ranks.begin(), ranks.end(), std::size_t{0});
    std::vector<std::uint64_t> last(tree_.layer_count(), 0);
    // Entries without data come last: so does a directory of other names of files that are elsewhere.
    constexpr auto kNowhere = std::numeric_limits<std::size_t>::max();
    std::vector<std::tuple<std::size_t, std::uint64_t>> keys(ranks.size(), {kNowhere, 0});
    bool is_ascending = true;
    for (const std::size_t rank : ranks) {
      const FirstData data = first_data(directory, rank);
      for (const DataPosition& position : data) {
        if (position.offset < last[position.layer]) is_ascending = false;
        last[position.layer] = position.offset;
      }
      if (!data.empty()) keys[rank] = {data.front().layer, data.front().offset};
    }
    if (is_ascending) return ranks;
    std::vector<std::size_t> sorted = ranks;
    std::ranges::sort(sorted, {},
                      [&keys](std::size_t rank) { return std::tuple_cat(keys[rank], std::tuple(rank)); });
    // Entries without data have no reason to move if all others stay.
    const auto without_data =
        std::ranges::find(sorted, kNowhere, [&keys](std::size_t rank) { return std::get<0>(keys[rank]); });
    return std::is_sorted(sorted.begin(), without_data) ? ranks : sorted;
  }

  const ImageTree& tree_;
  std::unordered_map<Inode, FirstData> first_data_;                       // of directories
  std::unordered_map<Inode, std::pair<Inode, std::size_t>> first_names_;  // directory and rank
};

}  // namespace

Status visit_sequentially(const ImageTree& tree,
                          const std::function<Status(const std::string& path, Inode inode)>& visit) {
  return Walk(tree).visit(visit);
}

}  // namespace layoutfs
