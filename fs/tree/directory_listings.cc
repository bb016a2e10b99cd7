#include "fs/tree/directory_listings.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <tuple>
#include <utility>

#include "layoutfs/digest.h"

namespace layoutfs {

// 61 bits of SHA-256, so that nobody can construct many names with one position.
std::uint64_t position_of(std::string_view name) {
  constexpr std::uint64_t kFirst = std::uint64_t{1} << 32;  // lower positions are for "." and ".."
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 61) - 1;
  const std::string hex = Digest::of(as_bytes(name)).hex();
  std::uint64_t bits = 0;
  std::from_chars(hex.data(), hex.data() + 16, bits, 16);
  return kFirst + (bits & kMask);
}

DirectoryListing in_order(std::vector<VirtualNode::Name> names) {
  DirectoryListing listing;
  listing.reserve(names.size());
  for (VirtualNode::Name& name : names) {
    const std::uint64_t position = position_of(name.name);
    listing.push_back({position, std::move(name)});
  }
  std::ranges::sort(listing, {}, [](const ListedName& listed) {
    return std::tuple(listed.position, std::string_view(listed.name.name));
  });
  // Positions must increase, so that every reader makes progress.
  for (std::size_t i = 1; i < listing.size(); ++i)
    listing[i].position = std::max(listing[i].position, listing[i - 1].position + 1);
  return listing;
}

Answer<std::shared_ptr<const DirectoryListing>> DirectoryListings::listing(InodeNumber number,
                                                                           VirtualNode& node, bool is_start,
                                                                           const Context& context) {
  const auto now = Clock::now();
  if (!is_start) {
    auto remembered = remembered_.lock();
    const auto found = std::ranges::find(*remembered, number, &Remembered::number);
    if (found != remembered->end() && now - found->made < kShortly) return found->listing;
  }
  auto names = node.list(context);
  if (!names) return std::unexpected(names.error());
  auto listing = std::make_shared<const DirectoryListing>(in_order(std::move(*names)));
  std::list<Remembered> dropped;  // destroyed after the lock is released
  auto remembered = remembered_.lock();
  if (const auto found = std::ranges::find(*remembered, number, &Remembered::number);
      found != remembered->end()) {
    if (found->made > now) return listing;  // another thread was faster with a later reader
    dropped.splice(dropped.end(), *remembered, found);
  }
  if (listing->size() <= kPage) return listing;
  remembered->push_front({number, now, listing});
  if (remembered->size() > kMaxListings)
    dropped.splice(dropped.end(), *remembered, std::prev(remembered->end()));
  return listing;
}

}  // namespace layoutfs
