// Shared by the tests of the store: content, descriptors, and the state of a directory.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "layoutfs/engine.h"

namespace layoutfs::testing {

inline Result<PutResult> put_text(Engine& engine, std::string_view text, const PutOptions& options = {}) {
  MemorySource content(as_bytes(text));
  return engine.put_blob(content, options);
}

inline std::string read_text(const Blob& blob) {
  Bytes content(static_cast<std::size_t>(blob.size()));
  const auto size = blob.read_at(content, 0);
  return size && *size == content.size() ? std::string(as_text(content)) : "unreadable";
}

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

inline Descriptor descriptor_of(std::string_view content, std::string_view media_type) {
  return Descriptor{
      .media_type = std::string(media_type), .digest = Digest::of(as_bytes(content)), .size = content.size()};
}

// Everything below `root`: the path, and of a file its inode, time and content.
inline std::map<std::string, std::string> state_of_tree(const std::string& root) {
  std::map<std::string, std::string> state;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    std::string& what = state[entry.path().lexically_relative(root).string()];
    if (!entry.is_regular_file()) continue;
    struct stat found{};
    ::stat(entry.path().c_str(), &found);
    what = std::to_string(found.st_ino) + " " + std::to_string(found.st_mtim.tv_nsec) + " " +
           file_text(entry.path());
  }
  return state;
}

// The names in a directory, sorted.
inline std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace layoutfs::testing
