#include "core/layer/text_pool.h"

#include <algorithm>
#include <random>

#include "core/base/xxh3.h"

namespace layoutfs {
namespace {

std::uint64_t random_seed() {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
  }();
  return seed;
}

}  // namespace

TextPool::TextPool() : notes_(0, Hash{{&bytes_}, random_seed()}, Equal{{&bytes_}}) {}

std::size_t TextPool::Hash::of_text(std::string_view text) const {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

TextPool::Note TextPool::append(std::string_view text) {
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  bytes_.append(text);
  return {offset, static_cast<std::uint32_t>(text.size())};
}

TextPool::Note TextPool::find_or_append(std::string_view text) {
  if (text.empty()) return {0, 0};
  if (const auto found = notes_.find(text); found != notes_.end()) return *found;
  return *notes_.insert(append(text)).first;
}

std::size_t TextPool::longest_chain() const {
  std::size_t longest = 0;
  for (std::size_t bucket = 0; bucket < notes_.bucket_count(); ++bucket)
    longest = std::max(longest, notes_.bucket_size(bucket));
  return longest;
}

}  // namespace layoutfs
