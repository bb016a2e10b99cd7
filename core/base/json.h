// JSON documents (RFC 8259) from outside: parsed without recursion, within limits, into an immutable tree.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct JsonLimits {
  std::size_t bytes = std::size_t{4} << 20;  // what registries must accept for a manifest (distribution-spec)
  std::size_t depth = 128;                   // nested arrays and objects
  std::size_t values = std::size_t{1} << 19;  // and member names: bounds the memory that a document takes
  // Whether to refuse an object with two members of one name (RFC 7493, 2.3). RFC 8259 leaves to each reader
  // which of them it takes, so the same bytes would be two documents.
  bool are_names_unique = true;
};

// A value inside a JsonDocument, which must outlive it. Getters of another kind than the value's give
// nothing.
class JsonValue {
 public:
  bool is_object() const;
  bool is_array() const;
  bool is_null() const;
  // The member of an object; the first one if the document was parsed without JsonLimits::are_names_unique.
  std::optional<JsonValue> find(std::string_view name) const;
  // Members of an object or elements of an array, by position; `position` < size().
  std::size_t size() const;
  JsonValue at(std::size_t position) const;              // an array's element, or an object's member value
  std::string_view name_at(std::size_t position) const;  // an object's member name
  std::optional<std::string_view> as_string() const;
  // A whole number, however it is written (12, 12.0 and 1.2e1 are one), if it fits.
  std::optional<std::int64_t> as_integer() const;
  std::optional<bool> as_bool() const;
  // This value as compact JSON, members in their order.
  std::string dump() const;

 private:
  friend class JsonDocument;
  friend class JsonWriter;
  explicit JsonValue(const void* value) : value_(value) {}
  const void* value_;
};

class JsonDocument {
 public:
  // Errc::invalid_image with the offset of the first fault: broken JSON, invalid UTF-8, nothing at all,
  // anything but blanks after the value, two members of one name, too large, too deep, too many values.
  static Result<JsonDocument> parse(ByteView text, const JsonLimits& limits = {});
  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;
  ~JsonDocument();
  JsonValue root() const;

 private:
  struct State;
  explicit JsonDocument(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Errc::invalid_image if `object` has a member whose name differs from one of `fields` (all ASCII) only in
// case: Go's encoding/json takes it for that field, other readers do not.
Status check_spelling(JsonValue object, std::span<const std::string_view> fields);

// Builds JSON text for people and programs: objects and arrays nest by begin_*/end_*; correct escaping.
class JsonWriter {
 public:
  enum class Style { compact, indented };
  explicit JsonWriter(Style style = Style::compact);
  JsonWriter(JsonWriter&&) noexcept;
  ~JsonWriter();
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  // Bytes that are not UTF-8 are written as U+FFFD.
  JsonWriter& string(std::string_view value);
  JsonWriter& integer(std::int64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // An existing value, copied with all it holds.
  JsonWriter& value(JsonValue value);
  // The text so far, without a final newline.
  std::string str() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What Go's encoding/json writes for a map: compact, members sorted by the bytes of their names, '<', '>',
// '&', U+2028 and U+2029 escaped, a newline at the end. Numbers stay as they are written.
std::string canonical_json(JsonValue value);

}  // namespace layoutfs
