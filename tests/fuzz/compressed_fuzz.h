// A compressed blob compared with another decoder: every point must give the same bytes.
#pragma once

#include <functional>
#include <optional>

#include "core/layer/indexer.h"
#include "core/layer/layer_index.h"
#include "core/stream/layer_stream.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs::fuzzing {

inline constexpr std::size_t kTarBlockSize = 512;
// Longer streams are indexed and not compared: the index must be bounded, the comparison need not be.
inline constexpr std::size_t kMostPlain = std::size_t{4} << 20;

// Decodes a blob with the other decoder until its end, an error, or `limit` bytes.
using PlainDecoder = Bytes (*)(ByteView blob, std::size_t limit);
// Compresses `plain` with parameters from the input.
using Compressor = Bytes (*)(ByteView plain, Input& input);

// A stream described by a few bytes: pieces of the input, and copies of preceding data, near and far. It
// starts with the end marker of a tar, so that the rest may be anything.
inline Bytes described_stream(Input& input) {
  constexpr std::size_t kLongest = 300'000;
  Bytes plain(2 * kTarBlockSize);
  while (!input.empty() && plain.size() < kLongest) {
    const std::size_t kind = input.byte();
    if (kind < 192) {
      const ByteView piece = input.bytes(kind + 1);
      plain.insert(plain.end(), piece.begin(), piece.end());
      continue;
    }
    const std::size_t distance = 1 + input.below(1 << 16) % plain.size();
    for (std::size_t left = input.below(10'000); left > 0; --left)
      plain.push_back(plain[plain.size() - distance]);
  }
  return plain;
}

// Changes up to three bytes of `blob`; whether it changed any.
inline bool damage(Bytes& blob, Input& input) {
  bool is_damaged = false;
  for (int left = input.byte() % 4; left > 0 && !blob.empty(); --left) {
    const auto change = static_cast<std::byte>(input.byte());
    blob[input.number() % blob.size()] ^= change;
    is_damaged = true;
  }
  return is_damaged;
}

class BlobCheck {
 public:
  BlobCheck(Bytes blob, Compression compression, PlainDecoder decode)
      : blob_(std::move(blob)),
        compression_(compression),
        plain_(decode(blob_, kMostPlain + 1)),
        content_(std::make_shared<testing::MemoryBlob>(blob_)) {}

  // If `expected` is given, the blob must be accepted, with that stream.
  void run(std::uint64_t spacing, Choices choices, const Bytes* expected) {
    if (detect_compression(blob_) != compression_)
      return check(expected == nullptr, "a compression was not seen");
    const Digest digest = Digest::of(blob_);
    if (plain_.size() > kMostPlain) {
      ignore(index_layer(content_, digest), "any content may be damaged");
      return;
    }
    // Few points: each costs time.
    spacing = std::max<std::uint64_t>(spacing, plain_.size() / 64 + 1);
    auto file = index_layer(content_, digest, {.spacing = spacing});
    if (expected != nullptr) check(file.has_value() && plain_ == *expected, "a good blob is refused");
    if (file) {
      const auto index =
          must(LayerIndex::open(SharedBytes::of(*std::move(file)), digest), "an index does not open");
      check(index->diff_id() == Digest::of(ByteView(plain_).first(check_size(index->stream().size))),
            "the stream has another digest");
      check(index->blob_size() == blob_.size(), "the blob has another size");
      return read(index->stream(), choices);
    }
    // Most streams are no tars; they can be read all the same.
    const auto indexed = testing::index_stream(compression_, blob_, spacing);
    if (!indexed) return;
    check(is_consistent(indexed->index(), blob_.size()), "the tables contradict each other");
    read(indexed->index(), choices);
  }

 private:
  std::size_t check_size(std::uint64_t size) const {
    check(size <= plain_.size(), "more was decoded than the other decoder makes of it");
    return static_cast<std::size_t>(size);
  }

  void read(const StreamIndex& index, Choices choices) const {
    const ByteView plain = ByteView(plain_).first(check_size(index.size));
    // Room for a few spans only, so that most reads decode.
    const LayerStream stream([this] { return content_; }, index, std::make_shared<SpanCache>(1 << 16));
    check(stream.size() == plain.size(), "the stream has another size");
    Bytes buffer;
    for (int left = 12; left > 0; --left) {
      const std::size_t offset = choices.below(plain.size() + 2);
      buffer.assign(1 + choices.below(left % 3 == 0 ? plain.size() + 10 : 3000), std::byte{0xee});
      const std::size_t size = must(stream.read(buffer, offset), "a stream cannot be read");
      const ByteView rest = plain.subspan(std::min(offset, plain.size()));
      const ByteView wanted = rest.first(std::min(buffer.size(), rest.size()));
      check(std::ranges::equal(ByteView(buffer).first(size), wanted), "a stream reads otherwise");
    }
  }

  const Bytes blob_;
  const Compression compression_;
  const Bytes plain_;
  const BlobPtr content_;
};

// An input is a blob, or describes a stream to compress and the damage.
inline void run_compressed(Input input, Compression compression, PlainDecoder decode, Compressor compress) {
  const bool is_blob = (input.byte() & 1) != 0;
  const std::uint64_t spacing = 1 + input.below(1 << 15);
  const Choices choices(input.number());
  if (is_blob) return BlobCheck(copy_of(input.rest()), compression, decode).run(spacing, choices, nullptr);

  Input options(input.bytes(32));
  const Bytes plain = described_stream(input);
  Bytes blob = compress(plain, options);
  const bool is_damaged = damage(blob, options);
  BlobCheck(std::move(blob), compression, decode).run(spacing, choices, is_damaged ? nullptr : &plain);
}

}  // namespace layoutfs::fuzzing
