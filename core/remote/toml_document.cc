// TOML by toml11, which this is the only source to include: it takes seconds to compile, and reports errors
// by exceptions.
#include "core/remote/toml_document.h"

#include <algorithm>
#include <exception>
#include <new>
#include <sstream>
#include <tuple>
#include <utility>

#include <toml.hpp>

#include "core/base/utf8.h"
#include "core/remote/config_file.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxTomlFile = std::size_t{256} << 10;  // the parser is quadratic in the size of arrays
constexpr std::size_t kMaxTomlDepth = 32;                     // the parser is recursive
constexpr std::size_t kMaxDotsInLine = 64;                    // each dot of a key is one more table
constexpr std::size_t kMaxTomlValues = 10'000;                // finding a line takes the parser time

// Returns the position behind the string that starts at `start`.
std::size_t end_of_toml_string(std::string_view text, std::size_t start) {
  const char quote = text[start];
  const std::string long_quote(3, quote);
  const bool is_long = text.substr(start).starts_with(long_quote);
  std::size_t at = start + (is_long ? 3 : 1);
  while (at < text.size()) {
    if (quote == '"' && text[at] == '\\')
      at += 2;
    else if (is_long ? text.substr(at).starts_with(long_quote) : text[at] == quote)
      return at + (is_long ? 3 : 1);
    else
      ++at;
  }
  return text.size();
}

// Returns the line where brackets or dots are nested too deeply for a recursive parser; 0 if there is none.
// Up to the first syntax error, strings and comments end where they do for the parser.
std::size_t line_nested_too_deeply(std::string_view text) {
  std::size_t depth = 0, dots = 0, line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      const std::size_t end = std::min(end_of_toml_string(text, at), text.size());
      line += static_cast<std::size_t>(std::ranges::count(text.substr(at, end - at), '\n'));
      at = end;
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == '.') ++dots;
    if (c == '\n') {
      dots = 0;
      ++line;
    }
    if (depth > kMaxTomlDepth || dots > kMaxDotsInLine) return line;
    ++at;
  }
  return 0;
}

std::string place(const std::string& path, std::size_t line) { return path + ":" + std::to_string(line); }

// Returns the reason in a message of toml11: "[error] toml::FUNCTION: REASON", followed by lines of the file,
// which may contain secrets.
std::string toml_reason(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  if (const auto end = message.find("] "); message.starts_with('[') && end != std::string_view::npos)
    message.remove_prefix(end + 2);
  if (const auto end = message.find(": "); message.starts_with("toml::") && end != std::string_view::npos)
    message.remove_prefix(end + 2);
  return printable(message);
}

class TomlTree {
 public:
  // Returns nullopt if there are too many values.
  std::optional<TomlValue> copy(const toml::value& from, std::size_t line) {
    if (++values_ > kMaxTomlValues) return std::nullopt;
    TomlValue to{.kind = TomlValue::Kind::other, .line = line};
    if (from.is_string()) {
      to.kind = TomlValue::Kind::string;
      to.text = from.as_string().str;
    } else if (from.is_boolean()) {
      to.kind = TomlValue::Kind::boolean;
      to.is_true = from.as_boolean();
    } else if (from.is_array()) {
      to.kind = TomlValue::Kind::array;
      for (const toml::value& element : from.as_array())
        if (!add(element, element.is_table() ? element.location().line() : line, to)) return std::nullopt;
    } else if (from.is_table()) {
      to.kind = TomlValue::Kind::table;
      if (from.as_table().size() > kMaxTomlValues - values_) return std::nullopt;
      for (const Member& member : in_order(from.as_table())) {
        to.names.push_back(*member.name);
        if (!add(*member.value, member.line, to)) return std::nullopt;
      }
    }
    return to;
  }

 private:
  struct Member {
    std::size_t line, column;
    const std::string* name;
    const toml::value* value;
  };

  bool add(const toml::value& element, std::size_t line, TomlValue& to) {
    auto copied = copy(element, line);
    if (copied) to.elements.push_back(std::move(*copied));
    return copied.has_value();
  }

  // The tables of toml11 have no order.
  static std::vector<Member> in_order(const toml::table& table) {
    std::vector<Member> members;
    for (const auto& [name, value] : table) {
      const auto location = value.location();
      members.push_back({location.line(), location.column(), &name, &value});
    }
    std::ranges::sort(members, {}, [](const Member& member) { return std::tie(member.line, member.column); });
    return members;
  }

  std::size_t values_ = 0;
};

}  // namespace

const TomlValue* TomlValue::find(std::string_view name) const {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? nullptr : &elements[static_cast<std::size_t>(found - names.begin())];
}

Result<std::optional<TomlDocument>> TomlDocument::read(const std::string& path) {
  auto content = read_config_file(path);
  if (!content) return fail(std::move(content).error());
  if (!*content) return std::nullopt;
  auto document = parse(path, as_text(**content));
  if (!document) return fail(std::move(document).error());
  return std::move(*document);
}

Result<TomlDocument> TomlDocument::parse(const std::string& path, std::string_view text) {
  if (text.size() > kMaxTomlFile)
    return fail(Errc::invalid_argument, path + ": larger than " + std::to_string(kMaxTomlFile) + " bytes");
  // The parser reads outside its memory when it reports invalid UTF-8.
  if (!is_utf8(text)) return fail(Errc::invalid_argument, path + ": not valid UTF-8");
  if (const std::size_t line = line_nested_too_deeply(text); line > 0)
    return fail(Errc::invalid_argument, place(path, line) + ": nested too deeply");
  try {
    std::istringstream stream{std::string(text)};
    auto root = TomlTree().copy(toml::parse(stream, path), 1);
    if (!root) return fail(Errc::invalid_argument, path + ": too many values");
    return TomlDocument{path, std::move(*root)};
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const toml::exception& error) {
    return fail(Errc::invalid_argument,
                place(path, error.location().line()) + ": " + toml_reason(error.what()));
  } catch (const std::exception& error) {
    return fail(Errc::invalid_argument, path + ": " + toml_reason(error.what()));
  }
}

}  // namespace layoutfs
