// Finds all digests in a document, independent of its meaning.
#pragma once

#include <vector>

#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Returns whether `content` looks like a document: its first byte that is not a blank starts a JSON object or
// array.
bool looks_like_document(ByteView content) noexcept;

// Returns all digests of registered algorithms in the strings of a document, sorted, without duplicates.
// Recognizes `algorithm:hex`, and `algorithm/hex` and `algorithm-hex` as in paths and tags. Decodes escapes
// in JSON strings; searches text that is not JSON verbatim. Cost: linear in the size.
std::vector<Digest> digests_in(ByteView document);

}  // namespace layoutfs
