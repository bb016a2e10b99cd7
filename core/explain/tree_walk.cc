#include "core/explain/tree_walk.h"

#include <utility>
#include <vector>

namespace layoutfs {

Status walk_files(const ImageTree& tree, Inode start, std::string path,
                  const std::function<Result<Descend>(const WalkedFile&)>& visit) {
  struct Open {
    Inode directory;
    std::size_t next, count;  // ranks
    std::size_t path_size;
  };
  std::vector<Open> open;
  const auto enter = [&](Inode number, std::string_view name) -> Status {
    const InodeView inode = tree.inode(number);
    const auto descend =
        visit({.path = path, .name = name, .depth = open.size(), .number = number, .inode = inode});
    if (!descend) return fail(Error(descend.error()));
    if (*descend == Descend::yes && inode.type == EntryType::directory)
      open.push_back({number, 0, tree.child_count(number), path.size()});
    return {};
  };
  const auto slash = path.rfind('/');
  const std::string name = path == "/" || slash == std::string::npos ? path : path.substr(slash + 1);
  if (auto done = enter(start, name); !done) return done;
  while (!open.empty()) {
    Open& top = open.back();
    path.resize(top.path_size);
    if (top.next == top.count) {
      open.pop_back();
      continue;
    }
    const DirectoryEntry child = tree.child(top.directory, top.next++);
    if (!path.ends_with('/')) path += '/';
    path += child.name;
    if (auto done = enter(child.inode, child.name); !done) return done;
  }
  return {};
}

}  // namespace layoutfs
