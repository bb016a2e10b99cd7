// Helpers for load tests of the store: content, and checks that stored blobs are intact.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/engine.h"

namespace layoutfs::testing {

// The number of rounds of a test.
inline int rounds() { return std::getenv("LAYOUTFS_TEST_FULL") == nullptr ? 20 : 200; }

// A text for each name, of up to 20 KB.
inline std::string content_of(const std::string& name) {
  std::string text;
  for (auto left = std::hash<std::string>()(name) % 2000 + 1; left > 0; --left) text += name + "\n";
  return text.substr(0, 20'000);
}

// Delivers a text in pieces.
class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : rest_(text) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::string_view piece = rest_.substr(0, std::min<std::size_t>(out.size(), 4000));
    std::ranges::copy(as_bytes(piece), out.begin());
    rest_.remove_prefix(piece.size());
    return piece.size();
  }

 private:
  std::string_view rest_;
};

inline Result<PutResult> put_text(Engine& engine, std::string_view text) {
  TextSource content(text);
  return engine.put_blob(content);
}

inline Descriptor descriptor_of(const Result<PutResult>& put) {
  return {.media_type = "application/octet-stream", .digest = put->digest, .size = put->size};
}

// Returns the problem of a blob: "", "absent", or a sentence.
inline std::string content_problem(const LayoutReader& engine, const Digest& digest) {
  const auto blob = engine.get_blob(digest);
  if (!blob && blob.error().code() == Errc::not_found) return "absent";
  if (!blob) return blob.error().message();
  Bytes content((*blob)->size() + 1);
  const auto size = (*blob)->read_at(content, 0);
  if (!size) return size.error().message();
  content.resize(*size);
  if (Digest::of(content, digest.algorithm()) == digest) return "";
  return digest.str() + " holds something else, of " + std::to_string(*size) + " bytes";
}

// The temporary folders in a layout.
inline std::vector<std::string> litter_of(const std::string& layout) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(layout))
    if (entry.path().filename().string().starts_with(".oci-")) found.push_back(entry.path().filename());
  return found;
}

}  // namespace layoutfs::testing
