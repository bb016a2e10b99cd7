#include "core/cas/verifying_source.h"

#include <algorithm>
#include <limits>
#include <string>

namespace layoutfs {

VerifyingSource::VerifyingSource(ByteSource& content, Digest digest, std::optional<std::uint64_t> size)
    : content_(content), digest_(std::move(digest)), size_(size), hashes_(digest_.algorithm()) {}

Result<std::size_t> VerifyingSource::read(std::span<std::byte> out) {
  if (outcome_) return *outcome_ ? Result<std::size_t>(0) : fail(Error(outcome_->error()));
  if (out.empty()) return 0;
  const std::span<std::byte> piece = hashes_.buffer();
  // Read one byte beyond the expected size to detect longer content.
  const std::uint64_t left = size_.value_or(std::numeric_limits<std::uint64_t>::max()) - received_;
  const auto wanted = static_cast<std::size_t>(
      std::min<std::uint64_t>(left < piece.size() ? left + 1 : left, std::min(out.size(), piece.size())));
  auto got = content_.read(piece.first(wanted));
  if (!got) {
    outcome_ = std::unexpected(got.error());
    return got;
  }
  if (*got == 0) {
    outcome_ = check_end();
    return *outcome_ ? Result<std::size_t>(0) : fail(Error(outcome_->error()));
  }
  if (*got > left) {
    outcome_ =
        fail(Errc::corrupt, digest_.str() + ": content is longer than " + std::to_string(*size_) + " bytes");
    return fail(Error(outcome_->error()));
  }
  hashes_.submit(*got);
  received_ += *got;
  std::copy_n(piece.begin(), *got, out.begin());
  return got;
}

Status VerifyingSource::check_end() {
  const Digest found = hashes_.finish();
  if (found != digest_) return fail(Errc::corrupt, digest_.str() + ": content has digest " + found.str());
  if (size_ && received_ != *size_)
    return fail(Errc::corrupt, digest_.str() + ": content has " + std::to_string(received_) +
                                   " bytes instead of " + std::to_string(*size_));
  return {};
}

Status VerifyingSource::close() {
  Bytes rest(HashPipe::kPieceSize);
  for (;;) {
    const auto got = read(rest);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return {};
  }
}

}  // namespace layoutfs
