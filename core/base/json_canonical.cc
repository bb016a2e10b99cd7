// The canonical form of a JSON value, for digests.
#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace layoutfs {
namespace {

// JsonWriter escapes only the characters that JSON requires. Go's encoding/json also escapes those that are
// special in HTML or end a line in JavaScript. In JSON these occur only inside strings.
std::string html_escaped(std::string_view json) {
  constexpr std::string_view kLineSeparators = "\xe2\x80";  // U+2028 and U+2029 end in a8 and a9
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = json.substr(i);
    if (json[i] == '<') {
      out += "\\u003c";
    } else if (json[i] == '>') {
      out += "\\u003e";
    } else if (json[i] == '&') {
      out += "\\u0026";
    } else if (rest.size() > 2 && rest.starts_with(kLineSeparators) &&
               (rest[2] == '\xa8' || rest[2] == '\xa9')) {
      out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

// The parser has bounded the depth.
void write_sorted(JsonWriter& writer, JsonValue value) {
  if (value.is_array()) {
    writer.begin_array();
    for (std::size_t i = 0; i < value.size(); ++i) write_sorted(writer, value.at(i));
    writer.end_array();
  } else if (value.is_object()) {
    std::vector<std::size_t> order(value.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(value.name_at(i), i); });
    writer.begin_object();
    for (const std::size_t i : order) {
      writer.key(value.name_at(i));
      write_sorted(writer, value.at(i));
    }
    writer.end_object();
  } else {
    writer.value(value);
  }
}

}  // namespace

std::string canonical_json(JsonValue value) {
  JsonWriter writer;
  write_sorted(writer, value);
  return html_escaped(writer.str()) + "\n";
}

}  // namespace layoutfs
