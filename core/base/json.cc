// JSON by RapidJSON's iterative reader, as a tree that is destroyed without recursion.
#include "core/base/json.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory_resource>
#include <new>
#include <vector>

#include "core/base/check.h"
#include "core/base/json_names.h"
#include "core/base/utf8.h"

// Assertions that stay enabled.
#define RAPIDJSON_ASSERT(x) ::layoutfs::check(static_cast<bool>(x), #x)
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace layoutfs {
namespace {

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

// Children and characters are stored in the document's pool. The children of an object are its names, each
// followed by its value. Numbers keep their text.
struct Node {
  Kind kind = Kind::null;
  bool is_true = false;
  std::uint32_t size = 0;  // of characters, elements, members
  union {
    const Node* children = nullptr;
    const char* characters;
  };

  std::string_view text() const { return {characters, size}; }
};

const Node& as_node(const void* value) { return *static_cast<const Node*>(value); }

constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                                 rapidjson::kParseNumbersAsStringsFlag;
using Size = rapidjson::SizeType;

// RapidJSON's own allocator returns null if memory is exhausted, and its stack writes to that address.
class ThrowingAllocator {
 public:
  [[maybe_unused]] static constexpr bool kNeedFree = true;
  void* Malloc(std::size_t size) { return size == 0 ? nullptr : not_null(std::malloc(size)); }
  void* Realloc(void* memory, std::size_t /*size*/, std::size_t new_size) {
    if (new_size > 0) return not_null(std::realloc(memory, new_size));
    std::free(memory);
    return nullptr;
  }
  static void Free(void* memory) noexcept { std::free(memory); }

 private:
  static void* not_null(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
};
using Reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, ThrowingAllocator>;

// Builds the tree. Stops the reader if the text is nested too deeply or has too many values: a value takes 16
// bytes of memory, and possibly only two bytes of text.
class TreeBuilder {
 public:
  TreeBuilder(std::pmr::memory_resource& pool, const JsonLimits& limits) : pool_(pool), limits_(limits) {}

  bool is_too_deep() const { return is_too_deep_; }
  bool is_too_many() const { return values_ > limits_.values; }
  // Returns the name of a member that occurs twice in its object.
  std::optional<std::string_view> repeated() const { return repeated_; }
  // Precondition: the document is complete.
  Node root() const { return open_.front(); }

  bool Null() { return add({}); }
  bool Bool(bool value) { return add({.kind = Kind::boolean, .is_true = value}); }
  bool RawNumber(const char* text, Size size, bool) { return add_text(Kind::number, text, size); }
  bool String(const char* text, Size size, bool) { return add_text(Kind::string, text, size); }
  bool Key(const char* text, Size size, bool) { return add_text(Kind::string, text, size); }
  bool StartObject() { return enter(); }
  bool StartArray() { return enter(); }
  bool EndObject(Size members) {
    if (limits_.are_names_unique && members > 1) repeated_ = find_repeated(members);
    return !repeated_ && leave(Kind::object, members, std::size_t{2} * members);
  }
  bool EndArray(Size elements) { return leave(Kind::array, elements, elements); }

  // The reader passes numbers as text only.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  bool add(const Node& node) {
    if (++values_ > limits_.values) return false;
    open_.push_back(node);
    return true;
  }
  bool add_text(Kind kind, const char* text, Size size) {
    auto* const copy = static_cast<char*>(pool_.allocate(std::max<std::size_t>(size, 1), 1));
    std::copy_n(text, size, copy);
    Node node{.kind = kind, .size = size};
    node.characters = copy;
    return add(node);
  }
  bool enter() {
    is_too_deep_ = ++depth_ > limits_.depth;
    return !is_too_deep_ && ++values_ <= limits_.values;
  }
  // The last nodes are the `members` of the object.
  std::optional<std::string_view> find_repeated(Size members) {
    names_.clear();
    for (auto name = open_.end() - std::ptrdiff_t{2} * members; name != open_.end(); name += 2)
      names_.push_back(name->text());
    return repeated_name(names_);
  }
  // Makes the last `count` nodes the children of a new one.
  bool leave(Kind kind, Size size, std::size_t count) {
    --depth_;
    Node node{.kind = kind, .size = size};
    if (count > 0) {
      auto* const children = static_cast<Node*>(pool_.allocate(count * sizeof(Node), alignof(Node)));
      const auto first = open_.end() - static_cast<std::ptrdiff_t>(count);
      std::uninitialized_copy(first, open_.end(), children);
      open_.erase(first, open_.end());
      node.children = children;
    }
    open_.push_back(node);
    return true;
  }

  std::pmr::memory_resource& pool_;
  const JsonLimits& limits_;
  std::vector<Node> open_;               // their parents are not complete yet
  std::vector<std::string_view> names_;  // of the object that ends; a member to reuse its memory
  std::optional<std::string_view> repeated_;
  std::size_t values_ = 0;
  std::size_t depth_ = 0;
  bool is_too_deep_ = false;
};

const char* describe(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorValueInvalid:
      return "invalid value";
    case rapidjson::kParseErrorObjectMissName:
      return "expected a member name";
    case rapidjson::kParseErrorObjectMissColon:
      return "expected ':' after a member name";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
      return "expected ',' or '}'";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
      return "expected ',' or ']'";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "invalid escape or control character in a string";
    case rapidjson::kParseErrorStringMissQuotationMark:
      return "unterminated string";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return "invalid UTF-8 in a string";
    case rapidjson::kParseErrorNumberTooBig:
      return "number is too large";
    case rapidjson::kParseErrorNumberMissFraction:
    case rapidjson::kParseErrorNumberMissExponent:
      return "incomplete number";
    default:
      return "syntax error";
  }
}

bool is_blank(ByteView text) { return as_text(text).find_first_not_of(" \t\r\n") == std::string_view::npos; }

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// Returns the digits of a JSON number without fraction and exponent; "" if it is not an integer or has more
// digits than 64 bits hold.
std::string without_exponent(std::string_view number) {
  constexpr std::int64_t kMostDigits = 19;
  const bool is_negative = number.starts_with('-');
  number.remove_prefix(is_negative ? 1 : 0);
  const std::size_t mantissa_end = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, mantissa_end);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  std::string digits(mantissa.substr(0, point));
  if (point < mantissa.size()) digits += mantissa.substr(point + 1);
  const std::size_t last = digits.find_last_not_of('0');
  if (last == std::string::npos) return "0";
  std::string_view exponent = number.substr(std::min(mantissa_end + 1, number.size()));
  exponent.remove_prefix(exponent.starts_with('+') ? 1 : 0);
  const auto power = exponent.empty() ? 0 : parse_integer(exponent);
  // The number of zeros after the last other digit.
  const auto behind_point = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(last + 1);
  if (!power || *power < -behind_point || *power > kMostDigits - behind_point) return {};
  digits.resize(last + 1);
  digits.append(static_cast<std::size_t>(*power + behind_point), '0');
  return (is_negative ? "-" : "") + digits;
}

