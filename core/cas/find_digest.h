// Short digests: the first hex digits of a digest, as lists on a terminal print them.
#pragma once

#include <string_view>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Returns whether `text` has the form of a digest or a short one: lower-case hex digits, at least seven, not
// more than the algorithm has. The name of an algorithm and ':' may precede them.
bool is_short_digest(std::string_view text);

// Returns whether `text` is `digest`, or is_short_digest() and begins it, with or without its algorithm.
bool begins_digest(std::string_view text, const Digest& digest);

// Returns the digest that `text` is or begins. A whole digest need not exist. A short one is searched among
// the blobs of the layout and its entries. Cost of a short one: lists all blobs. Errc::digest_invalid if
// `text` is neither. Errc::not_found if nothing begins with it. Errc::ambiguous, with a list, if several do.
Result<Digest> find_digest(const LayoutReader& layout, std::string_view text, const Context& context = {});

// Errc::not_found: in NAME@DIGEST, the name exists, but belongs to `present`.
Error has_other_digest(std::string_view name, const std::vector<Digest>& present, std::string_view wanted);

}  // namespace layoutfs
