// Content digests, `algorithm:hex` (image-spec descriptor.md, "Digests"), and the hashing of content.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace layoutfs {

enum class Algorithm : std::uint8_t { sha256, sha512 };
// Every algorithm there is, for those who go through all blobs.
inline constexpr std::array kAlgorithms{Algorithm::sha256, Algorithm::sha512};
// What blobs are named by where nobody asks for another.
inline constexpr Algorithm kBlobAlgorithm = Algorithm::sha256;

// The name as it stands in front of the colon.
std::string_view name_of(Algorithm algorithm) noexcept;

// A digest that can be computed and that is safe as a path: a registered algorithm and exactly its number of
// lower-case hex digits. Or none at all, as in a descriptor that nobody has filled in.
class Digest {
 public:
  Digest() = default;
  // Errc::invalid_argument for everything that breaks the grammar; Errc::unsupported for an algorithm that is
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
  struct State;
  Algorithm algorithm_;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs

template <>
struct std::hash<layoutfs::Digest> {
  std::size_t operator()(const layoutfs::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.hex());
  }
};
