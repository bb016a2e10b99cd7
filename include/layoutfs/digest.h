// Content digests, `algorithm:hex` (image-spec descriptor.md, "Digests"), and the hashing of content.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Those that are built in; register_algorithm gives others.
enum class Algorithm : std::uint8_t { sha256, sha512 };
// What blobs are named by where nobody asks for another.
inline constexpr Algorithm kBlobAlgorithm = Algorithm::sha256;

// Every algorithm there is by now, for those who go through all blobs: those built in, then the others in the
// order of their registration.
std::span<const Algorithm> algorithms() noexcept;
// The name as it stands in front of the colon.
std::string_view name_of(Algorithm algorithm) noexcept;
// Nothing where none of that name is registered.
std::optional<Algorithm> find_algorithm(std::string_view name) noexcept;

// One run of a hash function.
class HashFunction {
 public:
  virtual ~HashFunction() = default;
  virtual void update(ByteView piece) = 0;
  // Once, at the end. `hash` has the algorithm's size.
  virtual void finish(std::span<std::byte> hash) = 0;
  // A second run that has seen what this one has.
  virtual std::unique_ptr<HashFunction> clone() const = 0;
};

// Adds an algorithm of `size` bytes, 4 to 64, for the rest of the process: digests of that name are from then
// on parsed, verified and stored as any other. Register before layouts are opened: a watch and a listing do
// not look for an algorithm that came later. Any thread may register; `start` is called by any thread.
// Errc::invalid_argument for a name that breaks the grammar (image-spec descriptor.md, "Digests") or that a
// layout has another use for, and for a size out of range; Errc::already_exists; Errc::unsupported once there
// are sixteen.
Result<Algorithm> register_algorithm(std::string_view name, std::size_t size,
                                     std::function<std::unique_ptr<HashFunction>()> start);

// A digest that can be computed and that is safe as a path: a registered algorithm and exactly its number of
// lower-case hex digits. Or none at all, as in a descriptor that nobody has filled in.
class Digest {
 public:
  Digest() = default;
  // Errc::digest_invalid for everything that breaks the grammar; Errc::unsupported for an algorithm that is
  // grammatical but not registered.
  static Result<Digest> parse(std::string_view text);
  static Digest of(ByteView content, Algorithm algorithm = kBlobAlgorithm);

  bool empty() const noexcept { return hex_.empty(); }
  Algorithm algorithm() const noexcept { return algorithm_; }
  const std::string& hex() const noexcept { return hex_; }
  // "sha256:4f53..."; nothing where it is empty.
  std::string str() const;
  // The first twelve hex digits, for people.
  std::string_view short_hex() const noexcept { return std::string_view(hex_).substr(0, 12); }
  // Where the blob lies below a layout: "blobs/sha256/4f53...".
  std::string blob_path() const;

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  friend class Hasher;
  Digest(Algorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}
  Algorithm algorithm_ = kBlobAlgorithm;
  std::string hex_;
};

// Hashes content that arrives in pieces.
class Hasher {
 public:
  explicit Hasher(Algorithm algorithm = kBlobAlgorithm);
  // A second hasher that has seen what the first has.
  Hasher(const Hasher& other);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void update(ByteView piece);
  // Once, at the end.
  Digest finish();

 private:
  Algorithm algorithm_;
  std::unique_ptr<HashFunction> function_;
};

}  // namespace layoutfs

template <>
struct std::hash<layoutfs::Digest> {
  std::size_t operator()(const layoutfs::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.hex());
  }
};
