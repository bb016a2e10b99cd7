// Fuzzes filters of images. A valid filter is rebuilt from the words of the scanner and must mean the same;
// an error must state the position.
#include <map>

#include "core/base/utf8.h"
#include "core/names/filter_scanner.h"
#include "layoutfs/filter.h"
#include "tests/fuzz/fuzz_input.h"

namespace layoutfs::fuzzing {
namespace {

// Checks that words are contiguous except for blanks, up to the end.
void check_words(std::string_view text) {
  FilterScanner scanner(text);
  std::size_t end = 0;
  for (std::size_t count = 0;; ++count) {
    check(count <= text.size(), "the scanner does not come to an end");
    const FilterCharacter following = scanner.peek();
    check(following.bytes == text.substr(scanner.position(), following.bytes.size()),
          "a character is not there");
    const FilterWord word = scanner.scan();
    check(word.position >= end, "a word begins within the one before");
    check(text.substr(word.position).starts_with(word.text), "a word is not what stands there");
    if (word.token == FilterToken::illegal)
      check(!scanner.error().empty(), "an illegal word without a reason");
    if (word.token == FilterToken::end) break;
    if (word.token == FilterToken::quoted) {
      const auto plain = unquoted(word.text);
      // An escape of two bytes or more is a character of at most four, out of ten.
      if (plain) check(plain->size() <= 2 * word.text.size(), "quotes hold more than they can");
    }
    end = scanner.position();
    check(end > word.position, "a word of no length");
  }
  check(scanner.scan().token == FilterToken::end, "there is something behind the end");
}

std::optional<std::string> look_up(std::span<const std::string> path) {
  check(!path.empty(), "a field without a name");
  static const std::map<std::string, std::string, std::less<>> kFields{
      {"name", "docker.io/library/app:1.2"}, {"labels", "x"}, {"a", ""}, {"b", "true"}};
  const auto found = kFields.find(path.front());
  return found == kFields.end() ? std::nullopt : std::optional(found->second);
}

void check_filter(std::string_view text) {
  const auto filter = Filter::parse(text);
  if (!filter) {
    check(filter.error().code() == Errc::invalid_argument, "a filter is refused for another reason");
    check(filter.error().message().starts_with("filters: "), "a filter is refused in other words");
    return;
  }
  const bool is_fitting = filter->match(look_up);
  check(Filter(*filter).match(look_up) == is_fitting, "a copy fits something else");
  if (text.empty()) return;
  // All selectors must hold, and one filter of several.
  const std::string twice = std::string(text) + "," + std::string(text);
  if (const auto both = Filter::parse(twice))
    check(both->match(look_up) == is_fitting, "a filter twice fits something else");
  const std::string never = std::string(text) + ",nowhere";
  if (twice.size() <= Filter::kMaxLength) {
    const auto none = must(Filter::parse(never), "a filter and a field do not parse");
    check(!none.match(look_up), "a field that is not there is found");
  }
  const std::string texts[] = {std::string(text), ""};
  check(must(Filter::parse_all(texts), "two filters do not parse").match(look_up), "nothing fits everything");
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs::fuzzing;
  const std::string_view text = layoutfs::as_text(std::as_bytes(std::span(data, size)));
  check_words(text);
  check_filter(text);
  return 0;
}
