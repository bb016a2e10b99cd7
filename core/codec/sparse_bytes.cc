// Writes and reads runs of needed bytes.
#include "core/codec/sparse_bytes.h"

#include <algorithm>
#include <optional>

#include "core/base/check.h"

namespace layoutfs {
namespace {

void append_number(Bytes& out, std::size_t number) {
  for (; number >= 128; number >>= 7) out.push_back(static_cast<std::byte>(128 | (number & 127)));
  out.push_back(static_cast<std::byte>(number));
}

// Removes a number from the front of `rest`. Returns nullopt if it is not a number below 2^28.
std::optional<std::size_t> take_number(ByteView& rest) {
  std::size_t number = 0;
  for (unsigned shift = 0; shift < 28 && !rest.empty(); shift += 7) {
    const auto byte = std::to_integer<std::size_t>(rest.front());
    rest = rest.subspan(1);
    number |= (byte & 127) << shift;
    if (byte < 128) return number;
  }
  return std::nullopt;
}

bool skip_numbers(ByteView& rest, std::size_t count) {
  for (; count > 0; --count)
    if (!take_number(rest)) return false;
  return true;
}

// Calls run(bytes, place) for each run, with its place in the window. Returns false if `packed` is not
// exactly that many runs, or if they do not fit.
template <class Run>
bool take_runs(ByteView packed, std::size_t runs, std::span<std::byte> window, Run run) {
  ByteView gaps = packed, lengths = gaps;
  if (!skip_numbers(lengths, runs)) return false;
  ByteView bytes = lengths;
  if (!skip_numbers(bytes, runs)) return false;
  for (; runs > 0; --runs) {
    const std::size_t gap = *take_number(gaps), size = *take_number(lengths) + 1;
    if (gap > window.size() || size > window.size() - gap || size > bytes.size()) return false;
    run(bytes.first(size), window.subspan(gap, size));
    bytes = bytes.subspan(size);
    window = window.subspan(gap + size);
  }
  return bytes.empty();
}

}  // namespace

void RunWriter::add(std::size_t at, ByteView bytes) {
  append_number(gaps_, at - end_);
  append_number(lengths_, bytes.size() - 1);
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  end_ = at + bytes.size();
  ++runs_;
}

void RunWriter::finish(Bytes& out) const {
  for (const Bytes* part : {&gaps_, &lengths_, &bytes_}) out.insert(out.end(), part->begin(), part->end());
}

void RunWriter::clear() noexcept {
  for (Bytes* part : {&gaps_, &lengths_, &bytes_}) part->clear();
  runs_ = 0;
  end_ = 0;
}

bool copy_runs(ByteView packed, std::size_t runs, std::span<std::byte> window) {
  return take_runs(packed, runs, window,
                   [](ByteView bytes, std::span<std::byte> to) { copy_bytes(bytes, to); });
}

void clear_runs(ByteView packed, std::size_t runs, std::span<std::byte> window) noexcept {
  const bool are_right = take_runs(
      packed, runs, window, [](ByteView, std::span<std::byte> to) { std::ranges::fill(to, std::byte{0}); });
  check(are_right, "the runs have been copied");
}

}  // namespace layoutfs
