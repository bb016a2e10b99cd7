// The file of a namespace of named images: a JSON document of version 1, with an array `images` sorted by
// name. Each has `name`, `labels`, `createdAt` and `updatedAt` (RFC 3339, UTC, nanoseconds), and the
// descriptor `target`.
#pragma once

#include <string>

#include "core/base/json.h"
#include "core/names/named_image.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

inline constexpr JsonLimits kImageDocumentLimits{
    .bytes = std::size_t{64} << 20, .depth = 128, .values = std::size_t{4} << 20};

// Errc::invalid_image if it is not such a document, or if an image in it differs from the result of
// checked(). Errc::unsupported if it has another version, or a digest of an unknown algorithm.
Result<NamedImages> parse_image_document(ByteView text);
std::string image_document(const NamedImages& images);
// Writes an image in this format.
void write_image(JsonWriter& writer, const NamedImage& image);

}  // namespace layoutfs
