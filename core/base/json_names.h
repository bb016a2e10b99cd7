// Names of JSON members, compared as other readers compare them.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace layoutfs {

// Returns a name that occurs twice in `names`, which it may reorder. Cost: n log n comparisons.
std::optional<std::string_view> repeated_name(std::span<std::string_view> names);

// Returns whether Go's encoding/json accepts a member `name` for its field `field`, which is ASCII: they are
// equal under Unicode's simple case folding, in which U+017F is an s and U+212A a k.
bool is_folded_equal(std::string_view name, std::string_view field) noexcept;

}  // namespace layoutfs
