// The entries of a layout's tree that are not files of an image.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "fs/tree/filesystem.h"

namespace layoutfs {

// The validity of names, and of attributes that can change: a change is visible after this time at the
// latest, even if it is not detected.
inline constexpr std::chrono::duration<double> kShortly{1.0};

class VirtualNode;
using VirtualNodePtr = std::shared_ptr<VirtualNode>;

// The root of an image's tree, by its slot (image_slots.h).
struct SlotRoot {
  std::uint32_t slot;
};
using Child = std::variant<VirtualNodePtr, SlotRoot>;

// One inode, which keeps its number while it is referenced. Content never changes: if a file's content can
// change, its version is part of the identity. Thread-safe. The defaults are those of an inode of no
// particular kind.
class VirtualNode {
 public:
  // `identity` is unique in the mount, and the same in the next mount.
  explicit VirtualNode(std::string identity) : identity_(std::move(identity)) {}
  virtual ~VirtualNode() = default;
  const std::string& identity() const noexcept { return identity_; }

  struct Properties {
    mode_t mode;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::chrono::duration<double> valid = kForever;
  };
  virtual Answer<Properties> properties() = 0;
  // Returns the properties for a program that asks for these. They differ from properties() only if `valid`
  // of those is 0: a name can be looked up without the work that the size of its file needs.
  virtual Answer<Properties> complete_properties(const Context& /*context*/) { return properties(); }

  struct Name {
    std::string name;
    mode_t type;
  };
  // Directories: list() returns all current names, find() one entry. Names are valid for names_valid().
  virtual Answer<std::vector<Name>> list(const Context& /*context*/) { return std::unexpected(ENOTDIR); }
  virtual Answer<Child> find(std::string_view /*name*/, const Context& /*context*/) {
    return std::unexpected(ENOTDIR);
  }
  // Returns whether its content is constant during its lifetime.
  virtual bool is_fixed() const { return false; }
  virtual std::chrono::duration<double> names_valid() const { return is_fixed() ? kForever : kShortly; }
  // Symlinks.
  virtual Answer<std::string> readlink() { return std::unexpected(EINVAL); }
  // Files.
  virtual Answer<void> read(IoBuffers& /*out*/, std::size_t /*size*/, std::uint64_t /*offset*/,
                            const Context& /*context*/) {
    return std::unexpected(EINVAL);
  }

 private:
  const std::string identity_;
};

// A file with a size that is known when it is looked up.
class SizedFile : public VirtualNode {
 public:
  Answer<Properties> properties() override { return Properties{S_IFREG | 0444, size_, mtime_ns_}; }

 protected:
  SizedFile(std::string identity, std::uint64_t size, std::int64_t mtime_ns)
      : VirtualNode(std::move(identity)), size_(size), mtime_ns_(mtime_ns) {}

 private:
  const std::uint64_t size_;
  const std::int64_t mtime_ns_;
};

}  // namespace layoutfs
