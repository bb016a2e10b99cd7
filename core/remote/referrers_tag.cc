#include "core/remote/referrers_tag.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/cas/descriptor_json.h"
#include "core/oci/media_types.h"
#include "layoutfs/documents.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {
namespace {

std::string path_of(const Digest& subject) {
  return "manifests/" + std::string(name_of(subject.algorithm())).substr(0, 32) + "-" +
         subject.hex().substr(0, 64);
}

Result<Index> read_index(RegistrySession& session, const Digest& subject, const Context& context) {
  RegistryRequest request{.path = path_of(subject)};
  request.fields.emplace_back("Accept", std::string(media_type::kOciIndex));
  request.purpose = RemotePurpose::pull_by_tag;
  request.accepted = {404};
  const auto document = session.fetch(request, context);
  if (!document) return fail(Error(document.error()));
  if (document->response->status() == 404) return Index();
  auto index = Index::parse(document->bytes);
  if (!index)
    return fail(Errc::io, session.name() + "@" + subject.str() + ": the list of referrers is not an index");
  return index;
}

// Replaces the index by one with the entries of `index`. Errc::io if it had others, which would be lost.
Status write_index(RegistrySession& session, const Digest& subject, const Index& index,
                   const Context& context) {
  if (!index.problems.empty())
    return fail(Errc::io, session.name() + "@" + subject.str() +
                              ": the list of referrers cannot be changed: " + index.problems.front());
  JsonWriter json;
  json.begin_object().key("schemaVersion").integer(2).key("mediaType").string(media_type::kOciIndex);
  json.key("manifests").begin_array();
  for (const Descriptor& each : index.manifests) write_descriptor(json, each);
  const std::string text = json.end_array().end_object().str();
  RegistryRequest request{.method = "PUT", .path = path_of(subject)};
  request.fields.emplace_back("Content-Type", std::string(media_type::kOciIndex));
  request.body = as_bytes(text);
  request.purpose = RemotePurpose::push;
  const auto response = session.send(request, context);
  return response ? Status() : fail(Error(response.error()));
}

// Returns false if the registry does not delete tags. It is no error if the tag does not exist.
Result<bool> delete_index(RegistrySession& session, const Digest& subject, const Context& context) {
  RegistryRequest request{.method = "DELETE", .path = path_of(subject)};
  request.purpose = RemotePurpose::push;
  request.accepted = {400, 404, 405};
  const auto response = session.send(request, context);
  if (response) return (*response)->status() != 400 && (*response)->status() != 405;
  const RegistryCode code = registry_code(response.error());
  if (code == RegistryCode::digest_invalid || code == RegistryCode::unsupported) return false;
  return fail(Error(response.error()));
}

}  // namespace

Result<std::vector<Descriptor>> read_referrers_tag(RegistrySession& session, const Digest& subject,
                                                   const Context& context) {
  auto index = read_index(session, subject, context);
  if (!index) return fail(std::move(index).error());
  return std::move(index->manifests);
}

Status add_to_referrers_tag(RegistrySession& session, const Referrer& referrer, const Context& context) {
  auto index = read_index(session, referrer.subject, context);
  if (!index) return fail(std::move(index).error());
  if (std::ranges::find(index->manifests, referrer.descriptor.digest, &Descriptor::digest) !=
      index->manifests.end())
    return {};
  index->manifests.push_back(referrer.descriptor);
  return write_index(session, referrer.subject, *index, context);
}

Result<bool> remove_from_referrers_tag(RegistrySession& session, const Digest& subject,
                                       const Digest& referrer, const Context& context) {
  auto index = read_index(session, subject, context);
  if (!index) return fail(std::move(index).error());
  const auto is_referrer = [&](const Descriptor& each) { return each.digest == referrer; };
  if (std::erase_if(index->manifests, is_referrer) == 0) return false;
  if (index->manifests.empty() && index->problems.empty()) {
    const auto is_deleted = delete_index(session, subject, context);
    if (!is_deleted) return fail(Error(is_deleted.error()));
    if (*is_deleted) return true;
  }
  auto written = write_index(session, subject, *index, context);
  if (!written) return fail(std::move(written).error());
  return true;
}

}  // namespace layoutfs
