#include "fs/kernel/erofs_devices.h"

#include <cerrno>
#include <utility>

#include "core/base/split.h"
#include "layoutfs/log.h"

namespace layoutfs {

ErofsDevices::ErofsDevices(std::shared_ptr<const ErofsReader> reader, std::string_view source,
                           std::string metadata_file)
    : reader_(std::move(reader)), metadata_file_(std::move(metadata_file)) {
  nodes_.push_back({kRootNumber, "", Kind::directory});
  add(kRootNumber, kData, Kind::data);
  add(kRootNumber, kDirect, Kind::direct);
  add_path(add(kRootNumber, kServed, Kind::directory), source, Kind::metadata);
  if (!metadata_file_.empty()) add_path(add(kRootNumber, kStored, Kind::directory), source, Kind::link);
}

InodeNumber ErofsDevices::add(InodeNumber parent, std::string_view name, Kind kind) {
  nodes_.push_back({parent, std::string(name), kind});
  return kRootNumber + nodes_.size() - 1;
}

// The kernel ignores repeated slashes and ".", too (path_resolution(7)).
void ErofsDevices::add_path(InodeNumber parent, std::string_view path, Kind kind) {
  std::vector<std::string> names = split(path, '/');
  std::erase_if(names, [](const std::string& name) { return name.empty() || name == "."; });
  for (std::size_t i = 0; i < names.size(); ++i)
    parent = add(parent, names[i], i + 1 < names.size() ? Kind::directory : kind);
}

const ErofsDevices::Node* ErofsDevices::find(InodeNumber node) const noexcept {
  return node >= kRootNumber && node - kRootNumber < nodes_.size() ? &nodes_[node - kRootNumber] : nullptr;
}

std::uint64_t ErofsDevices::size_of(Kind kind) const noexcept {
  switch (kind) {
    case Kind::data:
    case Kind::direct:
      return reader_->data_size();
    case Kind::metadata:
      return reader_->metadata().size();
    case Kind::link:
      return metadata_file_.size();
    case Kind::directory:
      break;
  }
  return 0;
}

struct stat ErofsDevices::stat_of(InodeNumber node) const {
  const Kind kind = nodes_[node - kRootNumber].kind;
  struct stat result{};
  result.st_ino = node;
  result.st_mode = kind == Kind::directory ? S_IFDIR | 0500
                   : kind == Kind::link    ? S_IFLNK | 0777
                                           : S_IFREG | 0400;
  result.st_nlink = kind == Kind::directory ? 2 : 1;
  result.st_size = static_cast<off_t>(size_of(kind));
  result.st_blksize = kErofsBlockSize;
  result.st_blocks = result.st_size / 512;
  return result;
}

Answer<LookupResult> ErofsDevices::lookup(InodeNumber directory, std::string_view name, const Context&) {
  for (InodeNumber node = kRootNumber + 1; const Node* const each = find(node); ++node)
    if (each->parent == directory && each->name == name)
      return LookupResult{.inode = node, .attributes = {stat_of(node), kForever}, .valid = kForever};
  return std::unexpected(ENOENT);
}

Answer<Attributes> ErofsDevices::attributes(InodeNumber node, const Context&) {
  if (find(node) == nullptr) return std::unexpected(ENOENT);
  return Attributes{stat_of(node), kForever};
}

Answer<std::string> ErofsDevices::readlink(InodeNumber node, const Context&) {
  const Node* const found = find(node);
  if (found == nullptr || found->kind != Kind::link) return std::unexpected(EINVAL);
  return metadata_file_;
}

Answer<void> ErofsDevices::read(InodeNumber node, IoBuffers& out, std::size_t size, std::uint64_t offset,
                                const Context& context) {
  const Node* const found = find(node);
  if (found == nullptr || found->kind == Kind::directory || found->kind == Kind::link)
    return std::unexpected(EINVAL);
  if (found->kind == Kind::metadata) {
    const ByteView metadata = reader_->metadata();
    if (offset < metadata.size())
      out.append(metadata.subspan(offset, std::min<std::uint64_t>(size, metadata.size() - offset)), reader_);
    return {};
  }
  const auto done = reader_->read_data(out, size, offset, context);
  if (done) return {};
  if (done.error().code() == Errc::cancelled) return std::unexpected(EINTR);
  // The layer has told it to the log, once for all files.
  log(LogLevel::debug, done.error().message());
  return std::unexpected(EIO);
}

// The kernel looks for no entries: it knows their names.
Answer<void> ErofsDevices::readdir(InodeNumber directory, std::uint64_t,
                                   const std::function<bool(const Listed&)>&, const Context&) {
  const Node* const found = find(directory);
  if (found == nullptr || found->kind != Kind::directory) return std::unexpected(ENOTDIR);
  return {};
}

Answer<std::uint64_t> ErofsDevices::seek(InodeNumber node, std::uint64_t offset, int whence, const Context&) {
  const Node* const found = find(node);
  if (found == nullptr || offset >= size_of(found->kind)) return std::unexpected(ENXIO);
  return whence == SEEK_DATA ? offset : size_of(found->kind);
}

bool ErofsDevices::is_cached_by_reader(InodeNumber node) const {
  const Node* const found = find(node);
  return found != nullptr && found->kind == Kind::direct;
}

}  // namespace layoutfs
