#include "tools/cli/template.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/ascii.h"

namespace layoutfs::tools {
namespace {

constexpr std::string_view kOpen = "{{", kClose = "}}";
constexpr int kMaxDepth = 16;  // of nested ranges

std::unexpected<Error> malformed(const std::string& why) {
  return fail(Errc::invalid_argument, "--format: " + why);
}

std::string escapes_replaced(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    const char replaced = next == 'n' ? '\n' : next == 't' ? '\t' : next == '\\' ? '\\' : '\0';
    out += replaced != '\0' ? replaced : text[i];
    if (replaced != '\0') ++i;
  }
  return out;
}

// Returns the words of an action. A quoted word keeps its opening quote.
Result<std::vector<std::string>> words_of(std::string_view action) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < action.size();) {
    if (action[i] == ' ') {
      ++i;
      continue;
    }
    std::size_t end;
    if (action[i] == '"') {
      end = action.find('"', i + 1);
      if (end == std::string_view::npos)
        return malformed("a quote is not closed in '" + std::string(action) + "'");
      words.emplace_back(action.substr(i, end - i));
      ++end;
    } else {
      end = std::min(action.find(' ', i), action.size());
      words.emplace_back(action.substr(i, end - i));
    }
    i = end;
  }
  return words;
}

std::optional<JsonValue> child_of(JsonValue value, std::string_view name) {
  if (value.is_array()) {
    std::size_t position = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), position);
    if (failed != std::errc() || end != name.data() + name.size() || position >= value.size())
      return std::nullopt;
    return value.at(position);
  }
  if (const auto exact = value.find(name)) return exact;
  for (std::size_t i = 0; value.is_object() && i < value.size(); ++i)
    if (std::ranges::equal(value.name_at(i), name, {}, lower_ascii, lower_ascii)) return value.at(i);
  return std::nullopt;
}

Result<JsonValue> step(JsonValue value, std::string_view name) {
  const auto child = child_of(value, name);
  if (!child) return fail(Errc::not_found, "--format: no member '" + std::string(name) + "'");
  return *child;
}

// `path` is for example "." or ".a.b".
Result<JsonValue> at_path(JsonValue value, std::string_view path) {
  if (!path.starts_with('.'))
    return malformed("expected '.' and a member's name, not '" + std::string(path) + "'");
  path.remove_prefix(1);
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    auto next = step(value, name);
    if (!next) return next;
    value = *next;
  }
  return value;
}

class Filler {
 public:
  explicit Filler(std::string_view rest) : rest_(rest) {}

  // Fills up to the end of the template or of the range. Without a value it writes nothing.
  Status fill(std::optional<JsonValue> dot, int depth) {
    for (;;) {
      const std::size_t open = rest_.find(kOpen);
      if (dot) text_ += escapes_replaced(rest_.substr(0, open));
      if (open == std::string_view::npos) {
        rest_ = {};
        if (depth > 0) return malformed("{{range}} without {{end}}");
        return {};
      }
      const std::size_t close = rest_.find(kClose, open);
      if (close == std::string_view::npos) return malformed("{{ without }}");
      const auto words = words_of(rest_.substr(open + kOpen.size(), close - open - kOpen.size()));
      if (!words) return fail(Error(words.error()));
      rest_.remove_prefix(close + kClose.size());
      if (*words == std::vector<std::string>{"end"}) {
        if (depth == 0) return malformed("{{end}} without {{range}}");
        return {};
      }
      auto done =
          !words->empty() && words->front() == "range" ? repeat(*words, dot, depth) : act(*words, dot);
      if (!done) return done;
    }
  }
  std::string take() { return std::move(text_); }

 private:
  Status repeat(const std::vector<std::string>& words, std::optional<JsonValue> dot, int depth) {
    if (words.size() != 2) return malformed("expected {{range .member}}");
    if (depth == kMaxDepth) return malformed("too many {{range}} in each other");
    const std::string_view body = rest_;
    std::optional<JsonValue> list;
    if (dot) {
      const auto found = at_path(*dot, words[1]);
      if (!found) return fail(Error(found.error()));
      list = *found;
    }
    const bool is_list = list && (list->is_array() || list->is_object());
    if (list && !is_list && !list->is_null()) return malformed("{{range " + words[1] + "}}: not a list");
    if (!is_list || list->size() == 0)
      return fill(std::nullopt, depth + 1);  // only finds the end of the range
    for (std::size_t i = 0; i < list->size(); ++i) {
      rest_ = body;
      if (auto done = fill(list->at(i), depth + 1); !done) return done;
    }
    return {};
  }

  Status act(const std::vector<std::string>& words, std::optional<JsonValue> dot) {
    if (!dot) return {};
    const bool is_json = words.size() == 2 && words[0] == "json";
    const bool is_index = words.size() >= 3 && words[0] == "index";
    if (words.size() != 1 && !is_json && !is_index)
      return malformed(
          "expected {{.member}}, {{json .member}}, {{index .member \"name\"}} or {{range .member}}");
    auto value = at_path(*dot, is_json || is_index ? words[1] : words[0]);
    for (std::size_t i = 2; is_index && value && i < words.size(); ++i)
      value = step(*value, words[i].starts_with('"') ? words[i].substr(1) : words[i]);
    if (!value) return fail(Error(value.error()));
    const auto string = is_json ? std::nullopt : value->as_string();
    text_ += string ? std::string(*string) : value->dump();
    return {};
  }

  std::string_view rest_;
  std::string text_;
};

}  // namespace

Result<std::string> fill_template(std::string_view text, JsonValue document) {
  Filler filler(text);
  if (auto done = filler.fill(document, 0); !done) return fail(std::move(done).error());
  return filler.take();
}

}  // namespace layoutfs::tools
