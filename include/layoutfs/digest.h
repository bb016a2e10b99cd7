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

// The built-in algorithms. register_algorithm() adds others.
enum class Algorithm : std::uint8_t { sha256, sha512 };
// The algorithm of blob names if the caller does not choose one.
inline constexpr Algorithm kBlobAlgorithm = Algorithm::sha256;

// Returns all known algorithms: the built-in ones, then the others in order of registration. Any thread may
// call it.
std::span<const Algorithm> algorithms() noexcept;
// Returns the name in front of the colon, e.g. "sha256".
std::string_view name_of(Algorithm algorithm) noexcept;
// Returns nullopt if no algorithm of that name is registered.
std::optional<Algorithm> find_algorithm(std::string_view name) noexcept;

// The state of one hash computation. For one thread at a time.
class HashFunction {
 public:
  virtual ~HashFunction() = default;
  virtual void update(ByteView piece) = 0;
  // Writes the result. Call it once, at the end. `hash` has the size of the algorithm.
  virtual void finish(std::span<std::byte> hash) = 0;
  // Returns a copy of the state, which continues independently.
  virtual std::unique_ptr<HashFunction> clone() const = 0;
};

// Adds an algorithm with hashes of `size` bytes, 4 to 64, for the rest of the process. Digests with that name
// are then parsed, verified and stored like any other. Register before opening layouts: existing watches and
// listings ignore later algorithms. Any thread may register; any thread calls `start`.
// Errc::invalid_argument if the name breaks the grammar (image-spec descriptor.md, "Digests") or is reserved
// in a layout, or if the size is out of range. Errc::already_exists if the name is registered.
// Errc::unsupported if there are already sixteen algorithms.
Result<Algorithm> register_algorithm(std::string_view name, std::size_t size,
                                     std::function<std::unique_ptr<HashFunction>()> start);

// A digest that is safe as a path: a registered algorithm and exactly its number of lower-case hex digits. A
// default-constructed digest is empty.
class Digest {
 public:
  Digest() = default;
  // Errc::digest_invalid if `text` breaks the grammar. Errc::unsupported if the algorithm is well-formed but
  // not registered.
  static Result<Digest> parse(std::string_view text);
  // Returns the digest of `content`. Cost: hashes all of it.
  static Digest of(ByteView content, Algorithm algorithm = kBlobAlgorithm);

  bool empty() const noexcept { return hex_.empty(); }
  Algorithm algorithm() const noexcept { return algorithm_; }
  const std::string& hex() const noexcept { return hex_; }
  // Returns "sha256:4f53...", or "" if the digest is empty.
  std::string str() const;
  // Returns the first twelve hex digits, for display.
  std::string_view short_hex() const noexcept { return std::string_view(hex_).substr(0, 12); }
  // Returns the path of the blob in a layout: "blobs/sha256/4f53...".
  std::string blob_path() const;

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  friend class Hasher;
  Digest(Algorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}
  Algorithm algorithm_ = kBlobAlgorithm;
  std::string hex_;
};

// Hashes content incrementally. For one thread at a time.
class Hasher {
 public:
  // Throws std::bad_alloc.
  explicit Hasher(Algorithm algorithm = kBlobAlgorithm);
  // Copies the state: both hashers continue independently.
  Hasher(const Hasher& other);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void update(ByteView piece);
  // Returns the digest. Call it once, at the end.
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
