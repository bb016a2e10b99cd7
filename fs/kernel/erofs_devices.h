// The files that the kernel's EROFS reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/erofs/erofs_reader.h"
#include "fs/tree/filesystem.h"

namespace layoutfs {

// A tree for the kernel alone (kernel_view.h):
//
//   data              content of small files, cached by the front end: its read-ahead crosses the borders of
//   files direct            the same content, not cached: large files are cached by EROFS, and should not be
//   twice served/SOURCE     the metadata stored/SOURCE     a symlink to the file that has the metadata
//
// SOURCE is shown as the source of the mount, because the kernel shows the path with which EROFS was mounted.
// Its slashes separate directories. All answers are valid forever.
class ErofsDevices final : public Filesystem {
 public:
  static constexpr const char* kData = "data";
  static constexpr const char* kDirect = "direct";
  static constexpr const char* kServed = "served";
  static constexpr const char* kStored = "stored";

  // `metadata_file` is the target of the symlink; "": there is none. Precondition: `source` is the path of a
  // file: no "..", and no slash at the end.
  ErofsDevices(std::shared_ptr<const ErofsReader> reader, std::string_view source, std::string metadata_file);

  Answer<LookupResult> lookup(InodeNumber directory, std::string_view name,
                              const Context& context = {}) override;
  void forget(InodeNumber, std::uint64_t) override {}
  Answer<Attributes> attributes(InodeNumber node, const Context& context = {}) override;
  Answer<std::string> readlink(InodeNumber node, const Context& context = {}) override;
  Answer<void> read(InodeNumber node, IoBuffers& out, std::size_t size, std::uint64_t offset,
                    const Context& context = {}) override;
  Answer<void> readdir(InodeNumber directory, std::uint64_t cookie,
                       const std::function<bool(const Listed&)>& add, const Context& context = {}) override;
  bool has_cheap_attributes(InodeNumber) override { return true; }
  Answer<std::string> getxattr(InodeNumber, std::string_view, const Context& = {}) override {
    return std::unexpected(ENODATA);
  }
  Answer<std::vector<std::string>> listxattr(InodeNumber, const Context& = {}) override {
    return std::vector<std::string>();
  }
  bool has_labels() const override { return false; }
  Answer<std::uint64_t> seek(InodeNumber node, std::uint64_t offset, int whence,
                             const Context& context = {}) override;
  Totals totals() override { return {.bytes = reader_->size(), .inodes = nodes_.size()}; }
  bool is_for_kernel() const override { return true; }
  bool is_cached_by_reader(InodeNumber node) const override;

 private:
  enum class Kind : std::uint8_t { directory, data, direct, metadata, link };
  struct Node {
    InodeNumber parent;
    std::string name;
    Kind kind;
  };
  InodeNumber add(InodeNumber parent, std::string_view name, Kind kind);
  void add_path(InodeNumber parent, std::string_view path, Kind kind);
  const Node* find(InodeNumber node) const noexcept;
  struct stat stat_of(InodeNumber node) const;
  std::uint64_t size_of(Kind kind) const noexcept;

  const std::shared_ptr<const ErofsReader> reader_;
  const std::string metadata_file_;
  std::vector<Node> nodes_;  // the first one is the root
};

}  // namespace layoutfs
