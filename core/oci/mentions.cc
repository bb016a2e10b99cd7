#include "core/oci/mentions.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "core/base/json.h"

namespace layoutfs {
namespace {

bool is_separator(char c) noexcept { return c == ':' || c == '/' || c == '-'; }

// Returns the number of hex digits of a digest.
std::size_t hex_size(Algorithm algorithm) { return Digest::of({}, algorithm).hex().size(); }

class MentionSearch {
 public:
  MentionSearch() {
    for (const Algorithm algorithm : algorithms())
      kinds_.push_back({std::string(name_of(algorithm)), hex_size(algorithm)});
  }

  // Adds every digest in `text`.
  void search(std::string_view text) {
    for (const Kind& kind : kinds_)
      for (auto found = text.find(kind.name); found != std::string_view::npos;
           found = text.find(kind.name, found + 1))
        add(kind, text.substr(found + kind.name.size()));
  }

  void search(JsonValue root) {
    std::vector<JsonValue> open{root};
    while (!open.empty()) {
      const JsonValue value = open.back();
      open.pop_back();
      if (const auto text = value.as_string()) search(*text);
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (value.is_object()) search(value.name_at(i));
        open.push_back(value.at(i));
      }
    }
  }

  std::vector<Digest> found() && {
    std::ranges::sort(digests_);
    const auto repeated = std::ranges::unique(digests_);
    digests_.erase(repeated.begin(), repeated.end());
    return std::move(digests_);
  }

 private:
  struct Kind {
    std::string name;
    std::size_t hex_size;
  };

  // `rest` is the text after the name of an algorithm.
  void add(const Kind& kind, std::string_view rest) {
    if (rest.size() <= kind.hex_size || !is_separator(rest.front())) return;
    auto digest = Digest::parse(kind.name + ":" + std::string(rest.substr(1, kind.hex_size)));
    if (digest) digests_.push_back(std::move(*digest));
  }

  std::vector<Kind> kinds_;
  std::vector<Digest> digests_;
};

}  // namespace

bool looks_like_document(ByteView content) noexcept {
  const auto text = as_text(content);
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

std::vector<Digest> digests_in(ByteView document) {
  MentionSearch search;
  if (const auto json = JsonDocument::parse(document, {.are_names_unique = false}))
    search.search(json->root());
  else
    search.search(as_text(document));
  return std::move(search).found();
}

}  // namespace layoutfs
