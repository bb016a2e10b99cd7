#include "core/layer/decode_layer.h"

#include <limits>
#include <utility>

#include "core/base/serial_executor.h"
#include "core/codec/parallel_indexing.h"

namespace layoutfs {
namespace {

constexpr std::size_t kPieceSize = std::size_t{512} << 10, kPieces = 4;
constexpr std::uint64_t kNoPoints = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Status decode_layer(Compression compression, HashingSource& source, std::uint64_t blob_size,
                    const std::function<void(ByteView)>& use, const std::function<Status()>& go_on) {
  const auto decoder = start_indexing_on(0, compression, source, kNoPoints, blob_size);
  BufferRing buffers(kPieces, kPieceSize);
  SerialExecutor using_them(kPieces);
  Status outcome;
  for (bool is_at_end = false; !is_at_end && outcome;) {
    const auto buffer = buffers.take();
    auto step = decoder->step({buffer.get(), kPieceSize});
    if (!step) {
      outcome = fail(std::move(step).error());
      break;
    }
    // The end of a small layer must not start a thread.
    if (step->size > 0) using_them.run([&use, buffer, size = step->size] { use({buffer.get(), size}); });
    is_at_end = step->end;
    if (!is_at_end) outcome = go_on();
  }
  using_them.finish();
  return outcome;
}

}  // namespace layoutfs
