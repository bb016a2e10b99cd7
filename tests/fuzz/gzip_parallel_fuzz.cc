// Fuzzes the decoding of a gzip blob in chunks, and compares it with the decoder for one thread. An input is
// options, and a blob that may be damaged.
#include <random>

#include "core/codec/deflate_block_finder.h"
#include "core/codec/gzip.h"
#include "core/codec/gzip_parallel.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/gzip_blobs.h"

namespace layoutfs::fuzzing {
namespace {

constexpr std::size_t kMostDecoded = std::size_t{4} << 20;

// Decodes until the end, an error, or kMostDecoded bytes.
Result<Bytes> decode(IndexingDecoder& decoder, std::size_t step_size) {
  Bytes plain, out(step_size);
  for (;;) {
    auto step = decoder.step(out);
    if (!step) return fail(std::move(step).error());
    plain.insert(plain.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(step->size));
    // A damaged blob may have unusable points.
    if (step->point) static_cast<void>(step->point->make_state({}));
    if (step->end || plain.size() > kMostDecoded) return plain;
  }
}

// Bytes of the input, repeated: a blob of some pieces needs more than an input has.
Bytes blob_of(Input& input) {
  if ((input.byte() & 1) != 0) return copy_of(input.rest());
  const testing::GzipOptions options{.level = input.byte() % 10,
                                     .strategy = input.byte() % 5,
                                     .memory_level = 1 + input.byte() % 9,
                                     .flush = input.byte() % 2 == 0 ? Z_NO_FLUSH : Z_SYNC_FLUSH,
                                     .piece = 500 + input.below(1 << 16)};
  const std::size_t member = 1000 + input.below(1 << 16) * 4;
  const std::size_t damage_at = input.number(), damage = input.byte() % 4 == 0 ? input.byte() : 0;
  Bytes plain = testing::sample_bytes(40'000 + input.below(1 << 16), input.number());
  const ByteView rest = input.rest();
  for (std::size_t at = 0; at < plain.size() && !rest.empty(); at += 3 * rest.size() + 1000)
    copy_bytes(rest.first(std::min(rest.size(), plain.size() - at)), std::span(plain).subspan(at));
  Bytes blob = testing::gzip_members_of(plain, member, options);
  blob[damage_at % blob.size()] ^= static_cast<std::byte>(damage);
  return blob;
}

void run(Input input) {
  const GzipParallelOptions options{
      .threads = input.byte() % std::size_t{4} + 1,
      .library = input.byte() % 2 == 0 ? best_deflate_library() : DeflateLibrary::zlib,
      .piece_size = 1000 + input.below(1 << 15),
      .chunk_size = 10'000 + input.below(1 << 16) * 4};
  const std::uint64_t spacing = 1000 + input.below(1 << 16);
  const std::size_t step_size = 2000 + input.below(1 << 16);
  const Bytes blob = blob_of(input);
  for (std::uint64_t from = 0;;) {
    const auto found = find_dynamic_block(blob, from, blob.size() * 8);
    if (!found) break;
    check(*found >= from && *found < blob.size() * 8, "a block is outside of its range");
    from = *found + 1;
  }
  MemorySource source(blob), again(blob);
  const auto expected = decode(*start_indexing_gzip_by(options.library, source, spacing), step_size);
  const auto found = decode(*start_indexing_gzip_in_parallel(again, spacing, options), step_size);
  check(found.has_value() == expected.has_value(), "only one of two decoders accepts a blob");
  if (!found) return check(found.error().code() == expected.error().code(), "the errors differ");
  // Steps may have other sizes.
  const std::size_t size = std::min({found->size(), expected->size(), kMostDecoded});
  check(std::equal(found->begin(), found->begin() + static_cast<std::ptrdiff_t>(size), expected->begin()),
        "the streams differ");
  check(found->size() == expected->size() || size == kMostDecoded, "the sizes differ");
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs;
  fuzzing::run(fuzzing::Input(data, size));
  return 0;
}
