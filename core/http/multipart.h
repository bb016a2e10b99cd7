// The parts of a body of a multipart type (RFC 2046, section 5.1), each as it arrives.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Keeps 64 KiB of the body at most. An error is final: Errc::unexpected_eof if the body
// ends before its last boundary, Errc::corrupt if it breaks the format, or the error of the body. For one
// thread at a time.
class MultipartReader {
 public:
  static constexpr std::size_t kMaxBoundary = 70;  // bytes, RFC 2046
  // Against a body that is all header. The preamble is skipped.
  static constexpr std::size_t kMaxLine = std::size_t{8} << 10;  // bytes
  static constexpr std::size_t kMaxFields = 64;                  // of a part
  static constexpr std::size_t kMaxPreamble = std::size_t{64} << 10;

  // Errc::corrupt for a boundary that is empty or too long.
  static Result<MultipartReader> open(std::unique_ptr<ByteSource> body, std::string_view boundary);

  // Goes to the next part, over what is left of this one. False at the last boundary; what is behind that is
  // not looked at.
  Result<bool> next_part();
  // The part's field Content-Range, of which it has no more than one.
  const std::optional<std::string>& content_range() const noexcept { return content_range_; }
  // Some bytes of the part; 0 only at its end, or for an empty `out`.
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
  std::size_t begin_ = 0, end_ = 0;  // read and not used yet, in buffer_
  std::size_t content_end_ = 0;      // up to there it is the part's
  bool is_at_start_ = true, is_delimiter_found_ = false, is_at_end_ = false;
  std::optional<std::string> content_range_;
};

}  // namespace layoutfs
