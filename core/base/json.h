// Untrusted JSON documents (RFC 8259): parsed without recursion, within limits, to an immutable tree.
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
  std::size_t bytes = std::size_t{4} << 20;   // registries must accept this size for a manifest
                                              // (distribution-spec)
  std::size_t depth = 128;                    // nested arrays and objects
  std::size_t values = std::size_t{1} << 19;  // including member names: bounds the memory of a document
  // Refuse objects with two members of one name (RFC 7493, 2.3). RFC 8259 lets each reader choose one of
  // them, so different readers could see different documents.
  bool are_names_unique = true;
};

// A value in a JsonDocument, which must outlive it. Getters return nullopt or empty values if the value has
// another type.
class JsonValue {
 public:
  bool is_object() const;
  bool is_array() const;
  bool is_null() const;
  // Returns the member of an object; the first one if JsonLimits::are_names_unique was off.
  std::optional<JsonValue> find(std::string_view name) const;
  // The members of an object or the elements of an array. Precondition: `position` < size().
  std::size_t size() const;
  JsonValue at(std::size_t position) const;              // an element, or the value of a member
  std::string_view name_at(std::size_t position) const;  // the name of a member
  std::optional<std::string_view> as_string() const;
  // Returns an integer if it fits, in any notation: 12, 12.0 and 1.2e1 are equal.
  std::optional<std::int64_t> as_integer() const;
  std::optional<bool> as_bool() const;
  // Returns this value as compact JSON with its members in the original order.
  std::string dump() const;

 private:
  friend class JsonDocument;
  friend class JsonWriter;
  explicit JsonValue(const void* value) : value_(value) {}
  const void* value_;
};

class JsonDocument {
 public:
  // Errc::invalid_image, with the offset of the first error, if the text is empty or not a single JSON value
  // in UTF-8, if an object has two members of one name, or if it exceeds a limit.
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

// Errc::invalid_image if a member's name differs from one of `fields` (ASCII) only in case: Go's
// encoding/json would accept it as that field, other readers would not.
Status check_spelling(JsonValue object, std::span<const std::string_view> fields);

// Builds JSON text: objects and arrays nest by begin_*/end_*, strings are escaped.
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
  // Invalid UTF-8 is written as U+FFFD.
  JsonWriter& string(std::string_view value);
  JsonWriter& integer(std::int64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // Copies an existing value with its descendants.
  JsonWriter& value(JsonValue value);
  // Returns the text so far, without a final newline.
  std::string str() const;
  // Returns the text since the last take(), for documents that are too large for memory. The pieces together
  // are the document.
  std::string take();
  // Returns the number of bytes that take() would return.
  std::size_t size() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Returns the text that Go's encoding/json writes for a map: compact, members sorted by the bytes of their
// names, '<', '>', '&', U+2028 and U+2029 escaped, a newline at the end. Numbers keep their text.
std::string canonical_json(JsonValue value);

}  // namespace layoutfs
