// What a directory entry of a layout's tree can be, other than a file of an image.
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

// For names, and for attributes of what can change: a change in the layout is seen after this time at the
// latest, also where nothing tells of it.
inline constexpr std::chrono::duration<double> kShortly{1.0};

class VirtualNode;
using VirtualNodePtr = std::shared_ptr<VirtualNode>;

// The root of an image's tree, by its slot (image_slots.h).
struct SlotRoot {
  std::uint32_t slot;
};
using Child = std::variant<VirtualNodePtr, SlotRoot>;

// One inode, with a number of its own as long as it is referenced. Content never changes: where a file's
// content could, its version is part of its identity. Thread-safe. The defaults are those of an inode that is
// none of the kinds.
class VirtualNode {
 public:
  // `identity` tells it from every other one of the mount, and is the same in the next mount.
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

  struct Name {
    std::string name;
    mode_t type;
  };
  // Directories: everything that there is now, and one of that. Names are valid for at most a second.
  virtual Answer<std::vector<Name>> list(const Context& /*context*/) { return std::unexpected(ENOTDIR); }
  virtual Answer<Child> find(std::string_view /*name*/, const Context& /*context*/) {
    return std::unexpected(ENOTDIR);
  }
  // Whether it lists and finds the same as long as it exists.
  virtual bool is_fixed() const { return false; }
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

}  // namespace layoutfs
