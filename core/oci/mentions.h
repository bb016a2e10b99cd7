// The digests that occur in a document, whatever the document means.
#pragma once

#include <vector>

#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Returns whether `content` looks like a document: a JSON object or array, as far as its first byte that is
// not a blank tells.
bool looks_like_document(ByteView content) noexcept;

// Returns every digest of a registered algorithm that occurs in the strings of a document, each once, sorted:
// as `algorithm:hex`, and as `algorithm/hex` and `algorithm-hex`, which paths and tags have instead. Escapes
// in JSON strings are resolved; text that is not JSON is searched as it stands. Cost: linear in the size.
std::vector<Digest> digests_in(ByteView document);

}  // namespace layoutfs
