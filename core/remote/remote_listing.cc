#include "core/remote/remote_listing.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/json.h"
#include "core/http/fields.h"
#include "core/remote/percent.h"
#include "core/remote/referrers_tag.h"
#include "core/remote/response_text.h"
#include "core/remote/url.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

constexpr std::size_t kPageSize = 1000;
constexpr std::size_t kMostNames = 1'000'000;
constexpr std::size_t kMostPages = 10'000;

// Returns the URL of the next page in a Link field (RFC 8288): <URL>; rel="next". Empty if there is none.
std::string next_link(const HttpResponse& response) {
  const auto links = response.fields("Link");
  for (const std::string_view link : links) {
    const auto begin = link.find('<');
    const auto end = link.find('>');
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) continue;
    const std::string_view parameters = link.substr(end + 1);
    if (parameters.find("rel=\"next\"") == std::string_view::npos &&
        parameters.find("rel=next") == std::string_view::npos)
      continue;
    return std::string(link.substr(begin + 1, end - begin - 1));
  }
  return {};
}

// Adds the names of one document.
Status add_names(ByteView document, const std::string& member, std::set<std::string>& names) {
  const auto parsed = JsonDocument::parse(document);
  const auto list = parsed && parsed->root().is_object() ? parsed->root().find(member) : std::nullopt;
  if (!list || (!list->is_array() && !list->is_null()))
    return fail(Errc::io, "not a registry: the answer has no list of " + member);
  for (std::size_t i = 0; list->is_array() && i < list->size(); ++i) {
    const JsonValue element = list->at(i);
    const auto name = element.as_string();
    if (!name) return fail(Errc::io, "the list of " + member + " has an element that is no name");
    names.emplace(*name);
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> list_remote_names(RegistrySession& session, const std::string& path,
                                                   const std::string& member, const Page& page,
                                                   const Context& context) {
  std::set<std::string> names;
  RegistryRequest request{.path = path + "?n=" + std::to_string(kPageSize)};
  if (!page.start_after.empty()) request.path += "&last=" + percent_encoded(page.start_after);
  request.purpose = RemotePurpose::pull_by_tag;
  request.if_missing = RegistryCode::name_unknown;
  for (std::size_t pages = 0;; ++pages) {
    const auto document = session.fetch(request, context);
    if (!document) return fail(Error(document.error()));
    const HttpResponse& response = *document->response;
    const std::size_t before = names.size();
    if (auto added = add_names(document->bytes, member, names); !added)
      return fail(std::move(added).error(), session.name());
    const std::string link = next_link(response);
    if (link.empty()) break;
    // A page without a new name would be followed by the same one.
    if (names.size() == before || pages == kMostPages)
      return fail(Errc::io, session.name() + ": the list of " + member + " has no end");
    if (names.size() > kMostNames)
      return fail(Errc::unsupported,
                  session.name() + ": the list has more than " + std::to_string(kMostNames) + " names");
    auto next = resolve_url(response.url(), link);
    if (!next) return fail(std::move(next).error(), session.name() + ": link to the next page");
    request.url = *std::move(next);
  }
  std::vector<std::string> sorted(names.upper_bound(page.start_after), names.end());
  if (page.limit != 0 && sorted.size() > page.limit) sorted.resize(page.limit);
  return sorted;
}

Result<std::optional<std::vector<Descriptor>>> list_own_referrers(RegistrySession& session,
                                                                  const Digest& digest,
                                                                  const Context& context) {
  RegistryRequest request{.path = "referrers/" + digest.str()};
  request.accepted = {404, 405};
  const auto document = session.fetch(request, context);
  if (!document) return fail(Error(document.error()));
  if (document->response->status() != 200) return std::nullopt;
  auto index = Index::parse(document->bytes);
  if (!index)
    return fail(Errc::io, session.name() + "@" + digest.str() + ": the list of referrers is not an index");
  return std::move(index->manifests);
}

Result<std::vector<Descriptor>> list_remote_referrers(RegistrySession& session, const Digest& digest,
                                                      const Context& context) {
  auto own = list_own_referrers(session, digest, context);
  if (!own) return fail(std::move(own).error());
  return *own ? std::move(**own) : read_referrers_tag(session, digest, context);
}

}  // namespace layoutfs
