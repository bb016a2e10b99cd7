// Fuzzes answers to range requests: multipart bodies, against a parser of whole texts, and header fields.
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "core/http/fields.h"
#include "core/http/multipart.h"
#include "core/http/partial_body.h"
#include "tests/fuzz/fuzz_input.h"

namespace layoutfs::fuzzing {
namespace {

constexpr std::string_view kBoundary = "AAA";
constexpr std::size_t kLongest = 300;  // bytes of a field; std::regex goes down the stack for each

struct Part {
  std::optional<std::string> range;
  std::string content;
  friend bool operator==(const Part&, const Part&) = default;
};
// The parts up to the end or the first error.
struct Parts {
  std::vector<Part> parts;
  bool is_right = false;
};

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t") + 1 - begin));
}

// RFC 2046, 5.1.1, on a text that is all there.
Parts parse_whole(const std::string& body) {
  const std::string text = "\r\n" + body, delimiter = "\r\n--" + std::string(kBoundary);
  Parts all;
  std::size_t at = text.find(delimiter);
  while (at != std::string::npos) {
    at += delimiter.size();
    if (text.compare(at, 2, "--") == 0) {
      all.is_right = true;
      return all;
    }
    Part part;
    for (std::size_t line = 0;; ++line) {
      const std::size_t end = text.find("\r\n", at);
      if (end == std::string::npos || end - at > MultipartReader::kMaxLine) return all;
      const std::string_view field = std::string_view(text).substr(at, end - at);
      at = end + 2;
      if (line == 0) {
        if (!trimmed(field).empty()) return all;
        continue;
      }
      if (field.empty()) break;
      if (line > MultipartReader::kMaxFields) return all;
      if (field.front() == ' ' || field.front() == '\t') continue;
      const auto colon = field.find(':');
      if (colon == std::string_view::npos) return all;
      if (!is_same_token(trimmed(field.substr(0, colon)), "Content-Range")) continue;
      if (part.range) return all;
      part.range = trimmed(field.substr(colon + 1));
    }
    const std::size_t end = text.find(delimiter, at);
    if (end == std::string::npos) return all;
    part.content = text.substr(at, end - at);
    all.parts.push_back(std::move(part));
    at = end;
  }
  return all;
}

// Delivers a text in pieces of arbitrary sizes.
class Pieces final : public ByteSource {
 public:
  Pieces(std::string text, std::uint32_t seed, std::size_t most)
      : text_(std::move(text)), choices_(seed), most_(most) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t size = std::min({out.size(), 1 + choices_.below(most_), text_.size() - at_});
    std::ranges::copy(as_bytes(std::string_view(text_).substr(at_, size)), out.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  Choices choices_;
  std::size_t most_, at_ = 0;
};

Parts parse_in_pieces(const std::string& body, std::uint32_t seed, std::size_t most) {
  Choices choices(seed);
  auto reader = must(MultipartReader::open(std::make_unique<Pieces>(body, seed, most), kBoundary),
                     "a boundary is refused");
  Parts all;
  for (;;) {
    const auto is_there = reader.next_part();
    if (!is_there) return all;
    if (!*is_there) {
      const auto again = reader.next_part();
      check(again && !*again, "the end does not stay");
      all.is_right = true;
      return all;
    }
    Part part{.range = reader.content_range(), .content = {}};
    for (Bytes buffer(most);;) {
      const auto got = reader.read(std::span(buffer).first(1 + choices.below(most)));
      if (!got) return all;
      if (*got == 0) break;
      part.content += as_text(ByteView(buffer).first(*got));
    }
    all.parts.push_back(std::move(part));
  }
}

// Returns the chunks that these parts form, if they are valid.
std::vector<BlobChunk> chunks_in(const Parts& all) {
  std::vector<BlobChunk> chunks;
  for (const Part& part : all.parts) {
    const auto range = part.range ? ContentRange::parse(*part.range) : fail(Errc::corrupt, "");
    if (!range || range->last - range->first + 1 != part.content.size()) return {};
    chunks.push_back({range->first, part.content.size()});
  }
  return chunks;
}

void check_split(const std::string& body, const Parts& all, std::uint32_t seed, std::size_t most) {
  std::vector<BlobChunk> chunks = chunks_in(all);
  const bool is_wanted = all.is_right && !chunks.empty() && validate_chunks(chunks);
  if (!is_wanted) chunks = {{0, 1}, {3, 2}};
  auto stream = must(split_partial_body(std::make_unique<Pieces>(body, seed, most),
                                        {"multipart/byteranges; boundary=AAA", ""}, chunks),
                     "an answer is not begun");
  Bytes buffer(most);
  std::size_t count = 0;
  for (;; ++count) {
    const auto source = stream->next();
    check(source.has_value() || !is_wanted, "what was asked for is refused");
    if (!source) break;
    if (*source == nullptr) {
      check(count == chunks.size(), "another number of chunks was delivered");
      return;
    }
    std::string text;
    for (;;) {
      const auto got = (*source)->read(buffer);
      check(got.has_value() || !is_wanted, "what was asked for breaks off");
      if (!got) break;
      if (*got == 0) {
        check(count < chunks.size() && text.size() == chunks[count].length, "a chunk has another length");
        check(!is_wanted || text == all.parts[count].content, "a chunk is another one");
        break;
      }
      text += as_text(ByteView(buffer).first(*got));
    }
  }
  check(!stream->next(), "an error does not stay");
}

void check_fields(std::string_view text) {
  static const std::regex kRange("[ \t]*[bB][yY][tT][eE][sS] [ \t]*[0-9]+-[0-9]+/([0-9]+|\\*)[ \t]*");
  if (const auto range = ContentRange::parse(text)) {
    check(std::regex_match(text.begin(), text.end(), kRange), "a range is taken that is none");
    check(range->first <= range->last, "a range ends before it begins");
    check(!range->size || *range->size > range->last, "a range is outside of the whole");
  }
  if (const auto type = ContentType::parse(text))
    check(type->type.find('/') != std::string::npos, "a type has no subtype");
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs::fuzzing;
  Input input(data, size);
  const std::uint32_t seed = input.number();
  const std::size_t most = 1 + input.below(4096);
  const std::string body(layoutfs::as_text(input.rest()));
  check_fields(std::string_view(body).substr(0, kLongest));
  const Parts whole = parse_whole(body), pieces = parse_in_pieces(body, seed, most);
  layoutfs::check(whole.parts == pieces.parts, "other parts than in the whole text");
  layoutfs::check(whole.is_right == pieces.is_right, "right and wrong are told apart otherwise");
  check_split(body, whole, seed, most);
  return 0;
}
