#include "core/cas/incoming.h"

#include <fcntl.h>

#include <tuple>

#include "core/base/hash_pipe.h"

namespace layoutfs {

void Writeback::advance(int fd, std::uint64_t size) noexcept {
  constexpr std::uint64_t kStep = std::uint64_t{8} << 20;
  if (size - begun_ < kStep) return;
  std::ignore = ::sync_file_range(fd, static_cast<off64_t>(begun_), static_cast<off64_t>(size - begun_),
                                  SYNC_FILE_RANGE_WRITE);
  begun_ = size;
}

Result<PutResult> hash_content(ByteSource& content, Algorithm algorithm, const Context& context) {
  HashPipe hashes(algorithm);
  for (std::uint64_t size = 0;;) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto got = content.read(hashes.buffer());
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return PutResult{hashes.finish(), size};
    hashes.submit(*got);
    size += *got;
  }
}

}  // namespace layoutfs
