#include "core/oci/image_facts.h"

#include <string>
#include <utility>

#include "core/oci/documents.h"
#include "core/oci/graph.h"

namespace layoutfs {

Result<Descriptor> config_of(const Provider& provider, const Descriptor& image) {
  if (document_kind(image.media_type) != DocumentKind::manifest)
    return fail(Errc::invalid_argument,
                image.digest.str() + ": media type '" + image.media_type + "' is not that of a manifest");
  auto manifest = read_manifest(provider, image);
  if (!manifest) return fail(std::move(manifest).error());
  return std::move(manifest->config);
}

Result<std::vector<Digest>> diff_ids_of(const Provider& provider, const Descriptor& config) {
  auto read = read_config(provider, config);
  if (!read) return fail(std::move(read).error());
  return std::move(read->diff_ids);
}

Result<std::uint64_t> size_of_image(const Provider& provider, const Descriptor& image, Missing missing,
                                    const Context& context) {
  std::uint64_t size = 0;
  const Handler add = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (__builtin_add_overflow(size, descriptor.size, &size))
      return fail(Errc::invalid_image, image.digest.str() + ": the sizes are beyond 2^64");
    return Visit();
  };
  const OnProblem on_problem = [&](const Descriptor&, Error problem) -> Status {
    if (missing == Missing::leaf && problem.code() == Errc::not_found) return {};
    return fail(std::move(problem));
  };
  const auto walked =
      walk(std::span(&image, 1), handlers({add, children_handler(provider, on_problem)}), context);
  if (!walked) return fail(Error(walked.error()));
  return size;
}

std::vector<Digest> chain_ids_of(std::span<const Digest> diff_ids) {
  std::vector<Digest> chain;
  chain.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids)
    chain.push_back(chain.empty() ? diff_id : Digest::of(as_bytes(chain.back().str() + " " + diff_id.str())));
  return chain;
}

}  // namespace layoutfs
