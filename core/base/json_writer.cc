// Writes JSON text incrementally.
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/json.h"
#include "core/base/utf8.h"

namespace layoutfs {
namespace {

void append_escaped(std::string& text, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  if (const auto found = kPlain.find(c); found != std::string_view::npos) {
    text += '\\';
    text += kLetters[found];
  } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
    text += "\\u00";
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  } else {
    text += c;
  }
}

// ASCII without escaping: nearly all text.
bool is_plain(char c) { return c >= 0x20 && c != '"' && c != '\\'; }

// Returns whether all of eight bytes are plain.
bool are_plain(const char* eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x80 * kOnes;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, eight, sizeof bytes);
  // The high bit of a byte of (x - kOnes) & ~x is set if the byte is zero.
  const std::uint64_t quotes = bytes ^ '"' * kOnes, backslashes = bytes ^ '\\' * kOnes;
  const std::uint64_t others = (bytes | (bytes - 0x20 * kOnes) | ((quotes - kOnes) & ~quotes) |
                                ((backslashes - kOnes) & ~backslashes));
  return (others & kHigh) == 0;
}

std::size_t plain_length(std::string_view value) {
  std::size_t size = 0;
  while (value.size() - size >= sizeof(std::uint64_t) && are_plain(value.data() + size))
    size += sizeof(std::uint64_t);
  while (size < value.size() && is_plain(value[size])) ++size;
  return size;
}

void append_quoted(std::string& text, std::string_view value) {
  text += '"';
  while (true) {
    const std::size_t plain = plain_length(value);
    text += value.substr(0, plain);
    value.remove_prefix(plain);
    if (value.empty()) break;
    const std::size_t length = utf8_length(value);
    if (length == 0) {
      text += "\xef\xbf\xbd";
    } else if (length == 1) {
      append_escaped(text, value.front());
    } else {
      text += value.substr(0, length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  text += '"';
}

}  // namespace

struct JsonWriter::State {
  struct Level {
    char closing;
    bool is_empty = true;
  };
  Style style;
  std::string text;
  std::vector<Level> levels;
  bool is_after_key = false;

  void begin_line() {
    if (style == Style::compact) return;
    text += '\n';
    text.append(2 * levels.size(), ' ');
  }
  // Writes the separator before an element or a member's name.
  void begin_item() {
    if (std::exchange(is_after_key, false) || levels.empty()) return;
    if (!levels.back().is_empty) text += ',';
    levels.back().is_empty = false;
    begin_line();
  }
  void open(char opening, char closing) {
    begin_item();
    text += opening;
    levels.push_back({closing});
  }
  void close(char closing) {
    check(!levels.empty() && levels.back().closing == closing && !is_after_key,
          "JSON objects and arrays are balanced");
    const bool is_empty = levels.back().is_empty;
    levels.pop_back();
    if (!is_empty) begin_line();
    text += closing;
  }
  void scalar(std::string_view written) {
    begin_item();
    text += written;
  }
};

JsonWriter::JsonWriter(Style style) : state_(std::make_unique<State>(State{style, {}, {}})) {}
JsonWriter::JsonWriter(JsonWriter&&) noexcept = default;
JsonWriter::~JsonWriter() = default;

JsonWriter& JsonWriter::begin_object() { return state_->open('{', '}'), *this; }
JsonWriter& JsonWriter::end_object() { return state_->close('}'), *this; }
JsonWriter& JsonWriter::begin_array() { return state_->open('[', ']'), *this; }
JsonWriter& JsonWriter::end_array() { return state_->close(']'), *this; }

JsonWriter& JsonWriter::key(std::string_view name) {
  check(!state_->levels.empty() && state_->levels.back().closing == '}' && !state_->is_after_key,
        "a JSON name stands in an object");
  state_->begin_item();
  append_quoted(state_->text, name);
  state_->text += state_->style == Style::compact ? ":" : ": ";
  state_->is_after_key = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  state_->begin_item();
  append_quoted(state_->text, value);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return state_->scalar({digits.data(), static_cast<std::size_t>(end - digits.data())}), *this;
}
JsonWriter& JsonWriter::boolean(bool value) { return state_->scalar(value ? "true" : "false"), *this; }
JsonWriter& JsonWriter::null() { return state_->scalar("null"), *this; }

// Recursion is bounded by the depth limit of the value's document.
JsonWriter& JsonWriter::value(JsonValue value) {
  if (value.is_object()) {
    begin_object();
    for (std::size_t i = 0; i < value.size(); ++i) key(value.name_at(i)).value(value.at(i));
    return end_object();
  }
  if (value.is_array()) {
    begin_array();
    for (std::size_t i = 0; i < value.size(); ++i) this->value(value.at(i));
    return end_array();
  }
  if (const auto text = value.as_string()) return string(*text);
  state_->scalar(value.dump());
  return *this;
}

std::string JsonWriter::str() const { return state_->text; }
std::string JsonWriter::take() { return std::exchange(state_->text, {}); }
std::size_t JsonWriter::size() const noexcept { return state_->text.size(); }

}  // namespace layoutfs