// Converts the reader's error to a message.
Status check_reading(const rapidjson::ParseResult& result, const TreeBuilder& builder, std::size_t end,
                     ByteView text, const JsonLimits& limits) {
  if (builder.is_too_deep())
    return fail(Errc::invalid_image,
                "JSON is nested deeper than " + std::to_string(limits.depth) + " levels");
  if (builder.is_too_many())
    return fail(Errc::invalid_image, "JSON has more than " + std::to_string(limits.values) + " values");
  const auto at = [](std::size_t offset) { return " at byte " + std::to_string(offset); };
  constexpr std::size_t kMostShown = 64;
  if (const auto name = builder.repeated())
    return fail(Errc::invalid_image, "duplicate JSON member '" + printable(name->substr(0, kMostShown)) +
                                         "' in the object that ends" + at(result.Offset()));
  // RapidJSON treats a NUL byte as the end of the text; in JSON it is an error.
  const bool is_ended_early = !result.IsError() && end < text.size();
  if (is_ended_early || result.Code() == rapidjson::kParseErrorDocumentRootNotSingular)
    return fail(Errc::invalid_image,
                "unexpected data after the JSON value" + at(result.IsError() ? result.Offset() : end));
  if (!result.IsError()) return {};
  const char* const what = result.Offset() < text.size() ? "invalid JSON" : "unexpected end of JSON";
  return fail(Errc::invalid_image, what + at(result.Offset()) + ": " + describe(result.Code()));
}

}  // namespace

bool JsonValue::is_object() const { return as_node(value_).kind == Kind::object; }
bool JsonValue::is_array() const { return as_node(value_).kind == Kind::array; }
bool JsonValue::is_null() const { return as_node(value_).kind == Kind::null; }

std::optional<JsonValue> JsonValue::find(std::string_view name) const {
  if (!is_object()) return std::nullopt;
  for (std::size_t i = 0; i < size(); ++i)
    if (name_at(i) == name) return at(i);
  return std::nullopt;
}

std::size_t JsonValue::size() const { return is_object() || is_array() ? as_node(value_).size : 0; }

JsonValue JsonValue::at(std::size_t position) const {
  check(position < size(), "a position inside a JSON value");
  const Node* const children = as_node(value_).children;
  return JsonValue(is_array() ? children + position : children + 2 * position + 1);
}

std::string_view JsonValue::name_at(std::size_t position) const {
  check(is_object() && position < size(), "a position inside a JSON object");
  return as_node(value_).children[2 * position].text();
}

std::optional<std::string_view> JsonValue::as_string() const {
  const auto& node = as_node(value_);
  if (node.kind != Kind::string) return std::nullopt;
  return node.text();
}

std::optional<std::int64_t> JsonValue::as_integer() const {
  const auto& node = as_node(value_);
  if (node.kind != Kind::number) return std::nullopt;
  if (const auto number = parse_integer(node.text())) return number;
  return parse_integer(without_exponent(node.text()));
}

std::optional<bool> JsonValue::as_bool() const {
  const auto& node = as_node(value_);
  if (node.kind != Kind::boolean) return std::nullopt;
  return node.is_true;
}

std::string JsonValue::dump() const {
  const auto& node = as_node(value_);
  switch (node.kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return node.is_true ? "true" : "false";
    case Kind::number:
      return std::string(node.text());
    case Kind::string:
    case Kind::array:
    case Kind::object:
      return JsonWriter().value(*this).str();
  }
  return {};
}

struct JsonDocument::State {
  std::pmr::monotonic_buffer_resource pool;
  Node root;
};

JsonDocument::JsonDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

Result<JsonDocument> JsonDocument::parse(ByteView text, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    return fail(Errc::invalid_image, "JSON is larger than " + std::to_string(limits.bytes) + " bytes");
  if (is_blank(text)) return fail(Errc::invalid_image, "JSON is empty");
  auto state = std::make_unique<State>();
  TreeBuilder builder(state->pool, limits);
  rapidjson::MemoryStream stream(as_text(text).data(), text.size());
  Reader reader;
  const auto result = reader.Parse<kParseFlags>(stream, builder);
  auto status = check_reading(result, builder, stream.Tell(), text, limits);
  if (!status) return fail(std::move(status).error());
  state->root = builder.root();
  return JsonDocument(std::move(state));
}

JsonValue JsonDocument::root() const { return JsonValue(&state_->root); }

}  // namespace layoutfs
