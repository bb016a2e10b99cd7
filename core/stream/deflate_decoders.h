// The libraries behind deflate.h.
#pragma once

#include <memory>

#include "core/stream/deflate.h"

namespace layoutfs {

std::unique_ptr<DeflateDecoder> make_zlib_decoder();
// Null where it is not built in.
std::unique_ptr<DeflateDecoder> make_isal_decoder();

}  // namespace layoutfs
