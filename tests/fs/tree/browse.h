// For tests: asks a Filesystem as the kernel does, by paths.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/image/image_library.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/layout_filesystem.h"
#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/tar_writer.h"

namespace layoutfs::testing {

class Browser {
 public:
  explicit Browser(Filesystem& filesystem) : filesystem_(filesystem) {}

  // Symlinks are not followed.
  Answer<LookupResult> at(std::string_view path) const {
    LookupResult entry{.inode = kRootNumber, .attributes = {}, .valid = {}};
    while (!path.empty()) {
      const auto slash = path.find('/');
      const auto next = filesystem_.lookup(entry.inode, path.substr(0, slash));
      if (!next) return next;
      if (next->inode == 0) return std::unexpected(ENOENT);
      entry = *next;
      path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return entry;
  }
  bool exists(std::string_view path) const { return at(path).has_value(); }
  InodeNumber node(std::string_view path) const { return at(path).value_or(LookupResult{}).inode; }

  std::string content(InodeNumber node) const {
    constexpr std::size_t kPiece = 5'777;  // so that reads begin and end anywhere
    std::string text;
    while (true) {
      IoBuffers pieces;
      if (const auto got = filesystem_.read(node, pieces, kPiece, text.size()); !got)
        return "errno " + std::to_string(got.error());
      Bytes bytes(pieces.size());
      pieces.copy_to(bytes);
      text += as_text(bytes);
      if (bytes.size() < kPiece) return text;
    }
  }
  std::string content(std::string_view path) const {
    const auto entry = at(path);
    return entry ? content(entry->inode) : "errno " + std::to_string(entry.error());
  }
  std::string link(std::string_view path) const {
    const auto entry = at(path);
    return entry ? filesystem_.readlink(entry->inode).value_or("not a link") : "absent";
  }

  // Sorted names, without "." and "..", a few at a time.
  std::vector<std::string> names(InodeNumber directory, std::size_t at_once = 3) const {
    std::vector<std::string> names;
    std::uint64_t cookie = 0;
    for (bool is_more = true; is_more;) {
      is_more = false;
      std::size_t left = at_once;
      const auto listed = filesystem_.readdir(directory, cookie, [&](const Filesystem::Listed& entry) {
        if (left-- == 0) return !(is_more = true);
        cookie = entry.cookie;
        if (entry.name != "." && entry.name != "..") names.emplace_back(entry.name);
        return true;
      });
      if (!listed) return {"errno " + std::to_string(listed.error())};
    }
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::string> names(std::string_view path) const {
    const auto entry = at(path);
    return entry ? names(entry->inode) : std::vector<std::string>{"errno " + std::to_string(entry.error())};
  }

 private:
  Filesystem& filesystem_;
};

inline Platform test_platform() { return {"linux", "amd64", ""}; }

// A layout and a filesystem of it, with an index cache that stores nothing.
struct MountedLayout {
  TempDir temp;
  LayoutWriter writer{temp / "layout"};
  std::shared_ptr<ImageLibrary> library;
  std::shared_ptr<Filesystem> filesystem;

  Descriptor image(const std::string& tar, const std::string& salt = "") {
    const auto layer = writer.blob(tar + salt, kTarType);
    return writer.manifest(writer.config({Digest::of(as_bytes(tar + salt))}), {layer});
  }
  Browser mount(Ownership ownership = {}) {
    auto engine = open_dir(writer.path());
    EXPECT_TRUE(engine) << engine.error().message();
    library = std::make_shared<ImageLibrary>(std::move(*engine), IndexCache(), LibraryOptions{});
    filesystem = make_layout_filesystem(library, {test_platform(), ownership});
    return Browser(*filesystem);
  }
};

inline std::string manifest_path(const Digest& digest) { return "manifests/sha256/" + digest.hex(); }

}  // namespace layoutfs::testing
