// Digests, their algorithms, and SHA-2 over OpenSSL's EVP interface.
#include "layoutfs/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <new>
#include <utility>

#include "core/base/check.h"

namespace layoutfs {
namespace {

// OpenSSL's hash functions.
class EvpHash final : public HashFunction {
 public:
  explicit EvpHash(const EVP_MD* method) : EvpHash() {
    // OpenSSL always has SHA-2, so the only possible failure is lack of memory.
    if (EVP_DigestInit_ex(context_.get(), method, nullptr) != 1) throw std::bad_alloc();
  }

  void update(ByteView piece) override {
    check(EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) == 1, "hashing does not fail");
  }
  void finish(std::span<std::byte> hash) override {
    auto* const out = reinterpret_cast<unsigned char*>(hash.data());
    check(EVP_DigestFinal_ex(context_.get(), out, nullptr) == 1, "hashing does not fail");
  }
  std::unique_ptr<HashFunction> clone() const override {
    std::unique_ptr<EvpHash> copy(new EvpHash());
    if (EVP_MD_CTX_copy_ex(copy->context_.get(), context_.get()) != 1) throw std::bad_alloc();
    return copy;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };

  EvpHash() : context_(EVP_MD_CTX_new()) {
    if (!context_) throw std::bad_alloc();
  }

  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

struct AlgorithmInfo {
  std::string name;
  std::size_t size = 0;  // bytes of a hash
  std::function<std::unique_ptr<HashFunction>()> start;
};

constexpr std::size_t kMaxAlgorithms = 16;
constexpr std::size_t kMinHashSize = 4;   // messages show the first twelve hex digits
                                          // them distinct
constexpr std::size_t kMaxHashSize = 64;  // bytes

// The algorithms, in the order of Algorithm. Entries below `count` never change, so readers take no lock:
// parsing a digest is frequent.
class Registered {
 public:
  Registered() {
    constexpr std::string_view kWhyIgnored = "there is room for the first ones, and no other of their names";
    ignore(add("sha256", 32, [] { return std::make_unique<EvpHash>(EVP_sha256()); }), kWhyIgnored);
    ignore(add("sha512", 64, [] { return std::make_unique<EvpHash>(EVP_sha512()); }), kWhyIgnored);
  }

  std::span<const AlgorithmInfo> infos() const noexcept {
    return std::span(infos_).first(count_.load(std::memory_order_acquire));
  }
  std::span<const Algorithm> algorithms() const noexcept {
    return std::span(algorithms_).first(count_.load(std::memory_order_acquire));
  }

  Result<Algorithm> add(std::string_view name, std::size_t size,
                        std::function<std::unique_ptr<HashFunction>()> start) {
    const std::lock_guard lock(adding_);
    const std::size_t count = count_.load(std::memory_order_relaxed);
    if (std::ranges::find(infos(), name, &AlgorithmInfo::name) != infos().end())
      return fail(Errc::already_exists, "digest algorithm '" + std::string(name) + "' is registered");
    if (count == kMaxAlgorithms)
      return fail(Errc::unsupported, "no more than " + std::to_string(count) + " digest algorithms");
    infos_[count] = {.name = std::string(name), .size = size, .start = std::move(start)};
    algorithms_[count] = static_cast<Algorithm>(count);
    count_.store(count + 1, std::memory_order_release);
    return algorithms_[count];
  }

