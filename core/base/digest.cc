// Digests over OpenSSL's EVP interface.
#include "core/base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>

#include "core/base/check.h"

namespace layoutfs {
namespace {

struct AlgorithmInfo {
  std::string_view name;
  std::size_t hex_digits;
  const EVP_MD* (*method)();
};
// In the order of Algorithm.
constexpr std::array kAlgorithmInfos{AlgorithmInfo{"sha256", 64, EVP_sha256},
                                     AlgorithmInfo{"sha512", 128, EVP_sha512}};

const AlgorithmInfo& info(Algorithm algorithm) {
  return kAlgorithmInfos[static_cast<std::size_t>(algorithm)];
}

// Without a branch for each digit: an index of many images is full of them, and none can be foreseen.
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

std::string_view name_of(Algorithm algorithm) noexcept { return info(algorithm).name; }

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::size_t kMaxShown = 160;
  const auto invalid = [&] {
    return fail(Errc::invalid_argument, "invalid digest '" + std::string(text.substr(0, kMaxShown)) + "'");
  };
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return invalid();
  const auto name = text.substr(0, colon);
  const auto hex = text.substr(colon + 1);
  const auto found = std::ranges::find(kAlgorithmInfos, name, &AlgorithmInfo::name);
  if (found == kAlgorithmInfos.end() && is_algorithm_name(name) && is_encoded(hex))
    return fail(Errc::unsupported,
                "digest algorithm '" + std::string(name.substr(0, kMaxShown)) + "' is not supported");
  if (found == kAlgorithmInfos.end() || hex.size() != found->hex_digits || !is_lower_hex(hex))
    return invalid();
  return Digest(static_cast<Algorithm>(found - kAlgorithmInfos.begin()), std::string(hex));
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

struct Hasher::State {
  State() : context(EVP_MD_CTX_new()) {
    if (context == nullptr) throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }

  EVP_MD_CTX* context;
};

Hasher::Hasher(Algorithm algorithm) : algorithm_(algorithm), state_(std::make_unique<State>()) {
  check(EVP_DigestInit_ex(state_->context, info(algorithm).method(), nullptr) == 1, "OpenSSL has SHA-2");
}
Hasher::Hasher(const Hasher& other) : algorithm_(other.algorithm_), state_(std::make_unique<State>()) {
  check(EVP_MD_CTX_copy_ex(state_->context, other.state_->context) == 1, "OpenSSL copies SHA-2");
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(ByteView piece) {
  check(EVP_DigestUpdate(state_->context, piece.data(), piece.size()) == 1, "hashing does not fail");
}

Digest Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_->context, hash.data(), &size) == 1, "hashing does not fail");
  std::string hex;
  hex.reserve(2 * std::size_t{size});
  for (unsigned i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[hash[i] >> 4];
    hex += "0123456789abcdef"[hash[i] & 15];
  }
  return Digest(algorithm_, std::move(hex));
}

}  // namespace layoutfs
