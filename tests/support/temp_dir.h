// A directory of a test's own, and files in it.
#pragma once

#include <stdlib.h>  // mkdtemp
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "layoutfs/bytes.h"

namespace layoutfs::testing {

// Writes a file and creates its missing parent folders; overwrites an existing file in place.
inline void write_file(const std::filesystem::path& path, ByteView content) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}
inline void write_file(const std::filesystem::path& path, std::string_view content) {
  write_file(path, as_bytes(content));
}

// A fresh directory below $TMPDIR, removed with all it holds at the end.
class TempDir {
 public:
  TempDir() : path_((std::filesystem::temp_directory_path() / "layoutfs-test-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  // The path of `name` below the directory.
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace layoutfs::testing