 private:
  std::mutex adding_;  // held while an algorithm is added
  std::array<AlgorithmInfo, kMaxAlgorithms> infos_;
  std::array<Algorithm, kMaxAlgorithms> algorithms_{};
  std::atomic<std::size_t> count_ = 0;
};

Registered& registered() {
  static Registered registered;
  return registered;
}

const AlgorithmInfo& info(Algorithm algorithm) {
  return registered().infos()[static_cast<std::size_t>(algorithm)];
}

// No branch per digit: large indexes contain many digests, and branches on random digits are mispredicted.
bool is_lower_hex(std::string_view text) {
  unsigned others = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_digit = static_cast<unsigned char>(byte - '0') < 10;
    const bool is_letter = static_cast<unsigned char>(byte - 'a') < 6;
    others |= static_cast<unsigned>(!(is_digit | is_letter));
  }
  return others == 0;
}

// image-spec descriptor.md: algorithm-component separated by '+', '.', '_' or '-'.
bool is_algorithm_name(std::string_view name) {
  bool is_component_open = false;
  for (const char c : name) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!is_letter && (!is_component_open || std::string_view("+._-").find(c) == std::string_view::npos))
      return false;
    is_component_open = is_letter;
  }
  return is_component_open;
}

bool is_encoded(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '=' ||
           c == '_' || c == '-';
  });
}

}  // namespace

std::span<const Algorithm> algorithms() noexcept { return registered().algorithms(); }

std::string_view name_of(Algorithm algorithm) noexcept { return info(algorithm).name; }

std::optional<Algorithm> find_algorithm(std::string_view name) noexcept {
  const auto infos = registered().infos();
  const auto found = std::ranges::find(infos, name, &AlgorithmInfo::name);
  if (found == infos.end()) return std::nullopt;
  return static_cast<Algorithm>(found - infos.begin());
}

Result<Algorithm> register_algorithm(std::string_view name, std::size_t size,
                                     std::function<std::unique_ptr<HashFunction>()> start) {
  // blobs/ also contains the directory of chunked uploads.
  if (!is_algorithm_name(name) || name == "uploads")
    return fail(Errc::invalid_argument,
                "'" + std::string(name) + "' is not a valid name of a digest algorithm");
  if (size < kMinHashSize || size > kMaxHashSize)
    return fail(Errc::invalid_argument,
                "digest algorithm '" + std::string(name) + "': a hash of " + std::to_string(size) + " bytes");
  return registered().add(name, size, std::move(start));
}

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::size_t kMaxShown = 160;
  const auto invalid = [&] {
    return fail(Errc::digest_invalid, "invalid digest '" + std::string(text.substr(0, kMaxShown)) + "'");
  };
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return invalid();
  const auto name = text.substr(0, colon);
  const auto hex = text.substr(colon + 1);
  const auto algorithm = find_algorithm(name);
  if (!algorithm && is_algorithm_name(name) && is_encoded(hex))
    return fail(Errc::unsupported,
                "digest algorithm '" + std::string(name.substr(0, kMaxShown)) + "' is not supported");
  if (!algorithm || hex.size() != 2 * info(*algorithm).size || !is_lower_hex(hex)) return invalid();
  return Digest(*algorithm, std::string(hex));
}

Digest Digest::of(ByteView content, Algorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(content);
  return hasher.finish();
}

std::string Digest::str() const {
  return empty() ? std::string() : std::string(name_of(algorithm_)) + ':' + hex_;
}

std::string Digest::blob_path() const { return "blobs/" + std::string(name_of(algorithm_)) + '/' + hex_; }

Hasher::Hasher(Algorithm algorithm) : algorithm_(algorithm), function_(info(algorithm).start()) {}
Hasher::Hasher(const Hasher& other) : algorithm_(other.algorithm_), function_(other.function_->clone()) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(ByteView piece) { function_->update(piece); }

Digest Hasher::finish() {
  std::array<std::byte, kMaxHashSize> buffer{};
  const auto hash = std::span(buffer).first(info(algorithm_).size);
  function_->finish(hash);
  std::string hex;
  hex.reserve(2 * hash.size());
  for (const std::byte byte : hash) {
    hex += "0123456789abcdef"[std::to_integer<unsigned>(byte >> 4)];
    hex += "0123456789abcdef"[std::to_integer<unsigned>(byte & std::byte{15})];
  }
  return Digest(algorithm_, std::move(hex));
}

}  // namespace layoutfs
