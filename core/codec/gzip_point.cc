#include "core/codec/gzip_point.h"

#include <algorithm>
#include <utility>

namespace layoutfs {

void extend_window(Bytes& window, ByteView decoded) {
  decoded = decoded.last(std::min(decoded.size(), kDeflateWindow));
  const std::size_t kept = std::min(window.size(), kDeflateWindow - decoded.size());
  window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(kept));
  window.insert(window.end(), decoded.begin(), decoded.end());
}

Result<FoundPoint> gzip_point(GzipInflater& inflater, GzipInflater::Stop stop, Bytes window,
                              std::shared_ptr<GzipStateWriter> states) {
  const std::uint64_t position = inflater.position();
  if (stop == GzipInflater::Stop::member)
    return FoundPoint{position, [](ByteView) { return at_gzip_header(); }};
  auto& input = inflater.input();
  if (auto status = input.look_ahead(WindowThinner::kLookAhead); !status)
    return std::unexpected(std::move(status.error()));
  ByteView following = input.available_from(position / 8);
  following = following.first(std::min(following.size(), WindowThinner::kLookAhead));
  return FoundPoint{position, [states = std::move(states), window = std::move(window),
                               first_bit = static_cast<unsigned>(position % 8),
                               blob = Bytes(following.begin(), following.end())](ByteView stream) mutable {
                      return states->at_block(window, block_start(blob, first_bit), stream);
                    }};
}

}  // namespace layoutfs
