// The grammars of the OCI distribution specification, section "Pulling manifests", and of references to
// images.
#include "core/oci/repository_names.h"

#include <algorithm>

#include "core/cas/named_entries.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxRepository = 255, kMaxTag = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return (c >= 'a' && c <= 'z') || is_digit(c); }
bool is_alphanumeric(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

// Letters and digits, separated by single '.', '_', "__", or any number of '-'.
bool is_repository_component(std::string_view text) {
  if (text.empty() || !is_lower(text.front()) || !is_lower(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower(text[i])) {
      ++i;
      continue;
    }
    const auto end = std::min(text.find_first_not_of(text[i], i), text.size());
    const std::size_t count = end - i;
    const bool is_separator =
        text[i] == '-' || (text[i] == '.' && count == 1) || (text[i] == '_' && count <= 2);
    if (!is_separator || end == text.size() || !is_lower(text[end])) return false;
    i = end;
  }
  return true;
}

bool is_port(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

// RFC 1123 labels.
bool is_domain(std::string_view text) {
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    const bool is_label = !label.empty() && label.front() != '-' && label.back() != '-' &&
                          std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
    if (!is_label) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// "[" IPv6 "]", checked only roughly.
bool is_bracketed(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
         text.substr(1, text.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") ==
             std::string_view::npos;
}

std::unexpected<Error> invalid_reference(std::string_view text) {
  return fail(Errc::invalid_argument, "invalid reference syntax: '" + std::string(text) + "'");
}

std::unexpected<Error> foreign(std::string_view what, std::string_view ref_name) {
  return fail(Errc::invalid_image, std::string(what) + " ref.name '" + std::string(ref_name) + "'");
}

}  // namespace

bool is_repository_name(std::string_view name) noexcept {
  if (name.size() > kMaxRepository) return false;
  while (true) {
    const auto slash = name.find('/');
    if (!is_repository_component(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

bool is_tag(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMaxTag && (is_alphanumeric(name.front()) || name.front() == '_') &&
         std::ranges::all_of(name,
                             [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_registry_host(std::string_view name) noexcept {
  if (is_bracketed(name)) return true;
  const auto colon = name.rfind(':');
  if (colon == std::string_view::npos) return name.contains('.') && is_domain(name);
  const auto host = name.substr(0, colon);
  return is_port(name.substr(colon + 1)) && (is_bracketed(host) || is_domain(host));
}

Result<RegistryReference> RegistryReference::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !is_registry_host(text.substr(0, slash)))
    return parse_relative(text);
  auto reference = parse_relative(text.substr(slash + 1));
  if (!reference) return invalid_reference(text);
  reference->host = text.substr(0, slash);
  return reference;
}

Result<RegistryReference> RegistryReference::parse_relative(std::string_view text) {
  RegistryReference reference;
  const auto at = text.find('@');
  if (at != std::string_view::npos) {
    auto digest = Digest::parse(text.substr(at + 1));
    if (!digest) return fail(std::move(digest).error(), "invalid reference syntax");
    reference.digest = std::move(*digest);
  }
  const auto name = text.substr(0, at);
  const auto colon = name.find(':');
  reference.repository = name.substr(0, colon);
  if (colon != std::string_view::npos) reference.tag = name.substr(colon + 1);
  const bool is_valid =
      is_repository_name(reference.repository) && (colon == std::string_view::npos || is_tag(reference.tag));
  if (!is_valid) return invalid_reference(text);
  return reference;
}

std::string RegistryReference::str() const {
  std::string text = host.empty() ? repository : host + '/' + repository;
  if (!tag.empty()) text += ':' + tag;
  if (!digest.empty()) text += '@' + digest.str();
  return text;
}

Result<EntryName> parse_entry_name(std::string_view ref_name, std::string_view default_repository) {
  if (ref_name.empty()) {
    if (default_repository.empty()) return foreign("empty", ref_name);
    return EntryName{std::string(default_repository), {}};
  }
  if (is_tag(ref_name)) {
    if (default_repository.empty()) return foreign("ambiguous", ref_name);
    return EntryName{std::string(default_repository), std::string(ref_name)};
  }
  const auto at = ref_name.find('@');
  if (at != std::string_view::npos && !Digest::parse(ref_name.substr(at + 1)))
    return foreign("invalid", ref_name);
  const auto name = ref_name.substr(0, at);
  if (is_repository_name(name)) return EntryName{std::string(name), {}};
  const auto colon = name.rfind(':');
  if (colon == std::string_view::npos || !is_repository_name(name.substr(0, colon)) ||
      !is_tag(name.substr(colon + 1)))
    return foreign("invalid", ref_name);
  return EntryName{std::string(name.substr(0, colon)), std::string(name.substr(colon + 1))};
}

Result<EntryName> entry_name_of(const Descriptor& entry, std::string_view default_repository) {
  const std::string_view own = entry.ref_name().value_or("");
  if (auto name = parse_entry_name(own, {})) return name;
  const auto full = full_name(entry);
  if (!full || !default_repository.empty()) return parse_entry_name(own, default_repository);
  const auto reference = RegistryReference::parse(*full);
  if (!reference) return parse_entry_name(own, default_repository);
  const std::string whole = reference->host + "/" + reference->repository;
  return EntryName{is_repository_name(whole) ? whole : reference->repository, reference->tag};
}

}  // namespace layoutfs
