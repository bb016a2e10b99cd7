// The grammar of reference names.
#pragma once

#include <string_view>

namespace layoutfs {

// image-spec annotations.md, `org.opencontainers.image.ref.name`: components of letters and digits with
// single separators (one of -._:@+ or "--") inside, joined by '/'.
bool is_reference_name(std::string_view name) noexcept;

// The same for a file in `refs/`: letters, digits, '.', '_' and '-', at most 255 bytes, neither "." nor "..".
bool is_reference_file_name(std::string_view name) noexcept;

}  // namespace layoutfs
