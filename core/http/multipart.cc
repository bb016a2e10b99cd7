#include "core/http/multipart.h"

#include <algorithm>

#include "core/http/fields.h"

namespace layoutfs {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kPadding = " \t";
constexpr std::size_t kBufferSize = std::size_t{64} << 10;

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kPadding), text.size()));
  return text.substr(0, text.find_last_not_of(kPadding) + 1);
}

}  // namespace

Result<MultipartReader> MultipartReader::open(std::unique_ptr<ByteSource> body, std::string_view boundary) {
  if (boundary.empty() || boundary.size() > kMaxBoundary)
    return fail(Errc::corrupt, "a multipart boundary has " + std::to_string(boundary.size()) + " bytes");
  return MultipartReader(std::move(body), boundary);
}

MultipartReader::MultipartReader(std::unique_ptr<ByteSource> body, std::string_view boundary)
    : body_(std::move(body)),
      delimiter_(std::string(kLineEnd) + "--" + std::string(boundary)),
      buffer_(kBufferSize) {
  // The first boundary may be the first line of the body, without a preceding line end.
  copy_bytes(as_bytes(kLineEnd), buffer_);
  end_ = kLineEnd.size();
}

std::string_view MultipartReader::available() const {
  return as_text(ByteView(buffer_).subspan(begin_, end_ - begin_));
}

// Reads more of the body; there is always room. Returns false at the end of the body.
Result<bool> MultipartReader::fill() {
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
  content_end_ -= std::min(content_end_, begin_);
  end_ -= begin_;
  begin_ = 0;
  const auto got = body_->read(std::span(buffer_).subspan(end_));
  if (!got) return fail(Error(got.error()));
  end_ += *got;
  return *got > 0;
}

// Finds the end of the part in the buffer.
Status MultipartReader::find_delimiter() {
  while (!is_delimiter_found_ && content_end_ <= begin_) {
    if (available().size() < delimiter_.size()) {
      const auto more = fill();
      if (!more) return fail(Error(more.error()));
      if (!*more) return fail(Errc::unexpected_eof, "a multipart body ends before its last boundary");
      continue;
    }
    const auto found = available().find(delimiter_);
    is_delimiter_found_ = found != std::string_view::npos;
    // The last bytes may be the start of a delimiter.
    content_end_ = is_delimiter_found_ ? begin_ + found : end_ - delimiter_.size() + 1;
  }
  return {};
}

Result<std::size_t> MultipartReader::read(std::span<std::byte> out) {
  if (out.empty() || is_at_end_) return 0;
  if (auto found = find_delimiter(); !found) return fail(std::move(found).error());
  const std::size_t size = std::min(out.size(), content_end_ - begin_);
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), size, out.begin());
  begin_ += size;
  return size;
}

Status MultipartReader::pass_over(std::optional<std::size_t> limit) {
  for (std::size_t size = 0;;) {
    if (auto found = find_delimiter(); !found) return found;
    size += content_end_ - begin_;
    begin_ = content_end_;
    if (is_delimiter_found_) return {};
    if (limit && size > *limit) return fail(Errc::corrupt, "a multipart body does not begin with a boundary");
  }
}

// Reads up to and including the line end. Valid until the next read.
Result<std::string_view> MultipartReader::read_line() {
  for (std::size_t seen = 0;;) {
    const auto found = available().find(kLineEnd, seen);
    if (found != std::string_view::npos && found <= kMaxLine) {
      const std::string_view line = available().substr(0, found);
      begin_ += found + kLineEnd.size();
      return line;
    }
    if (available().size() > kMaxLine) return fail(Errc::corrupt, "a line of a multipart header is too long");
    seen = available().size() - (available().ends_with('\r') ? 1 : 0);
    const auto more = fill();
    if (!more) return fail(Error(more.error()));
    if (!*more) return fail(Errc::unexpected_eof, "a multipart body ends in a header");
  }
}

Result<bool> MultipartReader::next_part() {
  if (is_at_end_) return false;
  if (auto passed = pass_over(is_at_start_ ? std::optional(kMaxPreamble) : std::nullopt); !passed)
    return fail(std::move(passed).error());
  is_at_start_ = false;
  begin_ += delimiter_.size();
  while (available().size() < 2) {
    const auto more = fill();
    if (!more) return fail(Error(more.error()));
    if (!*more) return fail(Errc::unexpected_eof, "a multipart body ends in a boundary");
  }
  if (available().starts_with("--")) {
    is_at_end_ = true;
    return false;
  }
  is_delimiter_found_ = false;
  const auto padding = read_line();
  if (!padding) return fail(Error(padding.error()));
  if (!trimmed(*padding).empty()) return fail(Errc::corrupt, "a multipart boundary is not alone on its line");
  if (auto fields = read_fields(); !fields) return fail(std::move(fields).error());
  content_end_ = begin_;
  return true;
}

Status MultipartReader::read_fields() {
  content_range_.reset();
  for (std::size_t count = 0; count <= kMaxFields; ++count) {
    const auto line = read_line();
    if (!line) return fail(Error(line.error()));
    if (line->empty()) return {};
    if (auto read = read_field(*line); !read) return read;
  }
  return fail(Errc::corrupt, "a part of a multipart body has too many header fields");
}

Status MultipartReader::read_field(std::string_view line) {
  // A line that starts with a blank continues the previous field; the fields we need never do.
  if (kPadding.find(line.front()) != std::string_view::npos) return {};
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return fail(Errc::corrupt, "a multipart header has an invalid line");
  if (!is_same_token(trimmed(line.substr(0, colon)), "content-range")) return {};
  if (content_range_) return fail(Errc::corrupt, "a part of a multipart body has two Content-Range fields");
  content_range_ = trimmed(line.substr(colon + 1));
  return {};
}

}  // namespace layoutfs
