// The members shared by the documents of an image.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

std::unexpected<Error> invalid(std::string message);  // Errc::invalid_image
// Returns a string member, "" if it is absent, null or of another type.
std::string text_of(JsonValue object, std::string_view name);
// Parses a JSON object and applies check_spelling().
Result<JsonDocument> parse_object(ByteView text, std::span<const std::string_view> names);
// Messages call the value `name`.
Result<Digest> parse_digest(std::optional<JsonValue> value, const std::string& name);

}  // namespace layoutfs
