#include "core/registry/push_content.h"

#include <string>
#include <utility>

namespace layoutfs {
namespace {

constexpr std::size_t kStep = std::size_t{256} << 10;  // bytes

Result<Descriptor> push_all(BlobWriter& writer, ByteSource& content, const Digest& digest,
                            std::optional<std::uint64_t> size, const Context& context) {
  const auto wrong_size = [&](const std::string& bytes) {
    return fail(Errc::size_invalid,
                digest.str() + ": the content has " + bytes + " bytes, not " + std::to_string(*size));
  };
  for (Bytes piece(kStep);;) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto got = content.read(piece);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) break;
    if (size && writer.size() + *got > *size) return wrong_size("more");
    if (auto written = writer.write(ByteView(piece).first(*got)); !written)
      return fail(std::move(written).error());
  }
  if (size && writer.size() != *size) return wrong_size(std::to_string(writer.size()));
  auto chosen = digest.empty() ? writer.digest(context) : Result<Digest>(digest);
  if (!chosen) return fail(std::move(chosen).error());
  return writer.commit(*chosen, context);
}

}  // namespace

Result<Descriptor> push_content(BlobWriter& writer, ByteSource& content, const Digest& digest,
                                std::optional<std::uint64_t> size, const Context& context) {
  auto pushed = push_all(writer, content, digest, size, context);
  if (!pushed) ignore(writer.cancel(), "the first error is returned, and the store removes the upload later");
  return pushed;
}

}  // namespace layoutfs
