// One image's tree as a filesystem.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "core/image/file_attributes.h"
#include "core/image/image.h"
#include "fs/tree/filesystem.h"

namespace layoutfs {

// Overrides the owner of all files.
struct Ownership {
  std::optional<std::uint32_t> uid, gid;
};

// Inode numbers are `base` plus the tree's inode numbers; with base 0 the image's root is the mount's root.
// All answers are valid forever.
class ImageFilesystem final : public Filesystem {
 public:
  // `are_acls_wanted` defaults to true if the image has ACLs.
  ImageFilesystem(ImagePtr image, Ownership ownership, InodeNumber base = 0, AttributeRules rules = {},
                  std::optional<bool> are_acls_wanted = std::nullopt);
  // Sets the content of user.layoutfs.stats on the root; there is none by default.
  void set_statistics(std::function<std::string()> statistics) { statistics_ = std::move(statistics); }

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
  Answer<std::string> getxattr(InodeNumber node, std::string_view name, const Context& context = {}) override;
  Answer<std::vector<std::string>> listxattr(InodeNumber node, const Context& context = {}) override;
  bool has_labels() const override { return has_labels_; }
  bool wants_acls() const override { return are_acls_wanted_; }
  void set_acls_enforced(bool are_enforced) override { are_acls_enforced_ = are_enforced; }
  Answer<std::uint64_t> seek(InodeNumber node, std::uint64_t offset, int whence,
                             const Context& context = {}) override;
  Totals totals() override;
  // Returns whether `node` belongs to this image.
  bool has(InodeNumber node) const noexcept;

 private:
  struct stat stat_of(Inode inode) const;

  const ImagePtr image_;
  const Ownership ownership_;
  const InodeNumber base_;
  const FileAttributes attributes_;
  const bool has_labels_;
  const bool are_acls_wanted_;
  std::atomic<bool> are_acls_enforced_ = false;
  std::function<std::string()> statistics_;
  std::once_flag are_totals_known_;
  Totals totals_{};
};

}  // namespace layoutfs
