#pragma once

#include <cstdint>
#include <string_view>

namespace layoutfs {

// The filesystem of the kernel that shows a layout or an image.
enum class View : std::uint8_t {
  fuse,    // the server answers all requests
  kernel,  // EROFS shows an image, and reads the content of files from the server
};
constexpr std::string_view name_of(View view) noexcept { return view == View::kernel ? "kernel" : "fuse"; }

}  // namespace layoutfs
