// Members that the documents of an image have in common.
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
// Returns a string member; empty if it is absent, null or something else.
std::string text_of(JsonValue object, std::string_view name);
// Returns a JSON object without members that check_spelling() refuses.
Result<JsonDocument> parse_object(ByteView text, std::span<const std::string_view> names);
// `name` is the name of the value in errors.
Result<Digest> parse_digest(std::optional<JsonValue> value, const std::string& name);

}  // namespace layoutfs
