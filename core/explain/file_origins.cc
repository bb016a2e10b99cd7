// Both questions are answered by the tree in which the layers are merged: its links have the last layer that
// set a name, and its list of losses has the names that whiteouts or other entries took away. A lost
// directory keeps its children, as no path leads to it any more.
#include "core/explain/file_origins.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/is_at_or_below.h"
#include "core/image/merge.h"
#include "core/tar/tar_parser.h"

namespace layoutfs {
namespace {

using NodeId = MergeTree::NodeId;

bool is_directory(const MergeTree& tree, NodeId node) { return tree.node(node).type == EntryType::directory; }

// Creating an entry marks its parent directories, too, so a directory's link does not tell its layer.
std::uint32_t layer_of(const MergeTree& tree, const MergeTree::Link& link) {
  return is_directory(tree, link.node) ? tree.node(link.node).attributes_layer : link.layer;
}

// Visits all links below a directory in byte order, each directory before its content.
class LinkWalk {
 public:
  explicit LinkWalk(const MergeTree& tree) : tree_(tree) {}

  // `path` is that of the directory. `visit` gets the path and the link.
  template <class Visit>
  Status run(NodeId directory, std::string path, const Visit& visit) {
    std::vector<Open> open{{directory, tree_.node(directory).children.begin(), path.size()}};
    while (!open.empty()) {
      Open& top = open.back();
      path.resize(top.path_size);
      if (top.next == tree_.node(top.directory).children.end()) {
        open.pop_back();
        continue;
      }
      const auto& [name, link] = *top.next++;
      if (!path.empty()) path += '/';
      path += name;
      if (auto visited = visit(path, link); !visited) return visited;
      if (is_directory(tree_, link.node))
        open.push_back({link.node, tree_.node(link.node).children.begin(), path.size()});
    }
    return {};
  }

 private:
  struct Open {
    NodeId directory;
    MergeTree::Children::const_iterator next;
    std::size_t path_size;
  };

  const MergeTree& tree_;
};

// The paths of directories, also of lost ones. A directory has at most one name in its life.
class DirectoryNames {
 public:
  explicit DirectoryNames(const MergeTree& tree) : tree_(tree), names_(tree.node_count()) {
    for (NodeId node = 0; node < tree.node_count(); ++node)
      for (const auto& [name, link] : tree.node(node).children)
        if (is_directory(tree, link.node)) names_[link.node] = name;
    for (const MergeTree::Loss& loss : tree.losses())
      if (is_directory(tree, loss.node)) names_[loss.node] = loss.name;
  }

  std::string path(NodeId directory) const {
    std::vector<std::string_view> names;
    for (; directory != MergeTree::kRoot; directory = tree_.node(directory).parent)
      names.push_back(names_[directory]);
    std::string path;
    for (auto name = names.rbegin(); name != names.rend(); ++name)
      path.append(path.empty() ? "" : "/").append(*name);
    return path;
  }

 private:
  const MergeTree& tree_;
  std::vector<std::string_view> names_;
};

std::string path_below(std::string path, std::string_view name) {
  return path.append(path.empty() ? "" : "/").append(name);
}

Status visit_merged(const MergeTree& tree, std::string_view path,
                    const std::function<Status(const FileOrigin&)>& visit) {
  const auto visit_link = [&](std::string_view at, const MergeTree::Link& link) {
    const MergeTree::Node& node = tree.node(link.node);
    const std::uint32_t layer = layer_of(tree, link);
    return visit({at, node.type, layer, is_directory(tree, link.node) ? layer : node.layer});
  };
  MergeTree::Link link{MergeTree::kRoot, 0};
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const auto& children = tree.node(link.node).children;
    const auto found = children.find(name);
    if (found == children.end())
      return fail(Errc::not_found, std::string(path) + ": no such file in the image");
    link = found->second;
  }
  if (auto visited = visit_link(path, link); !visited) return visited;
  if (!is_directory(tree, link.node)) return {};
  return LinkWalk(tree).run(link.node, std::string(path), visit_link);
}

class LostFiles {
 public:
  LostFiles(const MergeTree& tree, std::string_view below,
            const std::function<Status(const LostFile&)>& visit)
      : tree_(tree), names_(tree), below_(below), visit_(visit) {}

  Status visit_all() const {
    for (const MergeTree::Loss& loss : tree_.losses())
      if (auto visited = visit_loss(loss); !visited) return visited;
    return {};
  }

 private:
  Status visit_loss(const MergeTree::Loss& loss) const {
    const std::string path = path_below(names_.path(loss.directory), loss.name);
    if (!is_at_or_below(path, below_) && !is_at_or_below(below_, path)) return {};
    const auto visit_one = [&](std::string_view at, NodeId node, std::uint32_t layer) -> Status {
      // Other names of this layer were replaced by the layer itself.
      if (layer == loss.layer || !is_at_or_below(at, below_)) return {};
      return visit_({at, tree_.node(node).type, layer, loss.layer, loss.cause});
    };
    if (auto visited = visit_one(path, loss.node, loss.had_by); !visited) return visited;
    if (!loss.is_with_content) return {};
    return LinkWalk(tree_).run(loss.node, path, [&](std::string_view at, const MergeTree::Link& link) {
      return visit_one(at, link.node, layer_of(tree_, link));
    });
  }

  const MergeTree& tree_;
  const DirectoryNames names_;
  const std::string_view below_;
  const std::function<Status(const LostFile&)>& visit_;
};

}  // namespace

Status visit_origins(LayerIndexes layers, std::string_view path,
                     const std::function<Status(const FileOrigin&)>& visit) {
  if (layers.empty() && path.empty()) return {};
  return with_merged_layers(layers, [&](const MergeTree& tree) { return visit_merged(tree, path, visit); });
}

Status visit_lost_files(LayerIndexes layers, std::string_view path,
                        const std::function<Status(const LostFile&)>& visit) {
  return with_merged_layers(layers,
                            [&](const MergeTree& tree) { return LostFiles(tree, path, visit).visit_all(); });
}

std::string path_without_symlinks(const Image& image, std::string_view path) {
  std::string clean = clean_path(path);
  const auto slash = clean.rfind('/');
  if (slash == std::string::npos) return clean;
  const auto directory = image.resolve(clean.substr(0, slash));
  const ImageTree& tree = image.tree();
  if (!directory || tree.inode(*directory).type != EntryType::directory) return clean;
  return path_below(tree.path_of(*directory), std::string_view(clean).substr(slash + 1));
}

}  // namespace layoutfs
