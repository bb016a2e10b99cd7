// The parts of a multipart body (RFC 2046, section 5.1), as they arrive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Buffers at most 64 KiB of the body. Errors are final: Errc::unexpected_eof if the body ends before its last
// boundary, Errc::corrupt if it violates the format, or an error of the body. For one thread at a time.
class MultipartReader {
 public:
  static constexpr std::size_t kMaxBoundary = 70;  // bytes, RFC 2046
  // Limits for a body that consists only of headers. The preamble is skipped.
  static constexpr std::size_t kMaxLine = std::size_t{8} << 10;  // bytes
  static constexpr std::size_t kMaxFields = 64;                  // of a part
  static constexpr std::size_t kMaxPreamble = std::size_t{64} << 10;

  // Errc::corrupt if the boundary is empty or too long.
  static Result<MultipartReader> open(std::unique_ptr<ByteSource> body, std::string_view boundary);

  // Skips the rest of this part and moves to the next one. Returns false at the last boundary; data after it
  // is ignored.
  Result<bool> next_part();
  // Returns the part's Content-Range, which occurs at most once.
  const std::optional<std::string>& content_range() const noexcept { return content_range_; }
  // Reads some bytes of the part. Returns 0 only at its end or if `out` is empty.
  Result<std::size_t> read(std::span<std::byte> out);

 private:
  MultipartReader(std::unique_ptr<ByteSource> body, std::string_view boundary);
  std::string_view available() const;
  Result<bool> fill();
  Status find_delimiter();
  Status pass_over(std::optional<std::size_t> limit);
  Result<std::string_view> read_line();
  Status read_fields();
  Status read_field(std::string_view line);

  std::unique_ptr<ByteSource> body_;
  std::string delimiter_;  // "\r\n--BOUNDARY"
  Bytes buffer_;
  std::size_t begin_ = 0, end_ = 0;  // unread bytes in buffer_
  std::size_t content_end_ = 0;      // end of the part's content in buffer_
  bool is_at_start_ = true, is_delimiter_found_ = false, is_at_end_ = false;
  std::optional<std::string> content_range_;
};

}  // namespace layoutfs
