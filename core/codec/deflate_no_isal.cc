// Replaces deflate_isal.cc if ISA-L is not built in.
#include <zlib.h>

#include "core/codec/deflate_decoders.h"

namespace layoutfs {

std::unique_ptr<DeflateDecoder> make_isal_decoder() { return nullptr; }

std::uint32_t gzip_crc(std::uint32_t crc, ByteView bytes) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace layoutfs
