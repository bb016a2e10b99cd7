#include "core/layer/diff_id.h"

#include <array>

#include "core/tar/tar_header.h"

namespace layoutfs {

std::vector<Digest> diff_ids_of(Hasher stream) {
  constexpr std::size_t kRecordBlocks = 20;
  constexpr std::array<std::byte, kTarBlock> kZeros{};
  std::vector<Digest> digests;
  for (std::size_t missing = 0; missing <= kRecordBlocks; ++missing) {
    digests.push_back(Hasher(stream).finish());
    stream.update(kZeros);
  }
  return digests;
}

}  // namespace layoutfs
