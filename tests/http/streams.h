// For tests of chunks: sources that own their text or fail, and the content of a stream.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/chunks.h"

namespace layoutfs::testing {

// Delivers at most `piece` bytes at a time; returns its error at the end, if it has one.
class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text, std::size_t piece = 1000, std::optional<Error> failure = {})
      : text_(std::move(text)), piece_(piece), failure_(std::move(failure)) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t size = std::min({out.size(), piece_, text_.size() - at_});
    if (size == 0 && !out.empty() && failure_) return fail(Error(*failure_));
    std::ranges::copy(as_bytes(std::string_view(text_).substr(at_, size)), out.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::optional<Error> failure_;
  std::size_t at_ = 0;
};

inline std::unique_ptr<ByteSource> source_of(std::string text, std::size_t piece = 1000) {
  return std::make_unique<TextSource>(std::move(text), piece);
}

// The result of reading a stream of chunks to its end.
struct Delivered {
  std::vector<std::string> chunks;  // the last one may be cut off by the error
  std::optional<Errc> error;
  std::string message;
};

// Reads each chunk in pieces of `piece` bytes, but only `most` bytes of it.
inline Delivered deliver(Result<std::unique_ptr<ChunkStream>> stream, std::size_t piece = 7,
                         std::size_t most = std::string::npos) {
  Delivered all;
  const auto failed = [&](const Error& error) {
    all.error = error.code();
    all.message = error.message();
    return all;
  };
  if (!stream) return failed(stream.error());
  Bytes buffer(piece);
  for (;;) {
    const auto source = (*stream)->next();
    if (!source) return failed(source.error());
    if (*source == nullptr) return all;
    std::string& text = all.chunks.emplace_back();
    while (text.size() < most) {
      const auto got = (*source)->read(std::span(buffer).first(std::min(piece, most - text.size())));
      if (!got) return failed(got.error());
      if (*got == 0) break;
      text += as_text(ByteView(buffer).first(*got));
    }
  }
}

}  // namespace layoutfs::testing
