#include "core/oci/document_members.h"

namespace layoutfs {

std::unexpected<Error> invalid(std::string message) { return fail(Errc::invalid_image, std::move(message)); }

std::string text_of(JsonValue object, std::string_view name) {
  const auto member = object.find(name);
  const auto text = member ? member->as_string() : std::nullopt;
  return std::string(text.value_or(""));
}

Result<JsonDocument> parse_object(ByteView text, std::span<const std::string_view> names) {
  auto document = JsonDocument::parse(text);
  if (!document) return document;
  const auto root = document->root();
  if (!root.is_object()) return invalid("not a JSON object");
  if (auto spelled = check_spelling(root, names); !spelled) return fail(std::move(spelled).error());
  return document;
}

Result<Digest> parse_digest(std::optional<JsonValue> value, const std::string& name) {
  const auto text = value ? value->as_string() : std::nullopt;
  if (!text) return invalid(name + " is not a string");
  auto digest = Digest::parse(*text);
  if (digest) return digest;
  if (digest.error().code() == Errc::unsupported) return fail(std::move(digest).error(), name);
  return invalid(name + ": " + digest.error().message());
}

}  // namespace layoutfs
